"""What of an answer its caller is told: nothing that callers only say (INPUT_ONLY), and what its role may read.

Reads the annotations of the contracts once per message type and role; an answer whose type hides nothing from a role is
not looked at.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from csms.auth.v1 import access_pb2
from services.rpc.auth import SERVICE_ROLE, Caller, allows

# Its stub declares a plain descriptor, which cannot index the extensions of a message.
_BEHAVIOR: Any = field_behavior_pb2.field_behavior


_Held = Callable[[Message], Iterable[Message]]
"""The messages that one field of a message holds."""


@dataclass(slots=True)
class _Hidden:
    """What is hidden in a message of one type: fields of its own, and fields that hold such messages."""

    names: list[str] = field(default_factory=list)
    below: "list[tuple[_Held, _Hidden]]" = field(default_factory=list)


def hide(response: Message, caller: Caller) -> None:
    """Clear what the caller is not told, at any depth."""
    hidden = _hidden_from(response.DESCRIPTOR, caller.role)
    if hidden is not None:
        _clear(response, hidden)


def _clear(message: Message, hidden: _Hidden) -> None:
    for name in hidden.names:
        message.ClearField(name)
    for held, below in hidden.below:
        for child in held(message):
            _clear(child, below)


def _held_by(member: FieldDescriptor) -> _Held:
    """What reads a field; found out once, for it is asked of each message of a list."""
    name = member.name
    if not member.is_repeated:
        return lambda message: (getattr(message, name),) if message.HasField(name) else ()
    if member.message_type is not None and member.message_type.GetOptions().map_entry:
        return lambda message: getattr(message, name).values()
    return attrgetter(name)


@cache
def _hidden_from(descriptor: Descriptor, role: str) -> _Hidden | None:
    known: dict[str, _Hidden] = {}
    hidden = _collect(descriptor, role, known)
    for collected in known.values():
        collected.below = [(held, below) for held, below in collected.below if _hides(below, [])]
    return hidden if _hides(hidden, []) else None


def _collect(descriptor: Descriptor, role: str, known: dict[str, _Hidden]) -> _Hidden:
    """What is hidden in a type and below it; a type that holds itself is met again in `known`."""
    if descriptor.full_name in known:
        return known[descriptor.full_name]
    hidden = known[descriptor.full_name] = _Hidden()
    for member in descriptor.fields:
        inner = _message_in(member)
        if not _may_read(role, member):
            hidden.names.append(member.name)
        elif inner is not None:
            hidden.below.append((_held_by(member), _collect(inner, role, known)))
    return hidden


def _message_in(member: FieldDescriptor) -> Descriptor | None:
    inner = member.message_type
    if inner is not None and inner.GetOptions().map_entry:
        return inner.fields_by_name["value"].message_type
    return inner


def _may_read(role: str, member: FieldDescriptor) -> bool:
    options = member.GetOptions()
    if field_behavior_pb2.INPUT_ONLY in options.Extensions[_BEHAVIOR]:
        return False
    permission = options.Extensions[access_pb2.read_permission]
    return not permission or role == SERVICE_ROLE or allows(role, permission)


def _hides(hidden: _Hidden, seen: list[_Hidden]) -> bool:
    if any(hidden is other for other in seen):
        return False
    seen.append(hidden)
    return bool(hidden.names) or any(_hides(below, seen) for _, below in hidden.below)
