"""Mends a payload that breaks its schema, as far as the tables of rules.py go.

Pure, and one pass over the payload: it is only asked when the strict check has failed. Whatever is changed, dropped or
let through is named, and what is lost from the payload is handed back as it came.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from typing import Any, NamedTuple

from ocpp_edge.leniency import conversions
from ocpp_edge.leniency.rules import (
    DISPENSABLE,
    FREE_WORDS,
    GIVEN_ALONE,
    LASTING_NAMES,
    LONGEST_KEPT,
    NAMES,
    NOTIFICATIONS,
    PROOFS,
    REGISTERS,
    SETTINGS,
)
from ocpp_edge.leniency.shapes import DROPPED, Anything, Items, Number, Properties, Shape, Text, UnitOfWork, Word
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.rpc.schemas import PayloadSchema, Violation, path_of, violation_at
from services.kernel.quirks import Quirk, payloads

_MOST_FLAGS = 8
_DIGEST_BYTES = 16
_Definition = Mapping[str, Any]


class Mended(NamedTuple):
    """A payload after mending. `flags` names what was forgiven, `dropped` holds what was lost by its path, and
    `violations` is what could not be forgiven; `quirks` are those that showed themselves."""

    payload: Payload
    flags: tuple[str, ...]
    dropped: Mapping[str, Any]
    violations: Sequence[Violation]
    quirks: Collection[Quirk] = ()


def mend(schema: PayloadSchema, action: str, payload: Payload) -> Mended:
    """Make the best of `payload`, which itself stays as it is."""
    shape, work = _shape_of_payload(schema, action), UnitOfWork()
    mended = shape.mended(payload, work)
    if not mended and shape.dispensable and not payload.keys() & shape.shapes.keys():
        # Of a message that says nothing at all nothing can be made.
        mended = work.refuse("required", "is missing", shape.dispensable[0])
    if mended is DROPPED:
        return Mended(payload, (), {}, [violation_at(*work.fault)])
    flags = (*work.dropped, *work.coerced)[:_MOST_FLAGS]
    dropped = {path_of(location): value for location, value in work.originals}
    return Mended(mended, flags, dropped, (), tuple(work.forgiven))


@cache
def _shape_of_payload(schema: PayloadSchema, action: str) -> Properties:
    shape = _Shaping(schema.definition).shape(schema.definition, "", action)
    if not isinstance(shape, Properties):
        raise TypeError(f"the schema of {action} is not that of an object")
    return shape


class _Shaping:
    """Makes shapes of the definitions in one schema. A property is known by its own name and that of its parent."""

    def __init__(self, root: _Definition) -> None:
        self._root = root
        # 1.6 is described in draft 4, where 3.0 is no integer.
        self._whole_floats = "draft-04" not in root.get("$schema", "")
        self._objects: dict[tuple[int, str], Properties] = {}

    def shape(self, definition: _Definition, parent: str, name: str) -> Shape:
        if "$ref" in definition:
            *_, referred = definition["$ref"].split("/")
            definition = self._root["definitions"][referred]
        kind = definition.get("type")
        if kind == "object":
            return self._object(definition, name)
        if kind == "array":
            return Items(self.shape(definition["items"], parent, name))
        if "enum" in definition:
            return Word(definition["enum"], is_free=parent in NOTIFICATIONS or _is_in(FREE_WORDS, parent, name))
        if kind == "string":
            return _text(definition.get("maxLength"), parent, name)
        if kind in _NUMBERS:
            return self._number(definition, parent, name)
        return Anything()

    def _object(self, definition: _Definition, name: str) -> Properties:
        made = self._objects.get((id(definition), name))
        if made is None:
            is_open = definition.get("additionalProperties", True) is not False
            made = Properties(is_open=is_open, given_alone=GIVEN_ALONE.get(name))
            self._objects[id(definition), name] = made
            properties: Mapping[str, _Definition] = definition.get("properties", {})
            made.fill({inner: self.shape(part, name, inner) for inner, part in properties.items()})
            required: Sequence[str] = definition.get("required", ())
            done_without = [inner for inner in required if name in NOTIFICATIONS or _is_in(DISPENSABLE, name, inner)]
            made.needed = [inner for inner in required if inner not in done_without]
            made.dispensable = done_without
        return made

    def _number(self, definition: _Definition, parent: str, name: str) -> Number:
        kinds, convert = _NUMBERS[definition["type"]]
        is_register = _is_in(REGISTERS, parent, name)
        return Number(
            kinds,
            conversions.register_of if is_register else convert,
            least=definition.get("minimum"),
            greatest=definition.get("maximum"),
            step=definition.get("multipleOf"),
            whole_floats=self._whole_floats,
            quirk=payloads.REGISTER_AS_TEXT if is_register else payloads.WRONG_TYPE,
        )


_NUMBERS: Mapping[str, tuple[tuple[type, ...], Any]] = {
    "integer": ((int,), conversions.integer_of),
    "number": ((int, float), conversions.number_of),
    "boolean": ((bool,), conversions.boolean_of),
}


def _is_in(table: frozenset[str], parent: str, name: str) -> bool:
    return f"{parent}.{name}" in table or name in table


def _text(longest: int | None, parent: str, name: str) -> Text:
    if _is_in(SETTINGS, parent, name):
        return Text(longest, convert=conversions.setting_of)
    for table, shorten in ((NAMES, _whole), (LASTING_NAMES, _renamed), (PROOFS, _proof)):
        if _is_in(table, parent, name):
            return Text(longest, shorten)
    return Text(longest)


def _whole(text: str, _longest: int) -> str | None:
    return text if len(text) <= LONGEST_KEPT else None


def _renamed(text: str, _longest: int) -> str:
    if len(text) <= LONGEST_KEPT:
        return text
    digest = blake2b(text.encode(errors="replace"), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{text[: LONGEST_KEPT - len(digest) - 1]}~{digest}"


def _proof(text: str, _longest: int) -> str:
    return text
