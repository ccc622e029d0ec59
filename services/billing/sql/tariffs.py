"""Tariffs in PostgreSQL: every version a row of `pricing_tiers`."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, false, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain.tariff import ComponentKind, MembershipTier, PriceComponent, Tariff
from services.billing.tables import PRICING_TIERS
from services.chassis.keyset import fetch_page
from services.chassis.pagination import Page, PageRequest
from services.kernel.ids import is_id

_IS_NEWEST = PRICING_TIERS.c.until_time.is_(None)
_IS_DEFAULT = PRICING_TIERS.c.is_default
_IN_USE = PRICING_TIERS.c.retired.is_(False)

_OF_TARIFF = [column.name for column in PRICING_TIERS.c if column.name != "until_time"]

# Tariffs change seldom, and a new default concerns two of them.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('tariffs', 0))")


class SqlTariffRepository:
    """Satisfies ports.TariffRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, station_id: str, include_retired: bool, page: PageRequest) -> Page[Tariff]:
        query = select(PRICING_TIERS).where(_IS_NEWEST)
        if not include_retired:
            query = query.where(_IN_USE)
        if station_id:
            query = query.where(or_(_here(station_id), _IS_DEFAULT))
        rows = await fetch_page(self._connection, query, (PRICING_TIERS.c.id,), page=page, descending=True)
        return rows.map(_tariff)

    async def lock(self) -> None:
        await self._connection.execute(_LOCK)

    async def find(self, tariff_id: str, version: int | None = None) -> Tariff | None:
        if not is_id(tariff_id):
            return None
        wanted = _IS_NEWEST if version is None else PRICING_TIERS.c.version == version
        return await self._first(select(PRICING_TIERS).where(PRICING_TIERS.c.id == tariff_id, wanted))

    async def find_default(self) -> Tariff | None:
        return await self._first(select(PRICING_TIERS).where(_IS_NEWEST, _IS_DEFAULT))

    async def applying_at(self, station_id: str | None, at: datetime | None = None) -> Tariff | None:
        query = select(PRICING_TIERS).where(_IN_USE, or_(_here(station_id), _IS_DEFAULT), _valid(at))
        # The station's own before the default, and of several the one that was changed last.
        order = (case((_here(station_id), 0), else_=1), PRICING_TIERS.c.update_time.desc())
        return await self._first(query.order_by(*order).limit(1))

    async def add_version(self, tariff: Tariff) -> None:
        older = update(PRICING_TIERS).where(PRICING_TIERS.c.id == tariff.id, _IS_NEWEST)
        await self._connection.execute(older.values(until_time=tariff.update_time))
        await self._connection.execute(insert(PRICING_TIERS).values(_fields(tariff)))

    async def _first(self, query: Select[Any]) -> Tariff | None:
        row = (await self._connection.execute(query)).first()
        return None if row is None else _tariff(row)


def _here(station_id: str | None) -> ColumnElement[bool]:
    """The condition that a tariff is one of the station."""
    if station_id is None or not is_id(station_id):
        return false()
    return PRICING_TIERS.c.station_ids.contains([station_id])


def _valid(at: datetime | None) -> ColumnElement[bool]:
    columns = PRICING_TIERS.c
    if at is None:
        return _IS_NEWEST
    return and_(columns.update_time <= at, or_(columns.until_time.is_(None), columns.until_time > at))


def _fields(tariff: Tariff) -> dict[str, Any]:
    fields = {name: getattr(tariff, name) for name in _OF_TARIFF}
    components = [{**asdict(component), "price": str(component.price)} for component in tariff.components]
    return {**fields, "components": components, "station_ids": list(tariff.station_ids)}


def _tariff(row: Row[Any]) -> Tariff:
    fields = row._mapping
    discounts = {MembershipTier(tier): basis_points for tier, basis_points in fields["tier_discounts"].items()}
    return Tariff(
        **{
            **{name: fields[name] for name in _OF_TARIFF},
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
