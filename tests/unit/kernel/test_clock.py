"""services.kernel.clock"""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from services.kernel.clock import FixedClock, SystemClock, microseconds, time_at


def test_the_system_clock_tells_the_time_in_utc() -> None:
    before = datetime.now(UTC)
    reported = SystemClock().now()

    assert reported.tzinfo is UTC
    assert before <= reported <= datetime.now(UTC)


def test_a_fixed_clock_stands_still_until_it_is_moved() -> None:
    clock = FixedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))

    assert clock.now() == clock.now() == datetime(2026, 3, 1, 12, tzinfo=UTC)
    clock.advance(timedelta(minutes=5))
    assert clock.now() == datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
    clock.advance(timedelta(hours=-1))
    assert clock.now() == datetime(2026, 3, 1, 11, 5, tzinfo=UTC)


def test_a_fixed_clock_tells_utc_whatever_zone_it_was_set_in() -> None:
    clock = FixedClock(datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2))))

    assert clock.now().tzinfo is UTC
    assert clock.now().hour == 10


def test_a_fixed_clock_refuses_a_time_without_a_zone() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        FixedClock(datetime(2026, 3, 1))


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1),
        (datetime(2026, 3, 1, 12, 0, 0, 123_457, tzinfo=UTC), 1_772_366_400_123_457),
        (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), 253_402_300_799_999_999),
    ],
)
def test_a_time_is_a_whole_number_of_microseconds_and_back(time: datetime, expected: int) -> None:
    assert microseconds(time) == expected
    assert time_at(expected) == time


def test_a_time_of_another_zone_is_the_same_number() -> None:
    assert microseconds(datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == 0


def test_a_number_may_be_of_no_time() -> None:
    with pytest.raises(OverflowError):
        time_at(2**62)
