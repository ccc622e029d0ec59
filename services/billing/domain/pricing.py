"""Pricing: from a tariff and what was used to the lines of a bill. Exact: Decimal until the amount of each line.

Where prices change during a session, its energy is shared out evenly over its time: charge points are not bound to read
their meters at the moment a price changes. How the time divides is decided in schedule.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from services.billing.domain.schedule import Share, applying, shares, stretches
from services.billing.domain.tariff import ComponentKind, MembershipTier, PriceComponent, Tariff
from services.kernel.errors import failed_precondition, invalid
from services.kernel.money import Money
from services.kernel.zones import zone_of

MOST_ENERGY_WH = 100_000_000
MOST_IDLE_MINUTES = 10_080
LONGEST_SESSION = timedelta(days=366)
# Beyond these years calendars and time zones come to an end.
FIRST_YEAR, LAST_YEAR = 1970, 9000

_HOUR = timedelta(hours=1)
_MICROSECOND = timedelta(microseconds=1)
_BASIS_POINTS = Decimal(10_000)
# More windows than that say less than none.
_MOST_WINDOWS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumption:
    """What is priced: energy, the time from start to end, and idling after that; times are aware."""

    energy_wh: int
    start: datetime
    end: datetime
    idle_minutes: int = 0
    time_zone: str = "UTC"
    tier: MembershipTier = MembershipTier.BASIC


class PriceLine(NamedTuple):
    """One line of a bill. `unit_price` is in major units, `quantity` counts `unit`s."""

    kind: str
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Money


class Price(NamedTuple):
    """A price and how it comes about: subtotal is the sum of the lines, total is subtotal and tax."""

    tariff_id: str
    tariff_version: int
    lines: Sequence[PriceLine]
    subtotal: Money
    tax: Money
    total: Money


def checked(used: Consumption, start_field: str = "start", end_field: str = "end") -> Consumption:
    """`used` itself. Raises: INVALID_FIELD for what no session can be, by what its start and end are called."""
    if not 0 <= used.energy_wh <= MOST_ENERGY_WH:
        raise invalid("energyWh", f"must be 0 to {MOST_ENERGY_WH}")
    if not 0 <= used.idle_minutes <= MOST_IDLE_MINUTES:
        raise invalid("idleMinutes", f"must be 0 to {MOST_IDLE_MINUTES}")
    if not FIRST_YEAR <= used.start.year <= LAST_YEAR:
        raise invalid(start_field, f"must lie between the years {FIRST_YEAR} and {LAST_YEAR}")
    if used.end < used.start:
        raise invalid(end_field, "must not lie before the start")
    if used.end - used.start > LONGEST_SESSION:
        raise invalid(end_field, "must lie at most a year after the start")
    return used


def price(tariff: Tariff, used: Consumption) -> Price:
    """What `used` costs by `tariff`. Never less for more energy."""
    lines = [*_shared_lines(tariff, used), *_flat_line(tariff, used), *_idle_line(tariff, used)]
    lines += _discount_line(tariff, used, _sum(tariff, lines))
    subtotal = _sum(tariff, lines)
    tax = Money.from_decimal(tariff.currency_code, subtotal.to_decimal() * tariff.tax_basis_points / _BASIS_POINTS)
    return Price(
        tariff_id=tariff.id,
        tariff_version=tariff.version,
        lines=lines,
        subtotal=subtotal,
        tax=tax,
        total=subtotal + tax,
    )


def require_valid(tariff: Tariff) -> Tariff:
    """`tariff` itself. Raises: TARIFF_NOT_VALID when it was retired."""
    if tariff.retired:
        raise failed_precondition("TARIFF_NOT_VALID", f"tariff {tariff.id} was retired")
    return tariff


def _shared_lines(tariff: Tariff, used: Consumption) -> Iterator[PriceLine]:
    """The lines whose quantity depends on how the session's time divides."""
    time = stretches(tariff.components, used.start, used.end, zone_of(used.time_zone))
    energy = shares(tariff.components, ComponentKind.ENERGY, time)
    for share, share_wh in zip(energy, _apportioned(used.energy_wh, energy), strict=True):
        if share.components:
            yield _line(tariff, "Energy", share.components, Decimal(share_wh) / 1000, "kWh")
    for share in shares(tariff.components, ComponentKind.TIME, time):
        if share.components:
            yield _line(tariff, "Time", share.components, _hours(share.length), "h")


def _apportioned(energy_wh: int, parts: Sequence[Share]) -> list[int]:
    """Whole watt-hours in proportion to the lengths of `parts`: they sum to the whole, and none shrinks as it grows.

    (By D'Hondt's method; rounding each part would do neither.)
    """
    lengths = [part.length // _MICROSECOND for part in parts]
    whole = sum(lengths)
    if not whole:
        return [energy_wh]
    found = [energy_wh * length // whole for length in lengths]
    for _ in range(energy_wh - sum(found)):
        next_in_turn = max(range(len(found)), key=lambda position: Fraction(lengths[position], found[position] + 1))
        found[next_in_turn] += 1
    return found


def _flat_line(tariff: Tariff, used: Consumption) -> Iterator[PriceLine]:
    component = applying(tariff.components, ComponentKind.FLAT, used.start.astimezone(zone_of(used.time_zone)))
    if component is not None:
        yield _line(tariff, "Session fee", [component], Decimal(1), "session")


def _idle_line(tariff: Tariff, used: Consumption) -> Iterator[PriceLine]:
    component = applying(tariff.components, ComponentKind.IDLE, used.end.astimezone(zone_of(used.time_zone)))
    if component is not None and used.idle_minutes > component.grace_minutes:
        length = timedelta(minutes=used.idle_minutes - component.grace_minutes)
        yield _line(tariff, "Idling", [component], _hours(length), "h")


def _discount_line(tariff: Tariff, used: Consumption, subtotal: Money) -> Iterator[PriceLine]:
    basis_points = tariff.tier_discounts.get(used.tier, 0)
    if not basis_points or not subtotal.minor_units:
        return
    percent = Decimal(basis_points) / 100
    amount = Money.from_decimal(tariff.currency_code, -subtotal.to_decimal() * basis_points / _BASIS_POINTS)
    yield PriceLine(
        kind="DISCOUNT",
        description=f"Discount for {used.tier.capitalize()} members",
        quantity=percent,
        unit="%",
        unit_price=-subtotal.to_decimal() / 100,
        amount=amount,
    )


def _line(tariff: Tariff, name: str, components: Sequence[PriceComponent], quantity: Decimal, unit: str) -> PriceLine:
    unit_price = components[0].price
    return PriceLine(
        kind=components[0].kind,
        description=f"{name}{_when(components)}",
        quantity=quantity,
        unit=unit,
        unit_price=unit_price,
        amount=Money.from_decimal(tariff.currency_code, quantity * unit_price),
    )


def _sum(tariff: Tariff, lines: Sequence[PriceLine]) -> Money:
    return Money(tariff.currency_code, sum(line.amount.minor_units for line in lines))


def _hours(length: timedelta) -> Decimal:
    return (Decimal(length // _MICROSECOND) / (_HOUR // _MICROSECOND)).quantize(Decimal("0.0001"))


def _when(components: Sequence[PriceComponent]) -> str:
    windows = {f"{component.start_time_of_day}-{component.end_time_of_day}": None for component in components}
    if "-" in windows or len(windows) > _MOST_WINDOWS:
        return ""
    return f" {', '.join(windows)}"
