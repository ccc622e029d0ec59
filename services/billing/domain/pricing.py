"""Pricing: from a tariff and what was used to the lines of a bill. Exact: Decimal until the amount of each line.

Where prices change during a session, its energy is shared out evenly over its time: charge points are not bound to read
their meters at the moment a price changes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from zoneinfo import ZoneInfo

from services.billing.domain.tariff import ComponentKind, MembershipTier, PriceComponent, Tariff
from services.kernel.errors import failed_precondition, invalid
from services.kernel.money import Money

MOST_ENERGY_WH = 100_000_000
MOST_IDLE_MINUTES = 10_080
LONGEST_SESSION = timedelta(days=366)

_HOUR = Decimal(3600)
_BASIS_POINTS = Decimal(10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumption:
    """What is priced: energy, the time from start to end, and idling after that; times are aware."""

    energy_wh: int
    start: datetime
    end: datetime
    idle_minutes: int = 0
    time_zone: str = "UTC"
    tier: MembershipTier = MembershipTier.BASIC


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceLine:
    """One line of a bill. `unit_price` is in major units, `quantity` counts `unit`s."""

    kind: str
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A price and how it comes about: subtotal is the sum of the lines, total is subtotal and tax."""

    tariff_id: str
    tariff_version: int
    lines: Sequence[PriceLine]
    subtotal: Money
    tax: Money
    total: Money


def checked(used: Consumption) -> Consumption:
    """`used` itself. Raises: INVALID_FIELD for what no session can be."""
    if not 0 <= used.energy_wh <= MOST_ENERGY_WH:
        raise invalid("energyWh", f"must be 0 to {MOST_ENERGY_WH}")
    if not 0 <= used.idle_minutes <= MOST_IDLE_MINUTES:
        raise invalid("idleMinutes", f"must be 0 to {MOST_IDLE_MINUTES}")
    if used.end < used.start:
        raise invalid("end", "must not lie before start")
    if used.end - used.start > LONGEST_SESSION:
        raise invalid("end", "must lie at most a year after start")
    return used


def price(tariff: Tariff, used: Consumption) -> Price:
    """What `used` costs by `tariff`."""
    makers = (_energy_lines, _time_lines, _flat_line, _idle_line)
    lines = [line for make in makers for line in make(tariff, used)]
    nothing = Money(tariff.currency_code, 0)
    lines += _discount_line(tariff, used, sum((line.amount for line in lines), nothing))
    subtotal = sum((line.amount for line in lines), nothing)
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


def _energy_lines(tariff: Tariff, used: Consumption) -> Iterator[PriceLine]:
    length = _seconds(used.end - used.start)
    passed, shared_wh = Decimal(0), 0
    for component, seconds in _shares(tariff, used, ComponentKind.ENERGY):
        passed += seconds
        # Shares of the running sum, so that rounding neither adds nor loses a watt-hour.
        until_now_wh = int((used.energy_wh * passed / length).to_integral_value()) if length else used.energy_wh
        kwh = Decimal(until_now_wh - shared_wh) / 1000
        shared_wh = until_now_wh
        yield _line(tariff, component, f"Energy{_when(component)}", kwh, "kWh")


def _time_lines(tariff: Tariff, used: Consumption) -> Iterator[PriceLine]:
    for component, seconds in _shares(tariff, used, ComponentKind.TIME):
        yield _line(tariff, component, f"Time{_when(component)}", _hours(seconds), "h")


def _flat_line(tariff: Tariff, used: Consumption) -> Iterator[PriceLine]:
    position = _applying(tariff, ComponentKind.FLAT, used.start.astimezone(ZoneInfo(used.time_zone)))
    if position is not None:
        component = tariff.components[position]
        yield _line(tariff, component, f"Session fee{_when(component)}", Decimal(1), "session")


def _idle_line(tariff: Tariff, used: Consumption) -> Iterator[PriceLine]:
    position = _applying(tariff, ComponentKind.IDLE, used.end.astimezone(ZoneInfo(used.time_zone)))
    if position is None:
        return
    component = tariff.components[position]
    minutes = max(0, used.idle_minutes - component.grace_minutes)
    if minutes:
        yield _line(tariff, component, f"Idling{_when(component)}", _hours(Decimal(minutes * 60)), "h")


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


def _line(tariff: Tariff, component: PriceComponent, description: str, quantity: Decimal, unit: str) -> PriceLine:
    return PriceLine(
        kind=component.kind,
        description=description,
        quantity=quantity,
        unit=unit,
        unit_price=component.price,
        amount=Money.from_decimal(tariff.currency_code, quantity * component.price),
    )


def _shares(tariff: Tariff, used: Consumption, kind: ComponentKind) -> Iterator[tuple[PriceComponent, Decimal]]:
    """For each component of `kind` the seconds of the session in which it is the one that counts."""
    zone = ZoneInfo(used.time_zone)
    moments = sorted({used.start, *_price_changes(tariff, used, zone)})
    seconds: dict[int, Decimal] = {}
    for begin, end in zip(moments, [*moments[1:], used.end], strict=True):
        position = _applying(tariff, kind, begin.astimezone(zone))
        if position is not None:
            seconds[position] = seconds.get(position, Decimal(0)) + _seconds(end - begin)
    for position, share in seconds.items():
        yield tariff.components[position], share


def _price_changes(tariff: Tariff, used: Consumption, zone: ZoneInfo) -> Iterator[datetime]:
    """The moments within the session at which another price may begin."""
    times = {time_of_day.fromisoformat(text) for component in tariff.components for text in _edges(component)}
    if any(component.days_of_week for component in tariff.components):
        times.add(time_of_day())
    if not times:
        return
    day = used.start.astimezone(zone).date()
    last = used.end.astimezone(zone).date()
    while day <= last:
        for moment in times:
            # By way of UTC, for the local clock may skip or repeat it.
            change = datetime.combine(day, moment, zone).astimezone(used.start.tzinfo)
            if used.start < change < used.end:
                yield change
        day += timedelta(days=1)


def _edges(component: PriceComponent) -> Sequence[str]:
    return [text for text in (component.start_time_of_day, component.end_time_of_day) if text]


def _applying(tariff: Tariff, kind: ComponentKind, at: datetime) -> int | None:
    for position, component in enumerate(tariff.components):
        if component.kind is kind and component.applies(at):
            return position
    return None


def _seconds(length: timedelta) -> Decimal:
    return Decimal(length // timedelta(microseconds=1)) / 1_000_000


def _hours(seconds: Decimal) -> Decimal:
    return (seconds / _HOUR).quantize(Decimal("0.0001"))


def _when(component: PriceComponent) -> str:
    return f" {component.start_time_of_day}-{component.end_time_of_day}" if component.start_time_of_day else ""
