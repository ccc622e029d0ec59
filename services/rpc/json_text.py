"""Messages as JSON text, as Envoy's transcoder writes them: what has no presence is there, long numbers are texts.

What of a type has to be done is found out once. The same by reflection and at twenty times the cost is
`google.protobuf.json_format`, with which the tests compare it. Knows no message.
"""

import base64
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

_Convert = Callable[[Any], Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONG = frozenset({FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64})
_PLAIN = frozenset({FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_BOOL})


def written(message: Message) -> bytes:
    """The message as one JSON object. Raises TypeError for a type that holds what nothing here can write."""
    return orjson.dumps(_writer(message.DESCRIPTOR)(message))


@cache
def _writer(descriptor: Descriptor) -> _Convert:
    """What makes a value of JSON of a message of this type."""
    if descriptor.full_name == "google.protobuf.Timestamp":
        return _time
    if descriptor.file.package == "google.protobuf":
        raise TypeError(f"nothing writes {descriptor.full_name} as JSON")
    absent: dict[str, Any] = {}
    members: dict[int, tuple[str, _Convert | None]] = {}

    def write(message: Message) -> dict[str, Any]:
        found = absent.copy()
        for member, value in message.ListFields():
            name, convert = members[member.number]
            found[name] = value if convert is None else convert(value)
        return found

    for member in descriptor.fields:
        members[member.number] = member.json_name, _of_field(member)
        if not member.has_presence:
            absent[member.json_name] = _default(member)
    return write


def _of_field(member: FieldDescriptor) -> _Convert | None:
    """What makes a value of JSON of that of a field; None for one that is one already."""
    held = member.message_type
    if held is not None and held.GetOptions().map_entry:
        key, value = (held.fields_by_name[name] for name in ("key", "value"))
        if key.type != FieldDescriptor.TYPE_STRING:
            raise TypeError(f"nothing writes the keys of {member.full_name} as JSON")
        return _each_value(_of_value(value))
    return _each(_of_value(member)) if member.is_repeated else _of_value(member)


def _each(convert: _Convert | None) -> _Convert:
    return list if convert is None else lambda items: [convert(item) for item in items]


def _each_value(convert: _Convert | None) -> _Convert:
    return dict if convert is None else lambda items: {name: convert(item) for name, item in items.items()}


def _of_value(member: FieldDescriptor) -> _Convert | None:
    if member.message_type is not None:
        # Looked up when it is needed: a type may hold itself.
        held = member.message_type
        return lambda message: _writer(held)(message)
    if member.enum_type is not None:
        return _enum(member.enum_type)
    if member.cpp_type in _LONG:
        return str
    if member.type == FieldDescriptor.TYPE_BYTES:
        return lambda value: base64.b64encode(value).decode()
    if member.type == FieldDescriptor.TYPE_DOUBLE:
        return _double
    if member.type == FieldDescriptor.TYPE_STRING or member.cpp_type in _PLAIN:
        return None
    raise TypeError(f"nothing writes {member.full_name} as JSON")


def _default(member: FieldDescriptor) -> Any:
    """The value of JSON of a field that was not set."""
    if member.is_repeated:
        held = member.message_type
        return {} if held is not None and held.GetOptions().map_entry else []
    convert = _of_value(member)
    return member.default_value if convert is None else convert(member.default_value)


def _enum(enum: EnumDescriptor) -> _Convert:
    names = {value.number: value.name for value in reversed(enum.values)}
    # A number that only a newer release has a name for is written as one.
    return lambda number: names.get(number, number)


def _double(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _time(time: Any) -> str:
    """RFC 3339, with as many groups of three digits behind the point as there is something in."""
    seconds = (_EPOCH + timedelta(0, time.seconds)).isoformat()[:19]
    nanos = time.nanos
    if not nanos:
        return f"{seconds}Z"
    if nanos % 1_000_000 == 0:
        return f"{seconds}.{nanos // 1_000_000:03}Z"
    return f"{seconds}.{nanos:09}Z" if nanos % 1000 else f"{seconds}.{nanos // 1000:06}Z"
