"""Stations in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.ids import is_id
from services.postgres.recordset import names_of
from services.station.domain.free_vending import FreeVending
from services.station.domain.station import Station, StationStatus
from services.station.tables import STATIONS

_NAMES = names_of(STATIONS.c)


class SqlStationRepository:
    """Satisfies ports.StationRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, station_id: str, *, for_update: bool = False) -> Station | None:
        if not is_id(station_id):
            return None
        query = select(STATIONS).where(STATIONS.c.id == station_id)
        row = (await self._connection.execute(query.with_for_update() if for_update else query)).first()
        return None if row is None else station_of(row)

    async def add(self, station: Station) -> None:
        await self._connection.execute(insert(STATIONS).values(asdict(station)))

    async def replace(self, station: Station) -> None:
        await self._connection.execute(update(STATIONS).where(STATIONS.c.id == station.id).values(asdict(station)))

    async def remove(self, station_id: str) -> None:
        await self._connection.execute(delete(STATIONS).where(STATIONS.c.id == station_id))


def station_of(row: Sequence[Any]) -> Station:
    """The station in a row of all columns of the table."""
    fields: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    fields["status"] = StationStatus(fields["status"])
    fields["free_vending"] = FreeVending(fields["free_vending"]) if fields["free_vending"] else None
    return Station(**fields)
