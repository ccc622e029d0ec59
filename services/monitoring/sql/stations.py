"""Stations in PostgreSQL."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.monitoring.domain.station import Health, Station, StationFilter
from services.monitoring.sql.locks import Locks, Rung
from services.monitoring.tables import STATIONS
from services.postgres.database import bare
from services.postgres.gathering import fetch, put_off
from services.postgres.keyset import fetch_page
from services.postgres.recordset import Recordset, array, names_of

_NAMES = names_of(STATIONS.c)
_TIMES = Recordset(STATIONS, columns=["id", "update_time"])
_ID, _TIME = _TIMES.letter_of["id"], _TIMES.letter_of["update_time"]
_TOUCH = f"""
WITH found AS (
    SELECT stations.id, r.{_TIME} AS time FROM stations JOIN {_TIMES.relation} ON stations.id = r.{_ID}
    ORDER BY stations.id FOR UPDATE OF stations
), touched AS (
    UPDATE stations SET update_time = found.time FROM found
    WHERE stations.id = found.id AND stations.update_time < found.time
)
SELECT id::text FROM found
""".encode()

_HEALTHS = Recordset(STATIONS, columns=["id", "health"])
_HEALTH = _HEALTHS.letter_of["health"]
_SET_HEALTHS = f"""
UPDATE stations SET health = r.{_HEALTH} FROM {_HEALTHS.relation}
WHERE stations.id = r.{_HEALTHS.letter_of["id"]} AND stations.health <> r.{_HEALTH}
""".encode()


_FOR_UPDATE = b"SELECT FROM stations WHERE id = ANY (%s::uuid[]) ORDER BY id FOR UPDATE"


class SqlStationRepository:
    """Satisfies ports.StationRepository within one transaction."""

    def __init__(self, connection: AsyncConnection, locks: Locks) -> None:
        self._connection = connection
        self._locks = locks

    async def page(self, narrowing: StationFilter, page: PageRequest) -> Page[Station]:
        query = select(STATIONS).where(~STATIONS.c.deleted, *_conditions(narrowing))
        rows = await fetch_page(self._connection, query, (STATIONS.c.name, STATIONS.c.id), page=page)
        return rows.map(_station)

    async def exists(self, station_id: str) -> bool:
        query = select(STATIONS.c.id).where(STATIONS.c.id == station_id)
        return is_id(station_id) and (await self._connection.execute(query)).first() is not None

    async def known(self, station_ids: Collection[str]) -> Mapping[str, Station]:
        await self._locks.turn(Rung.STATION_TURN)
        query = select(STATIONS).where(STATIONS.c.id.in_(station_ids))
        return {row.id: _station(row) for row in await self._connection.execute(query)}

    async def change(self, stations: Sequence[Station], times: Mapping[str, datetime]) -> Collection[str]:
        if not stations:
            return await self.touch(times)
        self._locks.reach(Rung.STATIONS)
        both = {station.id for station in stations} | times.keys()
        await (await bare(self._connection)).execute(_FOR_UPDATE, (array(both),))
        statement = insert(STATIONS)
        values = {column.name: statement.excluded[column.name] for column in STATIONS.c if column.name != "id"}
        # Sessions may have changed meanwhile: they take no turn of stations.
        latest = {"update_time": func.greatest(STATIONS.c.update_time, statement.excluded.update_time)}
        statement = statement.on_conflict_do_update(constraint="stations_pkey", set_={**values, **latest})
        await self._connection.execute(statement, [asdict(station) for station in stations])
        return await self._touch(times)

    async def touch(self, times: Mapping[str, datetime]) -> Collection[str]:
        if not times:
            return []
        self._locks.reach(Rung.STATIONS)
        return await self._touch(times)

    async def _touch(self, times: Mapping[str, datetime]) -> Collection[str]:
        touched = await fetch(self._connection, _TOUCH, _TIMES.dump(times.items()))
        return [station_id for (station_id,) in touched]

    async def set_healths(self, healths: Mapping[str, Health]) -> None:
        if healths:
            await put_off(self._connection, _SET_HEALTHS, _HEALTHS.dump(healths.items()))

    async def unheard(self, since: datetime, known: Collection[str]) -> Sequence[Station]:
        query = select(STATIONS).where(~STATIONS.c.deleted, STATIONS.c.told_time < since)
        return [_station(row) for row in await self._connection.execute(query) if row.id not in known]


def _conditions(narrowing: StationFilter) -> Iterator[ColumnElement[bool]]:
    columns = STATIONS.c
    if narrowing.health:
        yield columns.health == narrowing.health
    if narrowing.station_id:
        yield columns.id == narrowing.station_id if is_id(narrowing.station_id) else columns.id.is_(None)


def _station(row: Row[Any]) -> Station:
    fields = {name: row._mapping[name] for name in _NAMES}
    return Station(**{**fields, "health": Health(fields["health"])})
