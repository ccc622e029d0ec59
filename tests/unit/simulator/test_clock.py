"""The device clock: it lags, runs fast, and never overtakes real time."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from simulator.clock import DeviceClock, stamp

_SECOND = 1_000_000


class Real:
    """Real time, moved by hand."""

    def __init__(self) -> None:
        self.us = 1_700_000_000 * _SECOND

    def __call__(self) -> int:
        return self.us


def test_a_clock_starts_behind_by_what_it_is_told() -> None:
    real = Real()
    clock = DeviceClock(timedelta(minutes=30), real_us=real)
    assert clock.now_us() == real.us - 1_800 * _SECOND


def test_a_fast_clock_passes_its_rate_in_device_seconds_for_each_real_one() -> None:
    real = Real()
    clock = DeviceClock(timedelta(hours=1), real_us=real)
    clock.set_rate(300)
    begin = clock.now_us()
    real.us += 2 * _SECOND
    assert clock.now_us() - begin == 600 * _SECOND


def test_a_fast_clock_stops_at_the_present() -> None:
    real = Real()
    clock = DeviceClock(timedelta(seconds=10), real_us=real)
    clock.set_rate(1_000)
    real.us += 5 * _SECOND
    assert clock.now_us() == real.us


def test_half_an_hour_in_six_seconds_ends_at_the_present_exactly() -> None:
    real = Real()
    clock = DeviceClock(timedelta(seconds=1_800 - 6), real_us=real)
    clock.set_rate(Fraction(1_800, 6))
    real.us += 6 * _SECOND
    clock.set_rate(1)
    assert clock.now_us() == real.us


def test_time_does_not_go_back_when_real_time_does() -> None:
    real = Real()
    clock = DeviceClock(real_us=real)
    before = clock.now_us()
    real.us -= 60 * _SECOND
    assert clock.now_us() == before


def test_a_clock_cannot_start_ahead() -> None:
    with pytest.raises(ValueError, match="ahead"):
        DeviceClock(timedelta(seconds=-1))


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        DeviceClock().set_rate(0)


async def test_sleeping_ends_when_device_time_is_there() -> None:
    clock = DeviceClock(timedelta(hours=1))
    clock.set_rate(10_000)
    wake_us = clock.now_us() + 100 * _SECOND
    await clock.sleep_until(wake_us)
    assert clock.now_us() >= wake_us


def test_stamps_are_utc_with_milliseconds() -> None:
    assert stamp(datetime(2025, 1, 2, 3, 4, 5, 678_999, UTC)) == "2025-01-02T03:04:05.678Z"
