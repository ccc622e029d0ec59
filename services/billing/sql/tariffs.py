"""Tariffs in PostgreSQL: every version a row of `pricing_tiers`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, false, insert, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain.tariff import ComponentKind, MembershipTier, PriceComponent, Tariff, TariffVersion
from services.billing.ports import TariffKey
from services.billing.tables import PRICING_TIERS
from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.kernel.tenancy import current_tenant
from services.postgres.keyset import fetch_page
from services.postgres.recordset import names_of

_IS_NEWEST = PRICING_TIERS.c.until_time.is_(None)
_IS_DEFAULT = PRICING_TIERS.c.is_default
_IN_USE = PRICING_TIERS.c.retired.is_(False)

_OF_TARIFF = [name for name in names_of(PRICING_TIERS.c) if name != "until_time"]

# Tariffs change seldom, and a new default concerns two of them.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('tariffs', 0))")


# More than the sessions of some hours are bound to.
_MOST_VERSIONS = 1000


class TariffVersions:
    """Versions that were read before: they never change, and are asked for with every session."""

    def __init__(self) -> None:
        self._known: dict[TariffKey, Tariff] = {}

    def get(self, keys: Collection[TariffKey]) -> dict[TariffKey, Tariff]:
        """Those that are known, of the tenant that is worked for."""
        tenant_id, known = current_tenant(), self._known
        return {key: known[key] for key in keys if key in known and tenant_id in (None, known[key].tenant_id)}

    def add(self, versions: Mapping[TariffKey, Tariff]) -> None:
        """Know these from now on. There is room for a thousand; then others are forgotten."""
        if len(self._known) + len(versions) > _MOST_VERSIONS:
            self._known.clear()
        self._known.update(versions)


class SqlTariffRepository:
    """Satisfies ports.TariffRepository within one transaction; `versions` may outlive it."""

    def __init__(self, connection: AsyncConnection, versions: TariffVersions) -> None:
        self._connection = connection
        self._versions = versions

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
        is_requested = _IS_NEWEST if version is None else PRICING_TIERS.c.version == version
        return await self._first(select(PRICING_TIERS).where(PRICING_TIERS.c.id == tariff_id, is_requested))

    async def find_default(self) -> Tariff | None:
        return await self._first(select(PRICING_TIERS).where(_IS_NEWEST, _IS_DEFAULT))

    async def find_all(self, keys: Collection[TariffKey]) -> Mapping[TariffKey, Tariff]:
        known, columns = self._versions.get(keys), PRICING_TIERS.c
        unknown = [key for key in keys if key not in known]
        if not unknown:
            return known
        query = select(PRICING_TIERS).where(tuple_(columns.id, columns.version).in_(unknown))
        read = {(tariff.id, tariff.version): tariff for tariff in map(_tariff, await self._connection.execute(query))}
        # One that this unit of work itself has written may yet be taken back; but no session is bound to it before.
        self._versions.add(read)
        return known | read

    async def in_use(
        self, tenant_ids: Collection[str], station_ids: Collection[str], since: datetime | None
    ) -> Sequence[TariffVersion]:
        columns = PRICING_TIERS.c
        theirs = columns.tenant_id.in_(tenant_ids)
        here = columns.station_ids.overlap([station_id for station_id in station_ids if is_id(station_id)])
        is_valid = _IS_NEWEST if since is None else or_(_IS_NEWEST, columns.until_time > since)
        query = select(PRICING_TIERS).where(theirs, _IN_USE, or_(here, _IS_DEFAULT), is_valid)
        return [TariffVersion(_tariff(row), row.until_time) for row in await self._connection.execute(query)]

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
