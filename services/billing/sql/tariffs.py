"""Tariffs in PostgreSQL: every version a row of `pricing_tiers`, or of `tariffs` when release 0.2.0 cannot read it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, cast, func, insert, null, or_, select, text, tuple_, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import false

from services.billing.domain.tariff import Place, Tariff, TariffVersion
from services.billing.ports import TariffKey
from services.billing.sql.tariff_rows import connector_text, is_readable_by_0_2_0, tariff_of, values_of
from services.billing.tables import PRICING_TIERS, TARIFFS
from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.kernel.tenancy import current_tenant
from services.postgres.gathering import fetch
from services.postgres.keyset import fetch_page
from services.postgres.recordset import array, names_of, text_array

_NAMES = names_of(TARIFFS.c)
_COLUMNS_OF_OLDER = [
    PRICING_TIERS.c[name] if name in PRICING_TIERS.c else cast(null(), TARIFFS.c[name].type).label(name)
    for name in _NAMES
]
_ALL = union_all(select(*_COLUMNS_OF_OLDER), select(*(TARIFFS.c[name] for name in _NAMES))).subquery("all_tariffs")
_IS_NEWEST = _ALL.c.until_time.is_(None)
_IS_DEFAULT = _ALL.c.is_default
_IN_USE = _ALL.c.retired.is_(False)

# Tariffs change seldom, and a new default concerns two of them.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('tariffs', 0))")


_ALWAYS = "infinity"
# Of those that were replaced, as long as sessions may have begun under them.
_OF_ANY_AGE = """
SELECT id::text, version, until_time FROM {} WHERE tenant_id = ANY (%s::text[]) AND NOT retired
    AND (until_time IS NULL OR until_time > %s::timestamptz) AND (is_default OR station_ids && %s::uuid[]{})
"""
_MORE = " OR driver_ids && %s::uuid[] OR connectors && %s::text[]"
_IN_USE_SINCE = f"{_OF_ANY_AGE.format('pricing_tiers', '')} UNION ALL {_OF_ANY_AGE.format('tariffs', _MORE)}".encode()
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
        self._has_written = False

    async def page(
        self, station_id: str, include_retired: bool, page: PageRequest, seen_by: str | None = None
    ) -> Page[Tariff]:
        query = select(_ALL).where(_IS_NEWEST)
        if not include_retired:
            query = query.where(_IN_USE)
        if station_id:
            here = _ALL.c.station_ids.contains([station_id]) if is_id(station_id) else false()
            query = query.where(or_(here, _IS_DEFAULT))
        if seen_by is not None:
            theirs = _ALL.c.driver_ids
            is_own = theirs.contains([seen_by]) if is_id(seen_by) else false()
            query = query.where(or_(func.coalesce(func.cardinality(theirs), 0) == 0, is_own))
        rows = await fetch_page(self._connection, query, (_ALL.c.id,), page=page, descending=True)
        return rows.map(tariff_of)

    async def lock(self) -> None:
        await self._connection.execute(_LOCK)

    async def find(self, tariff_id: str, version: int | None = None) -> Tariff | None:
        if not is_id(tariff_id):
            return None
        is_requested = _IS_NEWEST if version is None else _ALL.c.version == version
        return await self._first(select(_ALL).where(_ALL.c.id == tariff_id, is_requested))

    async def find_default(self) -> Tariff | None:
        return await self._first(select(_ALL).where(_IS_NEWEST, _IS_DEFAULT))

    async def find_all(self, keys: Collection[TariffKey]) -> Mapping[TariffKey, Tariff]:
        known, columns = self._versions.get(keys), _ALL.c
        unknown = [key for key in keys if key not in known]
        if not unknown:
            return known
        query = select(_ALL).where(tuple_(columns.id, columns.version).in_(unknown))
        read = {(tariff.id, tariff.version): tariff for tariff in map(tariff_of, await self._connection.execute(query))}
        # One that this unit of work itself has written may yet be taken back.
        if not self._has_written:
            self._versions.add(read)
        return known | read

    async def in_use(
        self, tenant_ids: Collection[str], places: Collection[Place], since: datetime | None
    ) -> Sequence[TariffVersion]:
        stations = array({one.station_id for one in places if one.station_id is not None and is_id(one.station_id)})
        drivers = array({one.driver_id for one in places if one.driver_id is not None and is_id(one.driver_id)})
        connectors = text_array({connector_text(one.connector) for one in places if one.connector is not None})
        common = text_array(tenant_ids), _ALWAYS if since is None else since.isoformat(), stations
        found = await fetch(self._connection, _IN_USE_SINCE, *common, *common, drivers, connectors)
        versions = await self.find_all([(tariff_id, version) for tariff_id, version, _ in found])
        return [TariffVersion(versions[tariff_id, version], until_time) for tariff_id, version, until_time in found]

    async def add_version(self, tariff: Tariff) -> None:
        self._has_written = True
        for table in (PRICING_TIERS, TARIFFS):
            older = update(table).where(table.c.id == tariff.id, table.c.until_time.is_(None))
            await self._connection.execute(older.values(until_time=tariff.update_time))
        table, values = PRICING_TIERS if is_readable_by_0_2_0(tariff) else TARIFFS, values_of(tariff)
        await self._connection.execute(
            insert(table).values({name: value for name, value in values.items() if name in table.c})
        )

    async def _first(self, query: Select[Any]) -> Tariff | None:
        row: Row[Any] | None = (await self._connection.execute(query)).first()
        return None if row is None else tariff_of(row)
