"""What holds of every price by readings, whatever the tariff; and what the parts of a price are."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.course import Reading, Span
from services.billing.domain.price_component import (
    ComponentKind,
    HolidayRule,
    HourlyPrice,
    PriceComponent,
    ReservationRule,
)
from services.billing.domain.pricing import Consumption, Reservation, explain, may_need_course, needs_course, price
from services.billing.domain.tariff import PriceLimit, Tariff
from services.billing.domain.tariff_checks import validated
from services.kernel.errors import DomainError
from services.kernel.money import Money
from tests.unit.services.billing.examples import component, energy, tariff

START = datetime(2026, 10, 24, 22, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def some(kind: str, unit_price: str, **restrictions: Any) -> PriceComponent:
    return replace(component(kind, unit_price), **restrictions)


amounts = st.integers(1, 40).map(lambda tenths: tenths * 500)
seconds = st.integers(1, 20).map(lambda steps: steps * 600)
bounds = st.fixed_dictionaries(
    {},
    optional={
        "min_energy_wh": st.just(0) | amounts,
        "max_energy_wh": amounts,
        "min_duration_seconds": seconds,
        "max_duration_seconds": seconds,
        "holidays": st.sampled_from([HolidayRule.ONLY, HolidayRule.NEVER]),
        "start_date": st.just(date(2026, 10, 25)),
        "start_time_of_day": st.just("01:30"),
        "end_time_of_day": st.just("02:30"),
    },
).filter(lambda found: ("start_time_of_day" in found) is ("end_time_of_day" in found))
watts = st.integers(1, 20_000)
powers = st.fixed_dictionaries({}, optional={"min_power_w": watts, "max_power_w": watts})
all_restrictions = st.tuples(bounds, powers).map(lambda two: {**two[0], **two[1]})
prices = st.integers(0, 200).map(lambda cents: str(Decimal(cents) / 100))
kinds = st.sampled_from(["ENERGY", "TIME", "CHARGING_TIME", "IDLE", "FLAT"])


def tariffs(
    restrictions: st.SearchStrategy[dict[str, Any]], steps: st.SearchStrategy[int]
) -> st.SearchStrategy[Tariff]:
    made = st.builds(
        lambda kind, cost, found, step, tax: some(
            kind, cost, **found, step_size=0 if kind == "FLAT" else step, tax_basis_points=tax
        ),
        kinds,
        prices,
        restrictions,
        steps,
        st.sampled_from([None, 0, 700, 1900]),
    )
    return st.lists(made, min_size=1, max_size=6).map(
        lambda parts: tariff(*parts, energy("0.40"), tax=1900, holidays=[date(2026, 10, 25)])
    )


# Whole watt-hours a minute, so that each whole minute of it is a reading that lies on the line.
courses = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 300)), min_size=2, max_size=8)


def readings_of(course: list[tuple[int, int]]) -> list[Reading]:
    found, minutes, energy_wh = [Reading(START, 0)], 0, 0
    for length, wh_a_minute in course:
        minutes, energy_wh = minutes + length, energy_wh + length * wh_a_minute
        found.append(Reading(at(minutes), energy_wh))
    return found


def used(course: list[Reading], **fields: Any) -> Consumption:
    end = course[-1].time
    idle = [Span(end - (end - START) / 4, end)]
    return Consumption(
        **{
            "energy_wh": course[-1].energy_wh,
            "start": START,
            "end": end,
            "readings": course,
            "time_zone": BERLIN,
            "idle": idle,
            "idle_minutes": (idle[0].length // timedelta(minutes=1)),
            **fields,
        }
    )


@given(tariffs(all_restrictions, st.integers(0, 900)), courses, st.randoms())
def test_any_split_of_the_readings_in_any_order_gives_the_same_price(
    plan: Tariff, course: list[tuple[int, int]], dice: Any
) -> None:
    few = readings_of(course)
    many = [*few, *readings_of([(1, wh) for length, wh in course for _ in range(length)])]
    expected = price(plan, used(few))
    dice.shuffle(many)
    assert price(plan, used(few, readings=many)) == expected
    assert expected.total == expected.subtotal + expected.tax
    assert sum((line.amount for line in expected.lines), Money("EUR", 0)) == expected.subtotal


@given(tariffs(bounds, st.just(0)), courses, st.integers(1, 60), st.integers(0, 300))
def test_a_session_that_goes_on_never_costs_less(
    plan: Tariff, course: list[tuple[int, int]], more_minutes: int, wh_a_minute: int
) -> None:
    before, after = readings_of(course), readings_of([*course, (more_minutes, wh_a_minute)])
    idle = used(before).idle
    shorter, longer = price(plan, used(before, idle=idle)), price(plan, used(after, idle=idle))
    # A watt-hour goes to one price or another, and each amount is rounded for itself.
    slack = sum((line.unit_price * Decimal("0.002") + 1 for line in longer.lines), Decimal(0))
    assert longer.total.minor_units - shorter.total.minor_units >= -slack


@given(tariffs(all_restrictions, st.integers(0, 900)), courses)
def test_an_explanation_is_the_price_and_its_parts_are_all_of_it(plan: Tariff, course: list[tuple[int, int]]) -> None:
    session = used(readings_of(course))
    explained = explain(plan, session)
    assert explained.price == price(plan, session)
    assert [one.line for one in explained.lines] == list(explained.price.lines)
    for one in explained.lines:
        if one.parts and one.part_count == len(one.parts):
            whole = sum((part.quantity for part in one.parts), Decimal(0)) + one.step_added
            assert abs(whole - one.line.quantity) <= Decimal("0.0021") * (len(one.parts) + 1)
        assert abs(one.exact_amount - one.line.amount.to_decimal()) <= Decimal("0.005")


@given(tariffs(bounds, st.integers(0, 900)), courses)
def test_prices_that_ask_for_no_course_are_the_same_without(plan: Tariff, course: list[tuple[int, int]]) -> None:
    session = used(readings_of(course), idle=[], idle_minutes=0)
    if not needs_course(plan, session.start, session.end, BERLIN):
        assert price(plan, replace(session, readings=())) == price(plan, session)
    if not may_need_course(plan):
        assert not needs_course(plan, session.start, session.end, BERLIN)


@pytest.mark.parametrize(
    ("included", "net", "gross", "lines"),
    [
        (False, "10.00", "11.90", ["10.00"]),
        # 10.00 with 19 % in it are 8.40 and 1.60.
        (True, "8.40", "10.00", ["8.40"]),
    ],
)
def test_tax_is_added_or_included(included: bool, net: str, gross: str, lines: list[str]) -> None:
    priced = price(tariff(component("FLAT", "10"), tax=1900, tax_included=included), used(readings_of([(1, 1)])))
    assert [str(amount.to_decimal()) for amount in (priced.subtotal, priced.total)] == [net, gross]
    assert [str(line.amount.to_decimal()) for line in priced.lines] == lines


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.sampled_from([0, 500, 1000, 2000])), min_size=1, max_size=5),
    st.booleans(),
    st.none() | st.integers(0, 8000),
    st.none() | st.integers(0, 8000),
)
def test_limits_hold_before_tax_and_with_it(
    fees: list[tuple[int, int]], included: bool, least: int | None, more: int | None
) -> None:
    parts = [
        some("ENERGY", str(Decimal(cents) / 100), tax_basis_points=rate, min_energy_wh=1000 * place)
        for place, (cents, rate) in enumerate(fees)
    ][::-1]
    low = None if least is None else Decimal(least) / 100
    # The least price with the highest tax on it, and more.
    high = None if more is None else Decimal((least or 0) * 125 // 100 + 1 + more) / 100
    limits: dict[str, Any] = {"min_price": PriceLimit(low, low), "max_price": PriceLimit(high, high)}
    priced = price(tariff(*parts, tax_included=included, **limits), used(readings_of([(60, 100), (60, 10)])))
    net, gross = priced.subtotal.to_decimal(), priced.total.to_decimal()
    assert low is None or min(net, gross) >= low
    assert high is None or max(net, gross) <= high
    assert sum(line.amount.minor_units for line in priced.lines) == priced.subtotal.minor_units
    rates = [line.tax_basis_points or 0 for line in priced.lines]
    assert net * min(rates) / 10_000 - Decimal("0.02") <= gross - net <= net * max(rates) / 10_000 + Decimal("0.02")


def test_an_hour_without_a_price_is_that_of_the_next_component() -> None:
    series = tuple(HourlyPrice(at(minutes), Decimal(cost)) for minutes, cost in ((0, "0.10"), (60, "0.30"), (90, "9")))
    plan = tariff(some("ENERGY", "0.05", series=series), energy("0.50"))
    priced = price(plan, used(readings_of([(60, 100), (30, 100), (30, 100)])))
    assert [(line.quantity, line.unit_price) for line in priced.lines] == [
        (Decimal(6), Decimal("0.15")),
        (Decimal(3), Decimal("0.35")),
        (Decimal(3), Decimal("0.50")),
    ]


def test_idling_after_a_session_that_took_no_time_is_that_after_its_grace() -> None:
    plan = tariff(energy("0.5"), component("TIME", "10"), component("IDLE", "6", grace_minutes=15))
    session = Consumption(energy_wh=2_000, start=START, end=START, idle_minutes=45)
    assert [(line.kind, line.quantity, line.amount.minor_units) for line in price(plan, session).lines] == [
        ("ENERGY", Decimal(2), 100),
        ("TIME", Decimal(0), 0),
        ("IDLE", Decimal("0.5"), 300),
    ]


def test_a_reservation_that_ran_out_has_no_session() -> None:
    plan = tariff(energy("0.4"), component("FLAT", "1"), some("FLAT", "5", reservation=ReservationRule.RESERVATION))
    session = Consumption(energy_wh=0, start=START, end=START, reservation=Reservation(at(-60), START, True))
    assert [(line.description, line.amount.minor_units) for line in price(plan, session).lines] == [
        ("Reservation fee", 500)
    ]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (some("ENERGY", "1", min_energy_wh=5, max_energy_wh=5), "components[0].maxEnergyWh"),
        (some("ENERGY", "1", min_power_w=-1), "components[0].minPowerW"),
        (some("ENERGY", "1", start_date=date(2026, 2, 1), end_date=date(2026, 2, 1)), "components[0].endDate"),
        (some("ENERGY", "1", start_of_season="02-30", end_of_season="03-01"), "components[0].startOfSeason"),
        (some("ENERGY", "1", start_of_season="02-03"), "components[0].startOfSeason"),
        (some("ENERGY", "1", holidays=HolidayRule.ONLY), "holidays"),
        (some("FLAT", "1", step_size=5), "components[0].stepSize"),
        (some("ENERGY", "1", tax_basis_points=10_001), "components[0].taxBasisPoints"),
        (some("ENERGY", "1", reservation=ReservationRule.RESERVATION), "components[0].reservation"),
        (some("ENERGY", "1", series=(HourlyPrice(START, Decimal(1)),)), "components[0].series"),
        (
            some("ENERGY", "1", series=(HourlyPrice(START, Decimal(1)), HourlyPrice(START, Decimal(1)))),
            "components[0].series[1].time",
        ),
    ],
)
def test_contradictions_are_refused_by_their_field(wrong: PriceComponent, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        validated(tariff(wrong))
    assert f"tariff.{field}" in {violation.field for violation in refused.value.violations}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"min_price": PriceLimit(Decimal(2), Decimal(1))}, "minPrice.gross"),
        ({"min_price": PriceLimit(Decimal(2)), "max_price": PriceLimit(Decimal(1))}, "maxPrice.net"),
        ({"max_price": PriceLimit(Decimal(-1))}, "maxPrice.net"),
        ({"valid_from": START, "valid_until": START}, "validUntil"),
        ({"driver_ids": ["me"]}, "driverIds[0]"),
        ({"currency": "EUO"}, "currencyCode"),
        ({"currency": "XXX"}, "currencyCode"),
    ],
)
def test_contradictions_of_a_tariff_are_refused_by_their_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(DomainError) as refused:
        validated(tariff(energy("1"), **fields))
    assert [violation.field for violation in refused.value.violations] == [f"tariff.{field}"]


def test_a_thousand_periods_are_priced_at_once() -> None:
    windows = [(f"0.{20 + hour}", f"{hour:02d}:00-{hour + 1:02d}:00") for hour in range(0, 23, 2)]
    plan = tariff(*(energy(*window) for window in windows), energy("0.40"), component("IDLE", "6", grace_minutes=15))
    minutes = 42 * 24 * 60
    readings = [Reading(at(minutes * place / 500), 1_000 * place) for place in range(501)]
    session = Consumption(energy_wh=500_000, start=START, end=at(minutes), readings=readings, time_zone=BERLIN)
    assert sum(line.part_count for line in explain(plan, session).lines) >= 1_000
    # 20 ms are the bound on a quiet machine; five times as much here, where others work as well.
    assert _cpu_seconds(lambda: price(plan, session)) < 0.1


def _cpu_seconds(work: Callable[[], object]) -> float:
    best = 60.0
    for _ in range(5):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return best


def test_kinds_of_lines_are_those_of_components() -> None:
    plan = tariff(*(component(str(kind), "1") for kind in ComponentKind))
    kinds_of_lines = [line.kind for line in price(plan, used(readings_of([(60, 10), (60, 0)]))).lines]
    assert kinds_of_lines == ["ENERGY", "TIME", "CHARGING_TIME", "FLAT", "IDLE"]
