"""One `buf.validate.field` option as a check: what is wrong with a value, in words that say what is allowed.

Knows the rules that our contracts use and refuses to overlook another one.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from buf.validate import validate_pb2
from csms.text.v1 import text_pb2

Check = Callable[[Any], str | None]
"""What is wrong with a value, for people; None when nothing is."""

_NUMBERS = frozenset({"int32", "int64", "uint32", "uint64", "sint32", "sint64", "double", "float"})
_TYPES = {getattr(FieldDescriptor, f"TYPE_{kind.upper()}"): kind for kind in {*_NUMBERS, "string", "bytes"}}
_KNOWN = {
    "string": {"min_len", "max_len", "pattern"},
    "bytes": {"min_len", "max_len"},
    "repeated": {"min_items", "max_items", "items"},
    "map": {"min_pairs", "max_pairs", "keys", "values"},
    **{kind: {"gt", "gte", "lt", "lte"} for kind in _NUMBERS},
}


class UnknownRule(TypeError):
    """A contract states a rule that nothing here enforces."""


def rules_of(field: FieldDescriptor) -> validate_pb2.FieldRules | None:
    """What the contract says of the values of a field; None when it says nothing."""
    options = field.GetOptions()
    return options.Extensions[validate_pb2.field] if options.HasExtension(validate_pb2.field) else None


def _kind_of(rules: validate_pb2.FieldRules, field: FieldDescriptor) -> str | None:
    """The name of the rules that are set, for example `string`. Raises UnknownRule for what is not enforced.

    `ignore` needs no enforcing: a zero without presence is not there, and so not looked at.
    """
    kind = rules.WhichOneof("type")
    stated = {name.name for name, _ in getattr(rules, kind).ListFields()} if kind else set()
    others = {part.name for part, _ in rules.ListFields()} - {kind, "ignore"}
    unknown = others | (stated - _KNOWN.get(kind or "", set()))
    if unknown:
        raise UnknownRule(f"{field.full_name}: nothing enforces {', '.join(sorted(unknown))}")
    return kind


def _kinds_that_fit(field: FieldDescriptor) -> set[str | None]:
    """Rules of a list are for the whole or for an item, those of a map for the whole, a key or a value."""
    held = field.message_type
    if held is not None and held.GetOptions().map_entry:
        return {"map", *(_TYPES.get(part.type) for part in held.fields)}
    return {_TYPES.get(field.type), *(["repeated"] if field.is_repeated else [])}


def check_of(rules: validate_pb2.FieldRules, field: FieldDescriptor) -> Check | None:
    """The check of a value, or of a list or map as a whole; None when there is nothing to check."""
    kind = _kind_of(rules, field)
    if kind is None:
        return None
    if kind not in _kinds_that_fit(field):
        raise UnknownRule(f"{field.full_name}: rules for {kind} do not fit it")
    return _check(kind, getattr(rules, kind), field)


def form_of(field: FieldDescriptor) -> str:
    """What a text must look like, in words, where a pattern says it; empty otherwise."""
    form: str = field.GetOptions().Extensions[text_pb2.form]
    return form


def _check(kind: str, stated: Any, field: FieldDescriptor) -> Check | None:
    if kind == "string":
        return _text(stated, form_of(field))
    if kind in _NUMBERS:
        return _number(stated)
    least, most, what = {
        "bytes": ("min_len", "max_len", "bytes"),
        "repeated": ("min_items", "max_items", "items"),
        "map": ("min_pairs", "max_pairs", "entries"),
    }[kind]
    return _count(stated, least, most, what)


def _text(stated: validate_pb2.StringRules, form: str) -> Check | None:
    counted = _count(stated, "min_len", "max_len", "characters")
    if not stated.HasField("pattern"):
        return counted
    # As a whole, and without the end of a line that `$` forgives in Python and not elsewhere.
    matches = re.compile(stated.pattern.removeprefix("^").removesuffix("$")).fullmatch
    wrong = f"must be {form}" if form else f"must match {stated.pattern}"

    def check(value: str) -> str | None:
        if counted is not None and (miscounted := counted(value)) is not None:
            return wrong if form else miscounted
        return None if matches(value) else wrong

    return check


def _count(stated: Message, least: str, most: str, what: str) -> Check | None:
    fewest = getattr(stated, least) if stated.HasField(least) else 0
    greatest = getattr(stated, most) if stated.HasField(most) else None
    if greatest is None:
        return None if fewest == 0 else _within(fewest, 2**63, f"must have at least {fewest} {what}")
    bounds = f"at most {greatest}" if fewest == 0 else f"{fewest} to {greatest}"
    return _within(fewest, greatest, f"must have {bounds} {what}")


def _within(fewest: int, greatest: int, wrong: str) -> Check:
    def check(value: Sequence[Any]) -> str | None:
        return None if fewest <= len(value) <= greatest else wrong

    return check


def _number(stated: Any) -> Check | None:
    lowest, above = _stated(stated, "gte"), _stated(stated, "gt")
    highest, below = _stated(stated, "lte"), _stated(stated, "lt")
    wrong = f"must be {_range(lowest, above, highest, below)}"
    if lowest == 0 and highest is below is None:
        wrong = "must not be negative"

    def check(value: float) -> str | None:
        is_low = (lowest is not None and value < lowest) or (above is not None and value <= above)
        is_high = (highest is not None and value > highest) or (below is not None and value >= below)
        return wrong if is_low or is_high else None

    return check


def _range(lowest: float | None, above: float | None, highest: float | None, below: float | None) -> str:
    if lowest is not None and highest is not None:
        return f"between {_plain(lowest)} and {_plain(highest)}"
    parts = (("at least", lowest), ("more than", above), ("at most", highest), ("less than", below))
    return " and ".join(f"{words} {_plain(number)}" for words, number in parts if number is not None)


def _stated(stated: Message, name: str) -> float | None:
    number: float | None = getattr(stated, name) if stated.HasField(name) else None
    return number


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)
