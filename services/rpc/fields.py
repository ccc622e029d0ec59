"""What is demanded of every request by the `field_behavior` of its fields: REQUIRED is there, OUTPUT_ONLY is dropped.

Reads the annotations once per message type; a request whose type has none, at any depth, is not looked at. Rules that
need to know what a field means belong to a domain; what fits no field at all is refused by `values`, what is out of
the bounds of its field by `bounds`.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from services.kernel.errors import DomainError, ErrorKind, FieldViolation

# Its stub declares a plain descriptor, which cannot index the extensions of a message.
_BEHAVIOR: Any = field_behavior_pb2.field_behavior
_MASK_FIELD = "update_mask"
_MASK_TYPE = "google.protobuf.FieldMask"
_EVERYTHING = "*"


@dataclass(slots=True)
class _Rules:
    """What has to be looked at in a message of one type."""

    required: list[tuple[str, str, Callable[[Message, str], bool]]] = field(default_factory=list)
    output_only: list[str] = field(default_factory=list)
    nested: "list[_Nested]" = field(default_factory=list)
    has_mask: bool = False


@dataclass(frozen=True, slots=True)
class _Nested:
    name: str
    json_name: str
    items: Callable[[Message, str], Iterator[tuple[str, Message]]]
    rules: _Rules


def enforce(request: Message) -> None:
    """Clear what only the server sets; refuse a request that lacks something it must have.

    Of an update (a request with an `update_mask`) only the fields that it changes are held to be required. A number
    or a truth value without presence cannot be told from a missing one and passes. Raises DomainError
    INVALID_ARGUMENT naming every missing field.
    """
    rules = _rules_of(request.DESCRIPTOR)
    if rules is None:
        return
    missing: list[FieldViolation] = []
    _walk(request, rules, "", missing, None)
    if missing:
        names = ", ".join(violation.field for violation in missing)
        raise DomainError(
            ErrorKind.INVALID_ARGUMENT, "MISSING_FIELD", f"missing required fields: {names}", violations=missing
        )


def _walk(
    message: Message, rules: _Rules, prefix: str, missing: list[FieldViolation], only: Collection[str] | None
) -> None:
    """`only` are the fields of this message that an update changes; None for all."""
    for name in rules.output_only:
        message.ClearField(name)
    for name, json_name, is_given in rules.required:
        if (only is None or name in only) and not is_given(message, name):
            missing.append(FieldViolation(prefix + json_name, "is required"))
    for nested in rules.nested:
        if only is None or nested.name in only:
            for position, child in nested.items(message, nested.name):
                path = f"{prefix}{nested.json_name}{position}."
                _walk(child, nested.rules, path, missing, changed_fields(message, child) if rules.has_mask else None)


def changed_fields(request: Message, resource: Message) -> Collection[str] | None:
    """The fields of `resource` that a request with an `update_mask` changes; None for all of them."""
    paths = getattr(request, _MASK_FIELD).paths
    if not paths:
        return {carried.name for carried, _ in resource.ListFields()}
    return None if _EVERYTHING in paths else set(paths)


@cache
def _rules_of(descriptor: Descriptor) -> _Rules | None:
    known: dict[str, _Rules] = {}
    rules = _collect(descriptor, known)
    for collected in known.values():
        collected.nested = [nested for nested in collected.nested if _has_any(nested.rules, [])]
    return rules if _has_any(rules, []) else None


def _collect(descriptor: Descriptor, known: dict[str, _Rules]) -> _Rules:
    """The rules of a type and of all below it; a type that holds itself is met again in `known`."""
    if descriptor.full_name in known:
        return known[descriptor.full_name]
    rules = known[descriptor.full_name] = _Rules()
    for member in descriptor.fields:
        behavior: Sequence[int] = member.GetOptions().Extensions[_BEHAVIOR]
        if field_behavior_pb2.OUTPUT_ONLY in behavior:
            rules.output_only.append(member.name)
            continue
        is_given = _presence_check(member)
        if field_behavior_pb2.REQUIRED in behavior and is_given is not None:
            rules.required.append((member.name, member.json_name, is_given))
        rules.has_mask |= is_mask(member)
        nested = _nested(member, known)
        if nested is not None:
            rules.nested.append(nested)
    return rules


def is_mask(member: FieldDescriptor) -> bool:
    """Whether a field says which fields an update changes."""
    return (
        member.name == _MASK_FIELD and member.message_type is not None and member.message_type.full_name == _MASK_TYPE
    )


def _nested(member: FieldDescriptor, known: dict[str, _Rules]) -> _Nested | None:
    inner, items = member.message_type, _single
    if inner is None:
        return None
    if inner.GetOptions().map_entry:
        inner, items = inner.fields_by_name["value"].message_type, _mapped
    elif member.is_repeated:
        items = _listed
    return None if inner is None else _Nested(member.name, member.json_name, items, _collect(inner, known))


def _has_any(rules: _Rules, seen: list[_Rules]) -> bool:
    if any(rules is other for other in seen):
        return False
    seen.append(rules)
    return bool(rules.required or rules.output_only) or any(_has_any(nested.rules, seen) for nested in rules.nested)


def _presence_check(member: FieldDescriptor) -> Callable[[Message, str], bool] | None:
    is_text = member.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)
    if member.is_repeated or is_text or member.type == FieldDescriptor.TYPE_ENUM:
        # An empty list, an empty text and the UNSPECIFIED of an enum are alike: nothing was said.
        return _is_truthy
    return _is_present if member.has_presence else None


def _is_truthy(message: Message, name: str) -> bool:
    return bool(getattr(message, name))


def _is_present(message: Message, name: str) -> bool:
    return message.HasField(name)


def _single(message: Message, name: str) -> Iterator[tuple[str, Message]]:
    if message.HasField(name):
        yield "", getattr(message, name)


def _listed(message: Message, name: str) -> Iterator[tuple[str, Message]]:
    for position, item in enumerate(getattr(message, name)):
        yield f"[{position}]", item


def _mapped(message: Message, name: str) -> Iterator[tuple[str, Message]]:
    for key, item in getattr(message, name).items():
        yield f"[{key}]", item
