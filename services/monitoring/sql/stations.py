"""Stations in PostgreSQL."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.chassis.keyset import fetch_page
from services.chassis.pagination import Page, PageRequest
from services.kernel.ids import is_id
from services.monitoring.domain.station import Health, Station, StationFilter
from services.monitoring.sql.locks import lock
from services.monitoring.tables import STATIONS


class SqlStationRepository:
    """Satisfies ports.StationRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, narrowing: StationFilter, page: PageRequest) -> Page[Station]:
        query = select(STATIONS).where(~STATIONS.c.deleted, *_conditions(narrowing))
        rows = await fetch_page(self._connection, query, (STATIONS.c.name, STATIONS.c.id), page=page)
        return rows.map(_station)

    async def exists(self, station_id: str) -> bool:
        query = select(STATIONS.c.id).where(STATIONS.c.id == station_id)
        return is_id(station_id) and (await self._connection.execute(query)).first() is not None

    async def lock(self, station_ids: Collection[str]) -> Mapping[str, Station]:
        await lock(self._connection, "station", station_ids)
        query = select(STATIONS).where(STATIONS.c.id.in_(station_ids)).order_by(STATIONS.c.id).with_for_update()
        return {row.id: _station(row) for row in await self._connection.execute(query)}

    async def store(self, stations: Sequence[Station]) -> None:
        if stations:
            statement = insert(STATIONS)
            changed = {column.name: statement.excluded[column.name] for column in STATIONS.c if column.name != "id"}
            statement = statement.on_conflict_do_update(constraint="stations_pkey", set_=changed)
            await self._connection.execute(statement, [asdict(station) for station in stations])

    async def touch(self, times: Mapping[str, datetime]) -> Collection[str]:
        if not times:
            return []
        locked = select(STATIONS.c.id).where(STATIONS.c.id.in_(times)).order_by(STATIONS.c.id).with_for_update()
        found = (await self._connection.scalars(locked)).all()
        if found:
            latest = func.greatest(STATIONS.c.update_time, bindparam("time"))
            statement = update(STATIONS).where(STATIONS.c.id == bindparam("key")).values(update_time=latest)
            await self._connection.execute(statement, [{"key": one, "time": times[one]} for one in found])
        return found

    async def set_healths(self, healths: Mapping[str, Health]) -> None:
        if healths:
            is_other = STATIONS.c.health != bindparam("now")
            statement = update(STATIONS).where(STATIONS.c.id == bindparam("key"), is_other)
            rows = [{"key": station_id, "now": health} for station_id, health in healths.items()]
            await self._connection.execute(statement.values(health=bindparam("now")), rows)

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
    fields = {column.name: row._mapping[column.name] for column in STATIONS.c}
    return Station(**{**fields, "health": Health(fields["health"])})
