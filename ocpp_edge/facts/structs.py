"""OCPP payloads as the contracts carry them: google.protobuf.Struct, or the text of a JSON object.

A Struct has floats only; OCPP wants whole numbers whole. The text is sent as it is.
"""

import json
from collections.abc import Mapping
from typing import Any

import orjson
from google.protobuf.struct_pb2 import Struct, Value

from ocpp_edge.rpc.frames import MAX_DEPTH, Payload, VerbatimPayload, deeper_than
from services.kernel.errors import invalid

# Beyond it a float does not hold every whole number, so that one may not be what was told.
_EXACT = 2.0**53


def struct_of(payload: Mapping[str, Any]) -> Struct:
    """A payload, or parts of one, as a message."""
    struct = Struct()
    struct.update(dict(payload))
    return struct


def payload_of(struct: Struct) -> Payload:
    """A message as a payload; numbers without a fraction are ints."""
    return {name: _plain(value) for name, value in struct.fields.items()}


def payload_of_text(text: str, field: str) -> VerbatimPayload:
    """The JSON object in a text, to be sent as it is written. Raises: INVALID_FIELD of `field`."""
    try:
        payload = orjson.loads(text)
        _refuse_doubles(text, field)
    except (ValueError, RecursionError) as error:
        raise invalid(field, f"is not JSON: {error}") from None
    if not isinstance(payload, dict):
        raise invalid(field, "must be a JSON object")
    if deeper_than(payload, MAX_DEPTH):
        raise invalid(field, f"must not be nested deeper than {MAX_DEPTH} levels")
    return VerbatimPayload(payload, text)


def _refuse_doubles(text: str, field: str) -> None:
    """The charge point would take either of two members of one name; we judge the last."""

    def once(members: list[tuple[str, Any]]) -> None:
        names: set[str] = set()
        for name, _ in members:
            if name in names:
                raise invalid(field, f"{name} is given twice in one object")
            names.add(name)

    json.loads(text, object_pairs_hook=once)


def text_of(payload: Payload) -> str:
    """A payload as JSON text, its whole numbers whole."""
    return orjson.dumps(payload).decode()


def _plain(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return payload_of(value.struct_value)
    if kind == "list_value":
        return [_plain(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() and abs(number) <= _EXACT else number
    return getattr(value, kind) if kind and kind != "null_value" else None
