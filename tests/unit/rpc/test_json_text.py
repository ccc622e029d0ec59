"""JSON text of messages: the same values as protobuf's own library writes by reflection"""

import json
import random
from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from csms.station.v1 import station_pb2 as station_pb
from csms.station.v1 import station_service_pb2 as station_service_pb
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from csms.transaction.v1 import transaction_service_pb2 as transaction_service_pb
from services.rpc import json_text

_TEXTS = ("", "a", 'ä "\\ \u2028 \0 \U0001f50c')
_NANOS = (0, 1, 1_000, 999_999, 1_000_000, 250_000_000, 123_456_000, 123_456_789)
_DOUBLES = (0.0, -0.0, 1.0, 51.34, -1e-7, 1e300, float("nan"), float("inf"), float("-inf"))


def _filled(message: Any, chance: random.Random) -> Any:
    """With about half of its fields, at every depth."""
    if message.DESCRIPTOR.full_name == "google.protobuf.Timestamp":
        message.seconds = chance.choice((0, -1, 1, 1_790_000_000, -62_135_596_800, 253_402_300_799))
        message.nanos = chance.choice(_NANOS)
        return message
    for member in message.DESCRIPTOR.fields:
        if chance.random() < 0.5:
            continue
        if member.message_type is not None and member.message_type.GetOptions().map_entry:
            getattr(message, member.name).update({chance.choice(_TEXTS): chance.choice(_TEXTS)})
        elif member.is_repeated:
            for _ in range(chance.randint(0, 2)):
                _add(getattr(message, member.name), member, chance)
        elif member.message_type is not None:
            _filled(getattr(message, member.name), chance).SetInParent()
        else:
            setattr(message, member.name, _value(member, chance))
    return message


def _add(items: Any, member: Any, chance: random.Random) -> None:
    if member.message_type is not None:
        _filled(items.add(), chance)
    else:
        items.append(_value(member, chance))


def _value(member: Any, chance: random.Random) -> Any:
    if member.enum_type is not None:
        return chance.choice([*member.enum_type.values_by_number, 99])
    values: dict[int, tuple[Any, ...]] = {
        FieldDescriptor.CPPTYPE_STRING: _TEXTS,
        FieldDescriptor.CPPTYPE_BOOL: (True, False),
        FieldDescriptor.CPPTYPE_INT32: (0, -1, 2**31 - 1),
        FieldDescriptor.CPPTYPE_INT64: (0, -1, 2**63 - 1),
        FieldDescriptor.CPPTYPE_DOUBLE: _DOUBLES,
    }
    return chance.choice(values[member.cpp_type])


@pytest.mark.parametrize(
    "kind",
    [
        transaction_pb.Transaction,
        transaction_service_pb.ListTransactionsResponse,
        station_pb.Station,
        station_service_pb.ListStationsResponse,
    ],
)
@pytest.mark.parametrize("seed", range(25))
def test_a_message_is_written_as_by_reflection(kind: type[Message], seed: int) -> None:
    message = _filled(kind(), random.Random(seed))
    expected = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
    assert json.loads(json_text.written(message)) == expected


def test_an_empty_message_shows_all_that_has_no_presence() -> None:
    expected = json_format.MessageToDict(transaction_pb.Transaction(), always_print_fields_with_no_presence=True)
    assert json.loads(json_text.written(transaction_pb.Transaction())) == expected
    assert expected["energyWh"] == "0"
    assert "startTime" not in expected


def test_what_it_cannot_write_is_refused() -> None:
    with pytest.raises(TypeError, match=r"google\.protobuf\.Struct"):
        json_text.written(struct_pb2.Struct())
