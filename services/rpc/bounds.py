"""The bounds that the contracts set to a field (`buf.validate.field`): how long a text, how great a number, how many.

Reads the options once for each type of message; of a request only the fields that it carries are looked at, and none of
one whose type has no bounds. What needs more than one field, or to know what a field means, belongs to a domain.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from services.kernel.errors import DomainError, ErrorKind, FieldViolation
from services.rpc.bound_rules import Check, check_of, rules_of
from services.rpc.fields import changed_fields, is_mask

_BEHAVIOR: Any = field_behavior_pb2.field_behavior
_MAX_NAMED = 5
_LONGEST_KEY = 100
_Found = list[FieldViolation]
_Judge = Callable[[Any, str, _Found], None]


@dataclass(slots=True)
class _Bounds:
    """What has to be looked at in a message of one type: judges by the number of their field."""

    judges: dict[int, _Judge] = field(default_factory=dict)
    inner: "dict[int, _Bounds]" = field(default_factory=dict)
    """Bounds of messages below, by the number of the field."""
    bare: set[int] = field(default_factory=set)
    """Numbers of fields that have nothing to judge but what is below."""
    immutable: set[int] = field(default_factory=set)
    has_mask: bool = False


def enforce(request: Message) -> None:
    """Refuse a request with a field out of its bounds.

    Of an update (a request with an `update_mask`) only the fields that it changes are looked at. Raises DomainError
    INVALID_ARGUMENT naming every field at fault, with what is allowed.
    """
    bounds = _bounds_of(request.DESCRIPTOR)
    if bounds is None:
        return
    found: _Found = []
    _walk(request, bounds, "", found, None)
    if found:
        message = "; ".join(f"{violation.field}: {violation.description}" for violation in found[:_MAX_NAMED])
        raise DomainError(ErrorKind.INVALID_ARGUMENT, "INVALID_FIELD", message, violations=found)


def _walk(message: Message, bounds: _Bounds, prefix: str, found: _Found, only: Collection[str] | None) -> None:
    """`only` are the fields of this message that an update changes; None for all."""
    for member, value in message.ListFields():
        judge = bounds.judges.get(member.number)
        if judge is None:
            continue
        if only is not None and (member.name not in only or member.number in bounds.immutable):
            continue
        if bounds.has_mask and member.number in bounds.inner and not member.is_repeated:
            inner = bounds.inner[member.number]
            _walk(value, inner, f"{prefix}{member.json_name}.", found, changed_fields(message, value))
        else:
            judge(value, f"{prefix}{member.json_name}", found)


@cache
def _bounds_of(descriptor: Descriptor) -> _Bounds | None:
    known: dict[str, _Bounds] = {}
    bounds = _collect(descriptor, known)
    _forget_idle(known.values())
    return bounds if bounds.judges else None


def _collect(descriptor: Descriptor, known: dict[str, _Bounds]) -> _Bounds:
    """The bounds of a type and of all below it; a type that holds itself is met again in `known`."""
    if descriptor.full_name in known:
        return known[descriptor.full_name]
    bounds = known[descriptor.full_name] = _Bounds()
    for member in descriptor.fields:
        bounds.has_mask |= is_mask(member)
        behavior = member.GetOptions().Extensions[_BEHAVIOR]
        if field_behavior_pb2.OUTPUT_ONLY in behavior:
            continue
        if field_behavior_pb2.IMMUTABLE in behavior:
            bounds.immutable.add(member.number)
        held = _held(member)
        inner = _collect(held, known) if held is not None else None
        judge, is_bare = _judge(member, inner)
        if judge is not None:
            bounds.judges[member.number] = judge
            if inner is not None:
                bounds.inner[member.number] = inner
            if is_bare:
                bounds.bare.add(member.number)
    return bounds


def _forget_idle(known: Collection[_Bounds]) -> None:
    """Drop the judges that only lead to messages with nothing to judge."""
    active: set[int] = set()
    grown = True
    while grown:
        before = len(active)
        active |= {id(bounds) for bounds in known if _is_active(bounds, active)}
        grown = len(active) > before
    for bounds in known:
        for number in [number for number in bounds.bare if id(bounds.inner[number]) not in active]:
            bounds.bare.discard(number)
            del bounds.judges[number], bounds.inner[number]


def _is_active(bounds: _Bounds, active: Collection[int]) -> bool:
    judging = bounds.judges.keys() - bounds.bare
    return bool(judging) or any(id(bounds.inner[number]) in active for number in bounds.bare)


def _held(member: FieldDescriptor) -> Descriptor | None:
    """The type of the messages that a field, a list or a map of it holds."""
    held = member.message_type
    if held is not None and held.GetOptions().map_entry:
        held = held.fields_by_name["value"].message_type
    return held


def _judge(member: FieldDescriptor, inner: _Bounds | None) -> tuple[_Judge | None, bool]:
    """What judges a field, and whether it only leads to the messages below."""
    rules = rules_of(member)
    whole = check_of(rules, member) if rules is not None else None
    below = _message_judge(inner) if inner is not None else None
    if member.message_type is not None and member.message_type.GetOptions().map_entry:
        key, value = (check_of(part, member) for part in (rules.map.keys, rules.map.values)) if rules else (None, None)
        judge = _map_judge(whole, key, _either(value, below)) if whole or key or value or below else None
        return judge, not (whole or key or value)
    if member.is_repeated:
        item = check_of(rules.repeated.items, member) if rules is not None else None
        return (_list_judge(whole, _either(item, below)) if whole or item or below else None), not (whole or item)
    return _either(whole, below), whole is None


def _message_judge(bounds: _Bounds) -> _Judge:
    return lambda value, path, found: _walk(value, bounds, f"{path}.", found, None)


def _either(check: Check | None, below: _Judge | None) -> _Judge | None:
    """What judges one value: a scalar by its check, a message by what is below."""
    if check is None:
        return below

    def judge(value: Any, path: str, found: _Found) -> None:
        if (wrong := check(value)) is not None:
            found.append(FieldViolation(path, wrong))

    return judge


def _list_judge(whole: Check | None, item: _Judge | None) -> _Judge:
    def judge(values: Any, path: str, found: _Found) -> None:
        if whole is not None and (wrong := whole(values)) is not None:
            found.append(FieldViolation(path, wrong))
        elif item is not None:
            for position, value in enumerate(values):
                item(value, f"{path}[{position}]", found)

    return judge


def _map_judge(whole: Check | None, key_check: Check | None, item: _Judge | None) -> _Judge:
    def judge(values: Any, path: str, found: _Found) -> None:
        if whole is not None and (wrong := whole(values)) is not None:
            found.append(FieldViolation(path, wrong))
            return
        for key, value in values.items():
            place = f"{path}[{str(key)[:_LONGEST_KEY]}]"
            if key_check is not None and (wrong := key_check(key)) is not None:
                found.append(FieldViolation(place, f"its key {wrong}"))
            elif item is not None:
                item(value, place, found)

    return judge
