"""services.rpc.protobuf"""

from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from services.rpc.protobuf import read_time, time_fields, timestamp, write_time

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "time",
    [
        NOW,
        NOW + timedelta(microseconds=1),
        datetime(1969, 12, 31, 23, 59, 59, 5, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
    ],
)
def test_times_become_messages_and_come_back_exactly(time: datetime) -> None:
    message = Timestamp(seconds=7, nanos=7)
    write_time(time, message)
    assert message.ToDatetime(tzinfo=UTC) == read_time(message) == time
    assert timestamp(time) == message == Timestamp(**time_fields(time))


def test_no_time_is_an_absent_field() -> None:
    assert timestamp(None) is None
