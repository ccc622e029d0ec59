"""What no field of a request may hold, whatever it means: endless texts, NUL, numbers and times that are none.

REST callers hear of most of it before, from Envoy; callers of native gRPC hear of it here.
"""

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from buf.validate import validate_pb2
from services.kernel.errors import DomainError, ErrorKind, FieldViolation

MAX_TEXT = 10_000

# The years 1 to 9999 (google/protobuf/timestamp.proto), and as much time either way (duration.proto).
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
_MAX_SECONDS = 315_576_000_000
_MAX_NANOS = 999_999_999
_MAX_NAMED = 5
_MAX_CHOICES = 30
_FLOATS = frozenset({FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT})
_Found = Iterator[FieldViolation]


def check(request: Message) -> None:
    """Refuse what no part of the platform takes.

    Raises DomainError INVALID_ARGUMENT naming every text of more than 10,000 characters (or what the contract says
    instead) or with a NUL in it, which PostgreSQL cannot store; every number that is not finite; every value that its
    enum does not have; every time and length of time that is out of range.
    """
    # No text can be longer than the message that holds it, nor hold what the message does not.
    texts_fit = request.ByteSize() <= MAX_TEXT and b"\0" not in request.SerializeToString()
    if texts_fit and not _has_values(request.DESCRIPTOR):
        return
    bad = list(_bad_fields(request, ""))
    if bad:
        message = "; ".join(f"{violation.field}: {violation.description}" for violation in bad[:_MAX_NAMED])
        raise DomainError(ErrorKind.INVALID_ARGUMENT, "INVALID_FIELD", message, violations=bad)


@cache
def _has_values(descriptor: Descriptor) -> bool:
    """Whether a message of this type can hold anything but texts, whole numbers and truth values."""
    return _leads_to_values(descriptor, set())


def _leads_to_values(descriptor: Descriptor, seen: set[str]) -> bool:
    if descriptor.full_name in seen:
        return False
    seen.add(descriptor.full_name)
    return descriptor.full_name in _MESSAGES or any(
        member.enum_type is not None
        or member.type in _FLOATS
        or (member.message_type is not None and _leads_to_values(member.message_type, seen))
        for member in descriptor.fields
    )


def _bad_fields(message: Message, prefix: str) -> _Found:
    for member, value in message.ListFields():
        path = prefix + member.json_name
        for place, held, item in _items(member, value):
            yield from _bad_value(held, item, f"{path}{place}")


def _bad_value(member: FieldDescriptor, item: Any, path: str) -> _Found:
    if isinstance(item, Message):
        judge = _MESSAGES.get(item.DESCRIPTOR.full_name)
        yield from judge(item, path) if judge is not None else _bad_fields(item, f"{path}.")
    elif isinstance(item, str):
        yield from _bad_text(item, path, member)
    elif isinstance(item, float) and not math.isfinite(item):
        yield FieldViolation(path, "must be a finite number")
    elif member.enum_type is not None and item not in member.enum_type.values_by_number:
        yield FieldViolation(path, f"must be one of {_choices(member.enum_type)}")


def _bad_text(text: str, path: str, member: FieldDescriptor) -> _Found:
    if "\0" in text:
        yield FieldViolation(path, "must not contain NUL")
    if len(text) > MAX_TEXT:
        # What is told of a text with less than that in its contract is told by `bounds`.
        most = member.GetOptions().Extensions[validate_pb2.field].string.max_len or MAX_TEXT
        if len(text) > most:
            yield FieldViolation(path, f"must have at most {most} characters")


def _choices(enum: EnumDescriptor) -> str:
    return ", ".join(value.name for value in enum.values[:_MAX_CHOICES] if value.number)


def _bad_time(time: Any, path: str) -> _Found:
    if not (_FIRST_SECOND <= time.seconds <= _LAST_SECOND and 0 <= time.nanos <= _MAX_NANOS):
        yield FieldViolation(path, "is not a time between the years 1 and 9999")


def _bad_duration(duration: Any, path: str) -> _Found:
    fits = abs(duration.seconds) <= _MAX_SECONDS and abs(duration.nanos) <= _MAX_NANOS
    if not fits or duration.seconds * duration.nanos < 0:
        yield FieldViolation(path, "is not a length of time of at most 10000 years")


def _bad_struct(struct: Any, path: str) -> _Found:
    for name, value in struct.fields.items():
        yield from _bad_any(value, f"{path}.{name[:100]}")


def _bad_any(value: Any, path: str) -> _Found:
    kind = value.WhichOneof("kind")
    if kind is None:
        yield FieldViolation(path, "must be a value of JSON")
    elif kind == "number_value" and not math.isfinite(value.number_value):
        yield FieldViolation(path, "must be a finite number")
    elif kind == "struct_value":
        yield from _bad_struct(value.struct_value, path)
    elif kind == "list_value":
        for position, item in enumerate(value.list_value.values):
            yield from _bad_any(item, f"{path}[{position}]")


_MESSAGES: dict[str, Callable[[Any, str], _Found]] = {
    "google.protobuf.Timestamp": _bad_time,
    "google.protobuf.Duration": _bad_duration,
    "google.protobuf.Struct": _bad_struct,
}


def _items(member: FieldDescriptor, value: Any) -> Iterator[tuple[str, FieldDescriptor, Any]]:
    """A field's values, each with its place in the field and what declares it; the keys of a map count as values."""
    if not member.is_repeated:
        yield "", member, value
    elif member.message_type is not None and member.message_type.GetOptions().map_entry:
        keys, values = (member.message_type.fields_by_name[name] for name in ("key", "value"))
        for key in value:
            place = f"[{str(key)[:100]}]"
            yield place, keys, key
            yield place, values, value[key]
    else:
        yield from ((f"[{position}]", member, item) for position, item in enumerate(value))
