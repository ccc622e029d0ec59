"""Pricing: from a tariff and what was used to the lines of a bill. Exact: Decimal until the amount of each line.

Where prices change during a session, its energy is shared out by its readings, on the line between two of them, as
charge points are not bound to read their meters at the moment a price changes; without readings evenly over its time.
How the time divides is decided in schedule.py, what readings say in course.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from services.billing.domain.course import Curve, Reading, Span
from services.billing.domain.schedule import Share, Stretch, applying, shares, stretches
from services.billing.domain.tariff import ComponentKind, MembershipTier, PriceComponent, Tariff
from services.billing.domain.taxation import TaxTreatment
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
    """What is priced: energy, the time from start to end, and idling; times are aware.

    `readings` tell how the energy came about, `idle` when the vehicle idled. Without the latter the idle minutes are
    those after the end.
    """

    energy_wh: int
    start: datetime
    end: datetime
    idle_minutes: int = 0
    time_zone: str = "UTC"
    tier: MembershipTier = MembershipTier.BASIC
    readings: Sequence[Reading] = ()
    idle: Sequence[Span] = ()


class PriceLine(NamedTuple):
    """One line of a bill, before tax. `unit_price` is in major units, `quantity` counts `unit`s.

    Its tax is in hundredths of a percent; None on bills from before that was kept.
    """

    kind: str
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Money
    tax_basis_points: int | None = None
    tax_treatment: TaxTreatment = TaxTreatment.STANDARD


class Price(NamedTuple):
    """A price and how it comes about: subtotal is the sum of the lines, total is subtotal and tax.

    It `is_evenly_spread` when the price of energy changed and no reading tells when that came.
    """

    tariff_id: str
    tariff_version: int
    lines: Sequence[PriceLine]
    subtotal: Money
    tax: Money
    total: Money
    idle_minutes: int = 0
    is_evenly_spread: bool = False


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
    time = stretches(tariff.components, used.start, used.end, zone_of(used.time_zone))
    energy = shares(tariff.components, ComponentKind.ENERGY, time)
    curve = Curve(used.readings, used.start, used.end) if len(energy) > 1 else None
    has_curve = curve is not None and curve.tells
    lines = [
        *_energy_lines(tariff, used, energy, curve if has_curve else None),
        *_time_lines(tariff, time),
        *_flat_line(tariff, used),
        *_idle_lines(tariff, used),
    ]
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
        idle_minutes=used.idle_minutes,
        is_evenly_spread=len(energy) > 1 and not has_curve and used.energy_wh > 0,
    )


def needs_course(tariff: Tariff, start: datetime, end: datetime, time_zone: str) -> bool:
    """Whether the price of a session depends on how it went, not only on what it came to."""
    if not may_need_course(tariff):
        return False
    if any(component.kind is ComponentKind.IDLE and component.price for component in tariff.components):
        return True
    energy = [component for component in tariff.components if component.kind is ComponentKind.ENERGY]
    return len(shares(energy, ComponentKind.ENERGY, stretches(energy, start, end, zone_of(time_zone)))) > 1


def may_need_course(tariff: Tariff) -> bool:
    """The same of any session, wherever and whenever it is. Asked of every session: a loop costs least."""
    for component in tariff.components:
        if component.kind is ComponentKind.ENERGY and (component.start_time_of_day or component.days_of_week):
            return True
        if component.kind is ComponentKind.IDLE and component.price:
            return True
    return False


def require_valid(tariff: Tariff) -> Tariff:
    """`tariff` itself. Raises: TARIFF_NOT_VALID when it was retired."""
    if tariff.retired:
        raise failed_precondition("TARIFF_NOT_VALID", f"tariff {tariff.id} was retired")
    return tariff


def _energy_lines(
    tariff: Tariff, used: Consumption, energy: Sequence[Share], curve: Curve | None
) -> Iterator[PriceLine]:
    weights = [_weight(share, curve) for share in energy]
    for share, share_wh in zip(energy, _apportioned(used.energy_wh, weights), strict=True):
        if share.components:
            yield _line(tariff, "Energy", share.components, Decimal(share_wh) / 1000, "kWh")


def _time_lines(tariff: Tariff, time: Sequence[Stretch]) -> Iterator[PriceLine]:
    for share in shares(tariff.components, ComponentKind.TIME, time):
        if share.components:
            yield _line(tariff, "Time", share.components, _hours(share.length), "h")


def _weight(share: Share, curve: Curve | None) -> Fraction | int:
    """How much of the energy came at the price of a share, against that of the others."""
    if curve is None:
        return share.length // _MICROSECOND
    return sum(curve.energy_until(stretch.end) - curve.energy_until(stretch.begin) for stretch in share.stretches)


def _apportioned(energy_wh: int, weights: Sequence[Fraction | int]) -> list[int]:
    """Whole watt-hours in proportion to `weights`: they sum to the whole, and none shrinks as it grows.

    (By D'Hondt's method; rounding each part would do neither.)
    """
    whole = sum(weights)
    if not whole:
        return [energy_wh, *[0] * (len(weights) - 1)]
    found = [int(energy_wh * weight // whole) for weight in weights]
    for _ in range(energy_wh - sum(found)):
        next_in_turn = max(range(len(found)), key=lambda position: Fraction(weights[position], found[position] + 1))
        found[next_in_turn] += 1
    return found


def _flat_line(tariff: Tariff, used: Consumption) -> Iterator[PriceLine]:
    component = applying(tariff.components, ComponentKind.FLAT, used.start.astimezone(zone_of(used.time_zone)))
    if component is not None:
        yield _line(tariff, "Session fee", [component], Decimal(1), "session")


def _idle_lines(tariff: Tariff, used: Consumption) -> Iterator[PriceLine]:
    """Idling after the grace of whatever component counts at the time; after the end that which counts at the end."""
    if not used.idle_minutes:
        return
    zone = zone_of(used.time_zone)
    lengths: dict[Decimal, tuple[list[PriceComponent], timedelta]] = {}
    for begin, idled, length in _idle_parts(tariff, used, zone):
        component = applying(tariff.components, ComponentKind.IDLE, begin)
        if component is None:
            continue
        charged = length - max(timedelta(minutes=component.grace_minutes) - idled, timedelta())
        if charged > timedelta():
            components, known = lengths.get(component.price, ([], timedelta()))
            if component not in components:
                components.append(component)
            lengths[component.price] = components, known + charged
    for components, length in lengths.values():
        yield _line(tariff, "Idling", components, _hours(length), "h")


def _idle_parts(tariff: Tariff, used: Consumption, zone: tzinfo) -> Iterator[tuple[datetime, timedelta, timedelta]]:
    """The parts of idling in which no price changes: local begin, how long it was idle before, length."""
    idled = timedelta()
    for span in used.idle:
        for stretch in stretches(tariff.components, span.begin, span.end, zone):
            yield stretch.begin, idled, stretch.length
            idled += stretch.length
    if not used.idle:
        yield used.end.astimezone(zone), idled, timedelta(minutes=used.idle_minutes)


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
        tax_basis_points=tariff.tax_basis_points,
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
        tax_basis_points=tariff.tax_basis_points,
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
