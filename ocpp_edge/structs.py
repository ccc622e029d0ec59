"""JSON of OCPP payloads to google.protobuf.Struct and back.

A Struct has floats only; OCPP wants whole numbers whole.
"""

from typing import Any

from google.protobuf.struct_pb2 import Struct, Value

from ocpp_edge.frames import Payload


def struct_of(payload: Payload) -> Struct:
    """A payload as a message."""
    struct = Struct()
    struct.update(payload)
    return struct


def payload_of(struct: Struct) -> Payload:
    """A message as a payload; numbers without a fraction are ints."""
    return {name: _plain(value) for name, value in struct.fields.items()}


def _plain(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return payload_of(value.struct_value)
    if kind == "list_value":
        return [_plain(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    return getattr(value, kind) if kind and kind != "null_value" else None
