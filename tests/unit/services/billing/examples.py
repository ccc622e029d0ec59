"""Tariffs, consumption and snapshots of transactions, with usual values for what a test does not care about."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from services.billing.domain.following import TransactionSnapshot
from services.billing.domain.price_component import ComponentKind, PriceComponent
from services.billing.domain.pricing import Consumption
from services.billing.domain.tariff import MembershipTier, Tariff

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
STATION = "01890a5d-ac96-774b-bcce-b302099a8057"
DRIVER = "01890a5d-ac96-774b-bcce-b302099a8058"


def component(
    kind: str, price: str, window: str = "", days: tuple[int, ...] = (), grace_minutes: int = 0
) -> PriceComponent:
    """One component; `window` is `HH:MM-HH:MM`."""
    start, _, end = window.partition("-")
    return PriceComponent(
        kind=ComponentKind(kind),
        price=Decimal(price),
        start_time_of_day=start,
        end_time_of_day=end,
        days_of_week=days,
        grace_minutes=grace_minutes,
    )


def energy(price: str, window: str = "", days: tuple[int, ...] = ()) -> PriceComponent:
    return component("ENERGY", price, window, days)


def tariff(
    *components: PriceComponent,
    currency: str = "EUR",
    tax: int = 0,
    discounts: Mapping[MembershipTier, int] | None = None,
    **fields: Any,
) -> Tariff:
    """A tariff without tax and discounts, in euros."""
    return Tariff(
        **{
            "id": "01890a5d-ac96-774b-bcce-b302099a8000",
            "name": "Tariff",
            "currency_code": currency,
            "components": components,
            "tax_basis_points": tax,
            "tier_discounts": discounts or {},
            "create_time": NOW,
            "update_time": NOW,
            **fields,
        }
    )


def used(
    energy_wh: int = 10_000, start: str = "2026-03-02T10:00Z", end: str = "2026-03-02T11:00Z", **more: Any
) -> Consumption:
    """10 kWh in an hour of a Monday morning."""
    return Consumption(
        energy_wh=energy_wh, start=datetime.fromisoformat(start), end=datetime.fromisoformat(end), **more
    )


def snapshot(revision: int, **fields: Any) -> TransactionSnapshot:
    """What was told of an accepted session that has ended."""
    return TransactionSnapshot(
        **{
            "id": "01890a5d-ac96-774b-bcce-b302099a8001",
            "charge_point_id": "CP1",
            "connector_id": 1,
            "station_id": STATION,
            "driver_id": DRIVER,
            "id_tag": "TAG1",
            "is_accepted": True,
            "has_start": True,
            "start_time": datetime(2026, 3, 2, 10, tzinfo=UTC),
            "stop_time": datetime(2026, 3, 2, 11, tzinfo=UTC),
            "energy_wh": 10_000,
            "revision": revision,
            **fields,
        }
    )
