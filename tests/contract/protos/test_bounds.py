"""What callers may send has bounds, which the interceptor enforces and the OpenAPI document prints."""

from collections.abc import Iterator
from typing import Any

import pytest
from google.api import field_behavior_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from buf.validate import validate_pb2
from services.rpc.bound_rules import check_of, form_of, rules_of
from services.rpc.bounds import enforce
from stack.descriptors import Contracts, access_rule, behaviors

_OTHERS = {FieldDescriptor.TYPE_BOOL, FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_ENUM}
# What has no bounds of its own, by name, and why.
UNBOUNDED = {
    "page_token": "has the form of its list, which refuses others with INVALID_PAGE_TOKEN",
    "cursor": "has the form of the stream of events",
    "meter_stop_wh": "lies between what the charge point told and what its power allows",
}
_SCALARS = frozenset(range(1, 19)) - {
    FieldDescriptor.TYPE_BOOL,
    FieldDescriptor.TYPE_MESSAGE,
    FieldDescriptor.TYPE_ENUM,
}


def _fields(message: Descriptor, seen: set[str]) -> Iterator[FieldDescriptor]:
    """The fields of a message of ours and of all that it holds, but for what only the server sets."""
    if message.full_name in seen or not message.full_name.startswith("csms."):
        return
    seen.add(message.full_name)
    for field in message.fields:
        if field_behavior_pb2.OUTPUT_ONLY not in behaviors(field):
            if not message.GetOptions().map_entry:
                yield field
            if field.message_type is not None:
                yield from _fields(field.message_type, seen)


@pytest.fixture(scope="module")
def asked(contracts: Contracts) -> list[FieldDescriptor]:
    """The fields of requests that callers of the API send; batches of the platform's own are not looked at."""
    seen: set[str] = set()
    methods = [method for method in contracts.methods if not _is_internal(method)]
    return [field for method in methods for field in _fields(method.input_type, seen)]


def _is_internal(method: Any) -> bool:
    rule = access_rule(method)
    return rule is None or rule.permission.startswith("internal.")


def test_every_text_number_and_list_that_callers_send_has_bounds(asked: list[FieldDescriptor]) -> None:
    needing = [field for field in asked if field.is_repeated or field.type not in _OTHERS]
    assert len(needing) > 250
    without = [field.full_name for field in needing if rules_of(field) is None and field.name not in UNBOUNDED]
    assert without == [], "say (buf.validate.field) of these, or add them with a reason to UNBOUNDED"
    for name in UNBOUNDED:
        assert any(field.name == name and rules_of(field) is None for field in needing), f"{name} is bounded by now"


def test_every_bound_is_enforced_and_what_is_not_said_is_in_all(contracts: Contracts) -> None:
    for message in contracts.messages:
        for field in message.fields:
            rules = rules_of(field)
            check = check_of(rules, field) if rules is not None else None
            is_optional = field.has_presence or (
                rules is not None and rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE
            )
            if check is not None and not is_optional:
                # Also for a caller who checks before he sends.
                nothing = () if field.is_repeated else field.default_value
                assert check(nothing) is None, f"{field.full_name} refuses {nothing!r}, which stands for nothing"


def test_every_pattern_is_of_the_whole_and_told_in_words(contracts: Contracts) -> None:
    found = 0
    for message in contracts.messages:
        for field in message.fields:
            rules = rules_of(field)
            for part in (rules, rules.repeated.items) if rules is not None else ():
                if part.string.HasField("pattern"):
                    found += 1
                    assert part.string.pattern.startswith("^"), field.full_name
                    assert part.string.pattern.endswith("$"), field.full_name
                    assert form_of(field), f"{field.full_name} needs (csms.text.v1.form)"
    assert found >= 5


def test_numbers_in_a_comment_are_those_of_the_bounds(contracts: Contracts, asked: list[FieldDescriptor]) -> None:
    checked = 0
    for field in asked:
        rules = rules_of(field)
        comment = " ".join(contracts.comment(field.full_name).split())
        most = rules.string.max_len if rules is not None else 0
        if most and "characters" in comment and "at most" in comment:
            checked += 1
            assert f"at most {most} characters" in comment, f"{field.full_name}: {comment}"
    assert checked > 10


def test_empty_requests_are_in_bounds(contracts: Contracts) -> None:
    for method in contracts.methods:
        enforce(message_factory.GetMessageClass(method.input_type)())
