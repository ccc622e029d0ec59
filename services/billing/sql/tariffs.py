"""Tariffs in PostgreSQL: every version a row of `pricing_tiers`."""

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, and_, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain.tariff import ComponentKind, MembershipTier, PriceComponent, Tariff
from services.billing.tables import PRICING_TIERS
from services.chassis.keyset import fetch_page
from services.chassis.pagination import Page, PageRequest
from services.kernel.ids import is_id

_IS_NEWEST = PRICING_TIERS.c.is_newest
_IS_DEFAULT = and_(_IS_NEWEST, PRICING_TIERS.c.is_default)
_IN_USE = and_(_IS_NEWEST, PRICING_TIERS.c.retired.is_(False))


class SqlTariffRepository:
    """Satisfies ports.TariffRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, station_id: str, include_retired: bool, page: PageRequest) -> Page[Tariff]:
        query = select(PRICING_TIERS).where(_IS_NEWEST if include_retired else _IN_USE)
        if station_id:
            here = PRICING_TIERS.c.station_ids.contains([station_id]) if is_id(station_id) else None
            query = query.where(_IS_DEFAULT if here is None else or_(here, _IS_DEFAULT))
        rows = await fetch_page(self._connection, query, (PRICING_TIERS.c.id,), page=page, descending=True)
        return rows.map(_tariff)

    async def find(self, tariff_id: str, version: int | None = None, *, for_update: bool = False) -> Tariff | None:
        if not is_id(tariff_id):
            return None
        wanted = _IS_NEWEST if version is None else PRICING_TIERS.c.version == version
        query = select(PRICING_TIERS).where(PRICING_TIERS.c.id == tariff_id, wanted)
        row = (await self._connection.execute(query.with_for_update() if for_update else query)).first()
        return None if row is None else _tariff(row)

    async def applying_at(self, station_id: str | None) -> Tariff | None:
        if station_id is not None and is_id(station_id):
            here = PRICING_TIERS.c.station_ids.contains([station_id])
            query = select(PRICING_TIERS).where(_IN_USE, here).order_by(PRICING_TIERS.c.update_time.desc()).limit(1)
            if (row := (await self._connection.execute(query)).first()) is not None:
                return _tariff(row)
        row = (await self._connection.execute(select(PRICING_TIERS).where(_IS_DEFAULT))).first()
        return None if row is None else _tariff(row)

    async def add_version(self, tariff: Tariff) -> None:
        older = update(PRICING_TIERS).where(PRICING_TIERS.c.id == tariff.id, _IS_NEWEST).values(is_newest=False)
        await self._connection.execute(older)
        if tariff.is_default:
            await self._connection.execute(update(PRICING_TIERS).where(_IS_DEFAULT).values(is_default=False))
        await self._connection.execute(insert(PRICING_TIERS).values(**_fields(tariff), is_newest=True))


def _fields(tariff: Tariff) -> dict[str, Any]:
    fields = {column.name: getattr(tariff, column.name) for column in PRICING_TIERS.c if column.name != "is_newest"}
    components = [{**asdict(component), "price": str(component.price)} for component in tariff.components]
    return {**fields, "components": components, "station_ids": list(tariff.station_ids)}


def _tariff(row: Row[Any]) -> Tariff:
    fields = row._mapping
    names = [column.name for column in PRICING_TIERS.c if column.name != "is_newest"]
    discounts = {MembershipTier(tier): basis_points for tier, basis_points in fields["tier_discounts"].items()}
    return Tariff(
        **{
            **{name: fields[name] for name in names},
            "components": [_component(stored) for stored in fields["components"]],
            "tier_discounts": discounts,
        }
    )


def _component(stored: Mapping[str, Any]) -> PriceComponent:
    return PriceComponent(
        **{
            **stored,
            "kind": ComponentKind(stored["kind"]),
            "price": Decimal(stored["price"]),
            "days_of_week": tuple(stored["days_of_week"]),
        }
    )
