"""The price of a session: its shares as lines of a bill, and what they come to."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from services.billing.domain.price_component import ComponentKind, PriceComponent
from services.billing.domain.pricing.consumption import Consumption
from services.billing.domain.pricing.shares import Share, Shares, shared
from services.billing.domain.pricing.totals import PriceLine, totals
from services.billing.domain.tariff import Tariff
from services.kernel.errors import failed_precondition
from services.kernel.money import Money

_MICROS_PER_HOUR = timedelta(hours=1) // timedelta(microseconds=1)
_HOURS = Decimal("0.0001")
# More windows than that say less than none.
_MOST_WINDOWS = 3
_NAMES = {
    ComponentKind.ENERGY: "Energy",
    ComponentKind.TIME: "Time",
    ComponentKind.CHARGING_TIME: "Charging time",
    ComponentKind.FLAT: "Session fee",
    ComponentKind.IDLE: "Idling",
}


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


def price(tariff: Tariff, used: Consumption) -> Price:
    """What `used` costs by `tariff`. Never less for more energy."""
    return price_of(tariff, used, shared(tariff, used))


def price_of(tariff: Tariff, used: Consumption, found: Shares) -> Price:
    """What the shares of `used` come to."""
    lines, subtotal, tax, total = totals(tariff, used.tier, list(_lines(tariff, found.shares)))
    return Price(
        tariff_id=tariff.id,
        tariff_version=tariff.version,
        lines=lines,
        subtotal=subtotal,
        tax=tax,
        total=total,
        idle_minutes=used.idle_minutes,
        is_evenly_spread=found.is_evenly_spread,
    )


def quantity_of(share: Share, amount: int) -> tuple[Decimal, str]:
    """An amount of what a share counts, in the unit of its price: kWh, hours to four places, or fees."""
    if share.kind is ComponentKind.ENERGY:
        return Decimal(amount) / 1000, "kWh"
    if share.kind is ComponentKind.FLAT:
        return Decimal(amount), "session"
    return (Decimal(amount) / _MICROS_PER_HOUR).quantize(_HOURS), "h"


def require_valid(tariff: Tariff) -> Tariff:
    """`tariff` itself. Raises: TARIFF_NOT_VALID when it was retired."""
    if tariff.retired:
        raise failed_precondition("TARIFF_NOT_VALID", f"tariff {tariff.id} was retired")
    return tariff


def _lines(tariff: Tariff, found: Sequence[Share]) -> Iterator[PriceLine]:
    for share in found:
        quantity, unit = quantity_of(share, share.quantity)
        yield PriceLine(
            kind=share.kind,
            description=f"{_name(share)}{_when(share.components)}",
            quantity=quantity,
            unit=unit,
            unit_price=share.unit_price,
            amount=Money.from_decimal(tariff.currency_code, quantity * share.unit_price),
            tax_basis_points=share.tax_basis_points,
        )


def _name(share: Share) -> str:
    if share.is_reservation:
        return "Reservation fee" if share.kind is ComponentKind.FLAT else "Reservation"
    return _NAMES[share.kind]


def _when(components: Sequence[PriceComponent]) -> str:
    windows = {f"{component.start_time_of_day}-{component.end_time_of_day}": None for component in components}
    if "-" in windows or len(windows) > _MOST_WINDOWS:
        return ""
    return f" {', '.join(windows)}"
