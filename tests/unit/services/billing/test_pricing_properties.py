"""What holds of every bill."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.price_component import PriceComponent
from services.billing.domain.pricing import Consumption, Price, price
from services.billing.domain.tariff import MembershipTier, Tariff
from services.kernel.money import Money
from services.kernel.zones import zone_of
from tests.unit.services.billing.examples import component, tariff

QUARTER = timedelta(minutes=15)
SECOND = timedelta(seconds=1)
ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Beirut", "America/Havana"]

times_of_day = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02d}:{quarter % 4 * 15:02d}")
windows = st.tuples(times_of_day, times_of_day).filter(lambda pair: pair[0] != pair[1]).map("-".join) | st.just("")
prices = st.decimals(0, 1000, places=4).map(str) | st.sampled_from(["0", "0.4", "1000000"])
days = st.sets(st.integers(1, 7)).map(lambda chosen: tuple(sorted(chosen)))
components = st.builds(component, st.sampled_from(["ENERGY", "TIME", "FLAT", "IDLE"]), prices, windows, days)
discounts = st.dictionaries(st.sampled_from(MembershipTier), st.integers(0, 10_000))
tariffs = st.builds(
    lambda parts, currency, tax, off: tariff(*parts, currency=currency, tax=tax, discounts=off),
    st.lists(components, min_size=1, max_size=6),
    st.sampled_from(["EUR", "JPY", "KWD"]),
    st.integers(0, 10_000),
    discounts,
)
# Around the days on which clocks are set.
starts = st.sampled_from(
    [datetime(2026, 3, 28, 12), datetime(2026, 10, 24, 12), datetime(2026, 4, 4, 0), datetime(2026, 6, 1)]
).flatmap(
    lambda near: st.integers(0, 48 * 60).map(lambda minutes: near.replace(tzinfo=UTC) + timedelta(minutes=minutes))
)
consumptions = st.builds(
    lambda wh, start, seconds, idle, zone, tier: Consumption(
        energy_wh=wh, start=start, end=start + timedelta(seconds=seconds), idle_minutes=idle, time_zone=zone, tier=tier
    ),
    st.integers(0, 300_000) | st.sampled_from([1, 100_000_000]),
    starts,
    st.integers(0, 4 * 86_400),
    st.integers(0, 600),
    st.sampled_from(ZONES),
    st.sampled_from(MembershipTier),
)


def _more(used: Consumption, extra_wh: int) -> Consumption:
    return Consumption(
        energy_wh=used.energy_wh + extra_wh,
        start=used.start,
        end=used.end,
        idle_minutes=used.idle_minutes,
        time_zone=used.time_zone,
        tier=used.tier,
    )


def _of(priced: Price, kind: str) -> Decimal:
    return sum((line.quantity for line in priced.lines if line.kind == kind), Decimal(0))


@given(tariffs, consumptions)
def test_lines_sum_to_the_subtotal_and_each_is_quantity_times_price(plan: Tariff, used: Consumption) -> None:
    priced = price(plan, used)
    nothing = Money(plan.currency_code, 0)
    assert sum((line.amount for line in priced.lines), nothing) == priced.subtotal
    assert priced.subtotal + priced.tax == priced.total
    assert priced.total >= nothing
    for line in priced.lines:
        assert line.amount == Money.from_decimal(plan.currency_code, line.quantity * line.unit_price)


@given(tariffs, prices, prices, consumptions)
def test_energy_and_time_are_shared_out_without_a_rest(
    plan: Tariff, energy_price: str, time_price: str, used: Consumption
) -> None:
    # What the windows leave is charged for at all times.
    rest = (component("ENERGY", energy_price), component("TIME", time_price))
    priced = price(tariff(*plan.components, *rest), used)
    assert _of(priced, "ENERGY") * 1000 == used.energy_wh
    exact_hours = Decimal((used.end - used.start) // timedelta(seconds=1)) / 3600
    # Each line rounds to a ten-thousandth of an hour.
    assert abs(_of(priced, "TIME") - exact_hours) <= Decimal("0.00005") * len(priced.lines)


@given(tariffs, consumptions, st.integers(1, 5) | st.integers(1, 100_000))
def test_more_energy_never_costs_less(plan: Tariff, used: Consumption, extra_wh: int) -> None:
    assert price(plan, used).total <= price(plan, _more(used, extra_wh)).total


@given(
    st.sampled_from(["ENERGY", "TIME"]),
    prices,
    st.lists(times_of_day, min_size=2, max_size=8, unique=True),
    consumptions,
)
def test_dividing_the_day_into_windows_of_one_price_changes_no_bill(
    kind: str, unit_price: str, edges: list[str], used: Consumption
) -> None:
    edges.sort()
    parts = [
        component(kind, unit_price, f"{begin}-{end}") for begin, end in zip(edges, [*edges[1:], edges[0]], strict=True)
    ]
    whole, divided = price(tariff(component(kind, unit_price)), used), price(tariff(*parts), used)
    assert divided.total == whole.total
    assert [(line.quantity, line.amount) for line in divided.lines] == [
        (line.quantity, line.amount) for line in whole.lines
    ]


@given(tariffs, consumptions)
def test_the_same_moment_in_another_zone_of_the_caller_costs_the_same(plan: Tariff, used: Consumption) -> None:
    elsewhere = zone_of("Asia/Kathmandu")
    moved = Consumption(
        energy_wh=used.energy_wh,
        start=used.start.astimezone(elsewhere),
        end=used.end.astimezone(elsewhere),
        idle_minutes=used.idle_minutes,
        time_zone=used.time_zone,
        tier=used.tier,
    )
    assert price(plan, moved) == price(plan, used)


def _quarter_by_quarter(parts: list[PriceComponent], used: Consumption) -> Decimal:
    """What the time of a session costs, asked anew for every quarter of an hour."""
    zone, total, at = zone_of(used.time_zone), Decimal(0), used.start
    while at < used.end:
        counting = next((part for part in parts if part.applies(at.astimezone(zone))), None)
        length = min(QUARTER, used.end - at)
        total += (counting.price if counting else Decimal(0)) * Decimal(length // SECOND) / 3600
        at += QUARTER
    return total


@given(st.lists(st.builds(component, st.just("TIME"), prices, windows, days), min_size=1, max_size=4), consumptions)
def test_time_costs_what_a_look_at_the_clock_in_every_quarter_of_an_hour_says(
    parts: list[PriceComponent], used: Consumption
) -> None:
    begin = used.start.replace(minute=used.start.minute // 15 * 15)
    end = begin + min(used.end - used.start, timedelta(hours=30))
    used = Consumption(energy_wh=0, start=begin, end=end, time_zone=used.time_zone)
    priced = price(tariff(*parts, currency="UYW"), used)
    # Quantities are rounded to a ten-thousandth of an hour, amounts to a ten-thousandth of the currency.
    slack = sum((line.unit_price * Decimal("0.00005") + Decimal("0.00005") for line in priced.lines), Decimal(0))
    assert abs(priced.total.to_decimal() - _quarter_by_quarter(parts, used)) <= slack
