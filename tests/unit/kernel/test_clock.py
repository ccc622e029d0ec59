"""services.kernel.clock"""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from services.kernel.clock import FixedClock, SystemClock


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
