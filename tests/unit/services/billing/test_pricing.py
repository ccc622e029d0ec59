"""Worked examples of bills, each reckoned by hand."""

from decimal import Decimal

import pytest

from services.billing.domain.pricing import Consumption, Price, checked, price, require_valid
from services.billing.domain.tariff import MembershipTier, Tariff
from services.kernel.errors import DomainError
from tests.unit.services.billing.examples import component, energy, tariff, used

BERLIN = "Europe/Berlin"
NIGHT_AND_DAY = (energy("0.25", "22:00-06:00"), energy("0.45"))
WEEKEND_NIGHTS = (energy("0.10", "22:00-06:00", (5, 6)), energy("0.40"))
SHORT_NIGHT = (component("TIME", "1.00", "02:30-03:00"), component("TIME", "0.10"))


def _lines(priced: Price) -> list[tuple[str, str, str]]:
    """What is charged for: description, quantity with unit, amount."""
    return [
        (line.description, f"{line.quantity.normalize():f} {line.unit}", f"{line.amount.to_decimal()}")
        for line in priced.lines
    ]


@pytest.mark.parametrize(
    ("plan", "consumption", "lines", "total"),
    [
        (tariff(energy("0.40")), used(12_345), [("Energy", "12.345 kWh", "4.94")], "4.94"),
        (tariff(energy("0.40")), used(0), [("Energy", "0 kWh", "0.00")], "0.00"),
        # Half a cent goes to the even side: 12.5 to 12, 13.5 to 14.
        (tariff(energy("0.125")), used(1_000), [("Energy", "1 kWh", "0.12")], "0.12"),
        (tariff(energy("0.135")), used(1_000), [("Energy", "1 kWh", "0.14")], "0.14"),
        (tariff(component("TIME", "3.00")), used(end="2026-03-02T10:20Z"), [("Time", "0.3333 h", "1.00")], "1.00"),
        (tariff(component("FLAT", "1.50")), used(), [("Session fee", "1 session", "1.50")], "1.50"),
        (
            tariff(energy("0.40"), component("TIME", "1.20"), component("FLAT", "0.50"), tax=1900),
            used(10_000, end="2026-03-02T10:30Z"),
            [("Energy", "10 kWh", "4.00"), ("Time", "0.5 h", "0.60"), ("Session fee", "1 session", "0.50")],
            "6.07",
        ),
    ],
)
def test_a_bill_is_the_sum_of_its_lines_and_the_tax(
    plan: Tariff, consumption: Consumption, lines: list[tuple[str, str, str]], total: str
) -> None:
    priced = price(plan, consumption)
    assert _lines(priced) == lines
    assert str(priced.total.to_decimal()) == total


@pytest.mark.parametrize(
    ("plan", "consumption", "lines"),
    [
        # 20:00 to 24:00 in Berlin: half before, half after ten o'clock.
        (
            NIGHT_AND_DAY,
            used(8_000, "2026-03-02T19:00Z", "2026-03-02T23:00Z", time_zone=BERLIN),
            [("Energy", "4 kWh", "1.80"), ("Energy 22:00-06:00", "4 kWh", "1.00")],
        ),
        # 23:00 to 02:00: midnight changes nothing.
        (
            NIGHT_AND_DAY,
            used(9_000, "2026-03-02T22:00Z", "2026-03-03T01:00Z", time_zone=BERLIN),
            [("Energy 22:00-06:00", "9 kWh", "2.25")],
        ),
        # The same times by the clock of UTC.
        (
            NIGHT_AND_DAY,
            used(8_000, "2026-03-02T19:00Z", "2026-03-02T23:00Z"),
            [("Energy", "6 kWh", "2.70"), ("Energy 22:00-06:00", "2 kWh", "0.50")],
        ),
        # Sunday 23:00 to Monday 01:00: the night of a Sunday is none of a Friday or Saturday.
        (
            WEEKEND_NIGHTS,
            used(2_000, "2026-03-01T23:00Z", "2026-03-02T01:00Z"),
            [("Energy", "2 kWh", "0.80")],
        ),
        # Saturday 23:00 to Sunday 07:00: what begins on Saturday goes on until six on Sunday.
        (
            WEEKEND_NIGHTS,
            used(8_000, "2026-02-28T23:00Z", "2026-03-01T07:00Z"),
            [("Energy 22:00-06:00", "7 kWh", "0.70"), ("Energy", "1 kWh", "0.40")],
        ),
        # Friday 04:00 to 07:00 is the night of Thursday.
        (
            WEEKEND_NIGHTS,
            used(3_000, "2026-02-27T04:00Z", "2026-02-27T07:00Z"),
            [("Energy", "3 kWh", "1.20")],
        ),
        # Sunday 22:00 to Monday 02:00 without windows: the price changes at midnight.
        (
            (energy("0.20", days=(6, 7)), energy("0.50")),
            used(4_000, "2026-03-01T22:00Z", "2026-03-02T02:00Z"),
            [("Energy", "2 kWh", "0.40"), ("Energy", "2 kWh", "1.00")],
        ),
        # Of two that apply the first counts.
        (
            (energy("0.30", "08:00-12:00"), energy("0.90", "11:00-13:00"), energy("0.50")),
            used(4_000, "2026-03-02T10:00Z", "2026-03-02T14:00Z"),
            [
                ("Energy 08:00-12:00", "2 kWh", "0.60"),
                ("Energy 11:00-13:00", "1 kWh", "0.90"),
                ("Energy", "1 kWh", "0.50"),
            ],
        ),
        # Where nothing applies nothing is charged.
        (
            (energy("0.30", "08:00-12:00"),),
            used(4_000, "2026-03-02T10:00Z", "2026-03-02T14:00Z"),
            [("Energy 08:00-12:00", "2 kWh", "0.60")],
        ),
        # A session without length has all its energy at once.
        (
            NIGHT_AND_DAY,
            used(5_000, "2026-03-02T23:00Z", "2026-03-02T23:00Z"),
            [("Energy 22:00-06:00", "5 kWh", "1.25")],
        ),
        # A day and a bit: both windows come twice, each price has one line.
        (
            NIGHT_AND_DAY,
            used(26_000, "2026-03-02T21:00Z", "2026-03-03T23:00Z"),
            [("Energy", "17 kWh", "7.65"), ("Energy 22:00-06:00", "9 kWh", "2.25")],
        ),
    ],
)
def test_the_time_of_day_decides_the_price(
    plan: tuple[object, ...], consumption: Consumption, lines: list[tuple[str, str, str]]
) -> None:
    assert _lines(price(tariff(*plan), consumption)) == lines  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "end", "lines"),
    [
        # 25 October 2026, 02:00 to 03:00 by the clock, which shows that hour twice: 2:30 comes two times.
        ("2026-10-25T00:00Z", "2026-10-25T02:00Z", [("Time", "1 h", "0.10"), ("Time 02:30-03:00", "1 h", "1.00")]),
        # From the first 02:45 on: 15 minutes, half an hour of 02:00 to 02:30 again, half an hour.
        ("2026-10-25T00:45Z", "2026-10-25T02:00Z", [("Time 02:30-03:00", "0.75 h", "0.75"), ("Time", "0.5 h", "0.05")]),
        # 29 March 2026: after 02:00 comes 03:00, so that the window does not come at all.
        ("2026-03-29T00:00Z", "2026-03-29T02:00Z", [("Time", "2 h", "0.20")]),
    ],
)
def test_clocks_that_are_set_back_or_forward_are_followed(
    start: str, end: str, lines: list[tuple[str, str, str]]
) -> None:
    assert _lines(price(tariff(*SHORT_NIGHT), used(0, start, end, time_zone=BERLIN))) == lines


def test_a_window_begins_when_the_clock_jumps_over_its_start() -> None:
    plan = tariff(component("TIME", "1.00", "02:30-04:00"), component("TIME", "0.10"))
    # 01:30 to 04:30 by the clock are two hours: half of one before the jump, an hour of the window, half an hour.
    priced = price(plan, used(0, "2026-03-29T00:30Z", "2026-03-29T02:30Z", time_zone=BERLIN))
    assert _lines(priced) == [("Time", "1 h", "0.10"), ("Time 02:30-04:00", "1 h", "1.00")]


def test_a_day_whose_midnight_does_not_exist_has_its_windows() -> None:
    plan = tariff(component("TIME", "1.00", "00:30-02:00"))
    # In Beirut the clock went from 24:00 to 01:00.
    priced = price(plan, used(0, "2026-03-28T21:00Z", "2026-03-29T00:00Z", time_zone="Asia/Beirut"))
    assert _lines(priced) == [("Time 00:30-02:00", "1 h", "1.00")]


@pytest.mark.parametrize(
    ("idle_minutes", "amount"), [(0, None), (10, None), (11, "0.10"), (40, "3.00"), (10_080, "1007.00")]
)
def test_idling_costs_after_its_grace(idle_minutes: int, amount: str | None) -> None:
    plan = tariff(component("IDLE", "6.00", grace_minutes=10), component("FLAT", "0"))
    amounts = [str(line.amount.to_decimal()) for line in price(plan, used(idle_minutes=idle_minutes)).lines]
    assert amounts == (["0.00"] if amount is None else ["0.00", amount])


def test_fee_and_idling_go_by_the_start_and_the_end() -> None:
    plan = tariff(component("FLAT", "1", "10:00-10:30"), component("IDLE", "6", "10:30-11:30"))
    consumption = used(idle_minutes=30)
    assert _lines(price(plan, consumption)) == [
        ("Session fee 10:00-10:30", "1 session", "1.00"),
        ("Idling 10:30-11:30", "0.5 h", "3.00"),
    ]
    later = used(start="2026-03-02T10:30Z", end="2026-03-02T11:30Z", idle_minutes=30)
    assert price(plan, later).lines == []


@pytest.mark.parametrize(
    ("tier", "lines", "total"),
    [
        (MembershipTier.BASIC, [("Energy", "10 kWh", "4.00")], "4.76"),
        (MembershipTier.GOLD, [("Energy", "10 kWh", "4.00"), ("Discount for Gold members", "12.5 %", "-0.50")], "4.16"),
        (
            MembershipTier.PLATINUM,
            [("Energy", "10 kWh", "4.00"), ("Discount for Platinum members", "100 %", "-4.00")],
            "0.00",
        ),
    ],
)
def test_a_tier_has_its_discount_before_tax(
    tier: MembershipTier, lines: list[tuple[str, str, str]], total: str
) -> None:
    discounts = {MembershipTier.GOLD: 1250, MembershipTier.PLATINUM: 10_000}
    priced = price(tariff(energy("0.40"), tax=1900, discounts=discounts), used(tier=tier))
    assert _lines(priced) == lines
    assert str(priced.total.to_decimal()) == total


@pytest.mark.parametrize(
    ("currency", "unit_price", "amount", "tax", "total"),
    [
        ("JPY", "31.5", "389", "39", "428"),
        ("KWD", "0.0125", "0.154", "0.015", "0.169"),
        ("EUR", "0.40", "4.94", "0.49", "5.43"),
    ],
)
def test_currencies_have_their_own_decimals(currency: str, unit_price: str, amount: str, tax: str, total: str) -> None:
    priced = price(tariff(energy(unit_price), currency=currency, tax=1000), used(12_345))
    [line] = priced.lines
    assert [str(money.to_decimal()) for money in (line.amount, priced.tax, priced.total)] == [amount, tax, total]


def test_the_unit_price_may_be_finer_than_the_currency() -> None:
    [line] = price(tariff(energy("0.333333333")), used(3_000)).lines
    assert (line.unit_price, line.amount.minor_units) == (Decimal("0.333333333"), 100)


@pytest.mark.parametrize(
    ("consumption", "field"),
    [
        (used(-1), "energyWh"),
        (used(100_000_001), "energyWh"),
        (used(idle_minutes=-1), "idleMinutes"),
        (used(idle_minutes=10_081), "idleMinutes"),
        (used(end="2026-03-02T09:59:59Z"), "end"),
        (used(end="2027-03-04T10:00Z"), "end"),
        (used(start="1969-12-31T00:00Z"), "start"),
        (used(start="9001-01-01T00:00Z", end="9001-01-02T00:00Z"), "start"),
    ],
)
def test_what_no_session_can_be_is_refused(consumption: Consumption, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        checked(consumption)
    assert [violation.field for violation in refused.value.violations] == [field]


def test_a_retired_tariff_prices_nothing_new() -> None:
    with pytest.raises(DomainError) as refused:
        require_valid(tariff(energy("1"), retired=True))
    assert refused.value.reason == "TARIFF_NOT_VALID"
