"""Stations in PostgreSQL."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, update
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

    async def find(self, station_id: str, *, for_update: bool = False) -> Station | None:
        if not is_id(station_id):
            return None
        if for_update:
            await lock(self._connection, f"station {station_id}")
        query = select(STATIONS).where(STATIONS.c.id == station_id)
        row = (await self._connection.execute(query.with_for_update() if for_update else query)).first()
        return None if row is None else _station(row)

    async def store(self, station: Station) -> None:
        statement = insert(STATIONS).values(asdict(station))
        changed = {name: statement.excluded[name] for name in asdict(station) if name != "id"}
        await self._connection.execute(statement.on_conflict_do_update(constraint="stations_pkey", set_=changed))

    async def touch(self, station_id: str, time: datetime) -> bool:
        latest = func.greatest(STATIONS.c.update_time, time)
        statement = update(STATIONS).where(STATIONS.c.id == station_id).values(update_time=latest)
        return bool((await self._connection.execute(statement)).rowcount)

    async def set_health(self, station_id: str, health: Health) -> None:
        columns = STATIONS.c
        changed = update(STATIONS).where(columns.id == station_id, columns.health != health).values(health=health)
        await self._connection.execute(changed)

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
