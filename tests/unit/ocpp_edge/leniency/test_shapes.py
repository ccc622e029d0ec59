"""Every schema has its shape: it leaves a valid payload alone, and of any other it makes what the schema wants."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpp_edge.leniency.repair import mend
from ocpp_edge.leniency.rules import DISPENSABLE, FREE_WORDS, LASTING_NAMES, NAMES, PROOFS, REGISTERS, SETTINGS
from ocpp_edge.rpc.schemas import PayloadSchema, load
from ocpp_edge.versions import Version
from tests.fixtures.properties import examples
from tests.unit.ocpp_edge.payloads import an

_KNOWN = {
    *("$id", "$ref", "$schema", "additionalItems", "additionalProperties", "comment", "default", "definitions"),
    *("description", "enum", "format", "items", "javaType", "maxItems", "maxLength", "maximum", "minItems", "minimum"),
    *("multipleOf", "properties", "required", "title", "type"),
}
SCHEMAS: list[tuple[Version, str, PayloadSchema]] = [
    (version, action, schema)
    for version in Version
    for part in (load(version).requests, load(version).responses)
    for action, schema in part.items()
]


def definitions(schema: Any) -> list[dict[str, Any]]:
    """A schema and all that are within."""
    inside = [*schema.get("properties", {}).values(), *schema.get("definitions", {}).values()]
    inside += [schema["items"]] if "items" in schema else []
    return [schema, *(found for part in inside for found in definitions(part))]


def test_the_schemas_use_no_keyword_that_the_shapes_do_not_know() -> None:
    used = {keyword for _, _, schema in SCHEMAS for part in definitions(schema.definition) for keyword in part}
    assert used <= _KNOWN


def test_every_property_of_the_tables_is_one_of_some_schema() -> None:
    names = {
        name
        for _, _, schema in SCHEMAS
        for part in definitions(schema.definition)
        for name in part.get("properties", ())
    }
    for table in (DISPENSABLE, FREE_WORDS, LASTING_NAMES, NAMES, PROOFS, REGISTERS, SETTINGS):
        assert {entry.rpartition(".")[2] for entry in table} <= names


@pytest.mark.parametrize("version", Version)
def test_a_valid_payload_comes_out_as_it_went_in(version: Version) -> None:
    for reported, action, schema in SCHEMAS:
        if reported is version:
            payload = an(schema.definition, schema.definition)
            assert schema.first_violation(payload) == (), action
            assert mend(schema, action, payload) == (payload, (), {}, (), ()), action


_ANY: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "x" * 300, "Wh", "1", "true", "2026-03-01T12:00:00Z"])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "value", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def broken(draw: st.DrawFn, value: Any) -> Any:
    """`value` with about every sixth part of it something else."""
    if draw(st.integers(0, 5)) == 0:
        return draw(_ANY)
    if isinstance(value, dict):
        return {name: broken(draw, part) for name, part in value.items()}
    if isinstance(value, list):
        return [broken(draw, part) for part in value]
    return value


@st.composite
def messages(draw: st.DrawFn) -> tuple[str, PayloadSchema, Any]:
    _, action, schema = draw(st.sampled_from(SCHEMAS))
    payload = broken(draw, an(schema.definition, schema.definition, depth=4))
    return action, schema, payload if isinstance(payload, dict) else {"x": payload}


def left(payload: Any, schema: PayloadSchema) -> set[str]:
    """What a payload breaks in its schema beyond what is let through on purpose."""
    allowed = {"minItems", "maxItems", "multipleOf", "enum", "maxLength", "required"}
    return {violation.keyword for violation in schema.violations(payload, at_most=1000)} - allowed


@settings(max_examples=examples(3))
@given(messages())
def test_what_is_made_of_any_payload_has_the_types_of_its_schema(message: tuple[str, PayloadSchema, Any]) -> None:
    action, schema, payload = message
    mended = mend(schema, action, payload)
    if not mended.violations:
        assert left(mended.payload, schema) == set()
        # Once is enough.
        assert mend(schema, action, mended.payload).payload == mended.payload


def as_doubles(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: as_doubles(part) for name, part in value.items()}
    if isinstance(value, list):
        return [as_doubles(part) for part in value]
    return float(value) if type(value) is int else value


def integers_of(definition: Any, root: Any, value: Any) -> list[Any]:
    """The values in a payload that its schema wants to be integers."""
    if "$ref" in definition:
        definition = root["definitions"][definition["$ref"].rpartition("/")[2]]
    match definition.get("type"):
        case "object":
            parts = definition.get("properties", {})
            return [one for name in value if name in parts for one in integers_of(parts[name], root, value[name])]
        case "array":
            return [one for part in value for one in integers_of(definition["items"], root, part)]
        case "integer":
            return [value]
    return []


@pytest.mark.field_case("A3")
@pytest.mark.parametrize("version", Version)
def test_integers_written_as_doubles_are_integers_in_every_message(version: Version) -> None:
    found = 0
    for reported, action, schema in SCHEMAS:
        if reported is not version:
            continue
        sound = an(schema.definition, schema.definition)
        integers = integers_of(schema.definition, schema.definition, sound)
        doubles = as_doubles(sound)
        assert schema.is_valid(doubles) == (not integers), action
        mended = mend(schema, action, doubles)
        assert mended.payload == sound, action
        read = integers_of(schema.definition, schema.definition, mended.payload)
        assert all(type(one) is int for one in read), action
        # By draft 4 a 3.0 is no integer: there it is a doubt.
        is_doubt = bool(integers) and "draft-04" in schema.definition["$schema"]
        assert bool(mended.flags) == is_doubt, action
        found += len(read)
    assert found > 50
