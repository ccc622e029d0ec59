"""The meter: an exact register."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.meter import Meter

_HOUR = 3_600_000_000


class Time:
    """Device time in microseconds, moved by hand."""

    def __init__(self) -> None:
        self.us = 0

    def __call__(self) -> int:
        return self.us


def test_power_over_an_hour_is_energy() -> None:
    time = Time()
    meter = Meter(time, initial_wh=500)
    meter.begin(11_000)
    time.us += _HOUR
    assert meter.energy_wh == 11_500


def test_without_power_the_register_stands_still() -> None:
    time = Time()
    meter = Meter(time)
    meter.begin(11_000)
    time.us += _HOUR
    meter.end()
    time.us += 5 * _HOUR
    assert (meter.energy_wh, meter.power_w) == (11_000, 0)


def test_a_full_vehicle_takes_exactly_what_it_wanted() -> None:
    time = Time()
    meter = Meter(time, initial_wh=7)
    meter.begin(10_000, limit_wh=2_500)
    time.us += _HOUR
    assert (meter.energy_wh, meter.full, meter.power_w) == (2_507, True, 0)


def test_the_moment_of_being_full_is_known_beforehand() -> None:
    time = Time()
    meter = Meter(time)
    meter.begin(10_000, limit_wh=2_500)
    assert meter.full_at_us == _HOUR // 4
    time.us = _HOUR // 4 - 1
    assert not meter.full
    time.us += 1
    assert meter.full


def test_a_change_of_power_keeps_what_was_counted_and_the_limit() -> None:
    time = Time()
    meter = Meter(time)
    meter.begin(10_000, limit_wh=12_000)
    time.us += _HOUR
    meter.set_power(4_000)
    time.us += _HOUR // 4
    assert meter.energy_wh == 11_000
    time.us += _HOUR
    assert meter.energy_wh == 12_000


def test_negative_power_is_refused() -> None:
    with pytest.raises(ValueError, match="power_w"):
        Meter(Time()).begin(-1)


@given(st.lists(st.tuples(st.integers(0, 350_000), st.integers(0, _HOUR)), max_size=20))
def test_however_it_is_read_the_register_is_the_integral_rounded_down(phases: list[tuple[int, int]]) -> None:
    time = Time()
    meter = Meter(time)
    for power_w, duration_us in phases:
        meter.begin(power_w)
        time.us += duration_us // 2
        assert meter.energy_wh >= 0
        time.us += duration_us - duration_us // 2
        meter.end()
    assert meter.energy_wh == sum(power * duration for power, duration in phases) // _HOUR


@given(st.lists(st.tuples(st.integers(1, 350_000), st.integers(1, _HOUR)), min_size=1, max_size=20))
def test_the_sessions_add_up_to_the_register(phases: list[tuple[int, int]]) -> None:
    time = Time()
    meter = Meter(time)
    sessions = []
    for power_w, duration_us in phases:
        start = meter.energy_wh
        meter.begin(power_w)
        time.us += duration_us
        meter.end()
        sessions.append(meter.energy_wh - start)
    assert sum(sessions) == meter.energy_wh


def test_a_change_of_power_loses_nothing_of_what_flowed_before() -> None:
    ticking = count(0, 1_000)
    meter = Meter(lambda: next(ticking))
    meter.begin(3_600_000)
    for number in range(1_000):
        meter.set_power(3_600_000 + number % 2)
    # A watt-hour each millisecond that was looked at; the last change may not be seen yet.
    assert meter.energy_wh == pytest.approx(1_000, abs=3)
