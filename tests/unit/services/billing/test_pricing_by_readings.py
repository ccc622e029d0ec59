"""Energy is priced when it came, by the readings of its session; idling by when the vehicle idled."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.course import Reading, Span
from services.billing.domain.price_component import PriceComponent
from services.billing.domain.pricing import Consumption, Price, needs_course, price
from services.kernel.money import Money
from tests.unit.services.billing.examples import component, energy, tariff

# A Monday, a quarter of an hour before the night begins.
START = datetime(2026, 3, 2, 21, 45, tzinfo=UTC)
END = START + timedelta(minutes=45)
NIGHT = tariff(energy("0.39", "22:00-06:00"), energy("0.79"))


def at(minutes: float) -> datetime:
    return START + minutes * timedelta(minutes=1)


def read(*points: tuple[float, int]) -> list[Reading]:
    return [Reading(at(minutes), energy_wh) for minutes, energy_wh in points]


def used(energy_wh: int, readings: Sequence[Reading] = (), **fields: Any) -> Consumption:
    return Consumption(**{"energy_wh": energy_wh, "start": START, "end": END, "readings": readings, **fields})


def lines(priced: Price) -> list[tuple[str, str, str]]:
    return [(line.kind, str(line.quantity), str(line.amount.to_decimal())) for line in priced.lines]


@pytest.mark.field_case("D2")
def test_a_fast_start_before_the_night_is_paid_by_day() -> None:
    # 100 kW for a quarter of an hour, then it tapers off over half an hour.
    readings = read((0, 0), (5, 8_333), (10, 16_667), (15, 25_000), (25, 34_700), (35, 39_500), (45, 41_160))
    priced = price(NIGHT, used(41_160, readings))
    assert lines(priced) == [("ENERGY", "25", "19.75"), ("ENERGY", "16.16", "6.30")]
    assert (priced.total.to_decimal(), priced.is_evenly_spread) == (Decimal("26.05"), False)
    # Nobody knows without readings: spread evenly, and it says so.
    spread = price(NIGHT, used(41_160))
    assert (spread.total.to_decimal(), spread.is_evenly_spread) == (Decimal("21.54"), True)


@pytest.mark.field_case("D2")
@pytest.mark.parametrize(
    ("readings", "day_wh"),
    [
        # On the line between two readings.
        (read((0, 0), (10, 20_000), (20, 30_000), (45, 40_000)), 25_000),
        # In any order, told several times, with one that fell back.
        (read((45, 40_000), (20, 30_000), (0, 0), (10, 20_000), (20, 30_000), (30, 29_000)), 25_000),
        # Those beside the session do not count.
        (read((-60, 0), (0, 0), (10, 20_000), (20, 30_000), (45, 40_000), (90, 90_000)), 25_000),
        # Level before the first, and after the last.
        (read((20, 0), (30, 10_000), (40, 40_000)), 0),
        (read((0, 0), (5, 10_000), (10, 40_000)), 40_000),
    ],
)
def test_energy_lies_on_the_line_between_two_readings(readings: list[Reading], day_wh: int) -> None:
    priced = price(NIGHT, used(40_000, readings))
    assert sum(line.quantity for line in priced.lines if line.unit_price == Decimal("0.79")) == Decimal(day_wh) / 1000
    assert not priced.is_evenly_spread


@pytest.mark.parametrize("readings", [[], read((0, 0), (45, 40_000)), read((0, 5), (20, 5), (45, 5))])
def test_readings_that_tell_nothing_spread_the_energy_evenly(readings: list[Reading]) -> None:
    priced = price(NIGHT, used(40_000, readings))
    assert priced.total == price(NIGHT, used(40_000)).total
    assert priced.is_evenly_spread


def test_where_the_price_does_not_change_nothing_is_spread() -> None:
    by_day: dict[str, Any] = {"start": at(-300), "end": at(-200)}
    assert not price(NIGHT, used(40_000, **by_day)).is_evenly_spread
    assert not price(tariff(energy("0.40")), used(40_000)).is_evenly_spread
    assert not price(NIGHT, used(0)).is_evenly_spread


@pytest.mark.parametrize(
    ("components", "needs"),
    [
        ([energy("0.40")], False),
        ([energy("0.40"), component("TIME", "1", "22:00-06:00"), component("FLAT", "1")], False),
        ([energy("0.39", "22:00-06:00"), energy("0.79")], True),
        # The price changes, but not within the session; or it is the same.
        ([energy("0.39", "06:00-08:00"), energy("0.79")], False),
        ([energy("0.79", "22:00-06:00"), energy("0.79")], False),
        ([energy("0.40"), component("IDLE", "6")], True),
        ([energy("0.40"), component("IDLE", "0")], False),
    ],
)
def test_only_prices_that_change_or_idle_prices_need_the_course(components: list[PriceComponent], needs: bool) -> None:
    assert needs_course(tariff(*components), START, END, "UTC") is needs


@pytest.mark.parametrize(("zone", "needs"), [("UTC", True), ("Europe/Berlin", False), ("America/New_York", False)])
def test_whether_the_price_changes_is_a_matter_of_the_local_clock(zone: str, needs: bool) -> None:
    assert needs_course(NIGHT, START, END, zone) is needs


@pytest.mark.field_case("D1")
def test_idling_is_charged_after_its_grace_when_it_was() -> None:
    demo = tariff(energy("0.49"), component("IDLE", "6.00", grace_minutes=15))
    idle = [Span(at(30), at(75)), Span(at(90), at(135))]
    priced = price(demo, used(10_000, idle=idle, idle_minutes=90, end=at(135)))
    assert lines(priced)[1:] == [("IDLE", "1.2500", "7.50")]
    assert priced.idle_minutes == 90
    within_grace = price(demo, used(10_000, idle=[Span(at(30), at(45))], idle_minutes=15))
    assert [line.kind for line in within_grace.lines] == ["ENERGY"]


@pytest.mark.field_case("D1")
def test_idling_is_charged_by_the_clock() -> None:
    # Free at night, dear by day; the grace is over when the day ends.
    by_clock = tariff(
        energy("0.49"), component("IDLE", "6.00", "06:00-22:00"), component("IDLE", "0.60", "22:00-23:00", (), 30)
    )
    idle = [Span(at(0), at(135))]
    priced = price(by_clock, used(10_000, idle=idle, idle_minutes=135, end=at(135)))
    # From 21:45 to 22:00, and from half an hour after its begin to 23:00.
    assert lines(priced)[1:] == [("IDLE", "0.2500", "1.50"), ("IDLE", "0.7500", "0.45")]


minutes_of_a_session = st.integers(-5 * 60, 50 * 60).map(lambda seconds: START + timedelta(seconds=seconds))
many_readings = st.lists(st.builds(Reading, minutes_of_a_session, st.integers(0, 50_000)), max_size=12)
prices = st.decimals(0, 2, places=2).map(str)
windowed = st.lists(
    st.builds(
        lambda price, begin: energy(price, f"{begin // 60:02d}:{begin % 60:02d}-23:59"),
        prices,
        st.integers(21 * 60 + 40, 22 * 60 + 40),
    ),
    min_size=1,
    max_size=4,
).map(lambda parts: tariff(*parts, energy("0.50")))


@given(windowed, many_readings, st.integers(0, 60_000), st.randoms(use_true_random=False))
def test_the_order_of_readings_and_how_often_they_came_change_no_price(
    plan: Any, readings: list[Reading], energy_wh: int, dice: Any
) -> None:
    expected = price(plan, used(energy_wh, readings))
    shuffled = dice.sample(readings, len(readings)) + dice.sample(readings, len(readings) // 2)
    assert price(plan, used(energy_wh, shuffled)) == expected
    assert sum((line.amount for line in expected.lines), Money("EUR", 0)) == expected.total
    assert sum(line.quantity for line in expected.lines) * 1000 == energy_wh


@given(windowed, many_readings, st.integers(0, 60_000), st.integers(1, 5) | st.integers(1, 60_000))
def test_more_energy_never_costs_less_by_readings(
    plan: Any, readings: list[Reading], energy_wh: int, more_wh: int
) -> None:
    one = used(energy_wh, readings)
    assert price(plan, one).total <= price(plan, replace(one, energy_wh=energy_wh + more_wh)).total


@given(
    windowed,
    st.lists(st.tuples(st.integers(1, 15), st.integers(0, 9)), min_size=2, max_size=6),
    st.lists(st.integers(1, 44), max_size=8),
)
def test_one_more_reading_on_the_line_changes_no_price(
    plan: Any, steps: list[tuple[int, int]], extra: list[int]
) -> None:
    """Steps of whole minutes, at whole watt-hours a minute: so every minute is on the line."""
    points, minutes, energy_wh = [(0, 0)], 0, 0
    for length, power in steps:
        minutes, energy_wh = minutes + length, energy_wh + length * power * 100
        points.append((minutes, energy_wh))
    readings = read(*points)
    on_the_line = []
    for minute in extra:
        for (before, low), (after, high) in pairwise(points):
            if before <= minute <= after:
                wh = low + Fraction(minute - before, after - before) * (high - low)
                on_the_line += read((minute, int(wh)))
    assert price(plan, used(10_000, [*readings, *on_the_line])) == price(plan, used(10_000, readings))
