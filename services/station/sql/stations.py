"""Stations in PostgreSQL, and the search by place."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Row, Select, cast, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.postgres.keyset import fetch_page
from services.station.domain.free_vending import FreeVending
from services.station.domain.station import Circle, FoundStation, Station, StationFilter, StationStatus
from services.station.tables import STATIONS

_EARTH_DIAMETER_M = 2 * 6_371_008.8
_DEGREE_KM = 110.5


class SqlStationRepository:
    """Satisfies ports.StationRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, narrowing: StationFilter, page: PageRequest) -> Page[FoundStation]:
        query = select(STATIONS).where(*_conditions(narrowing))
        if narrowing.circle is not None:
            return await self._nearest(query, narrowing.circle, page)
        rows = await fetch_page(self._connection, query, (STATIONS.c.id,), page=page, descending=True)
        return rows.map(lambda row: FoundStation(_station(row)))

    async def find(self, station_id: str, *, for_update: bool = False) -> Station | None:
        if not is_id(station_id):
            return None
        query = select(STATIONS).where(STATIONS.c.id == station_id)
        row = (await self._connection.execute(query.with_for_update() if for_update else query)).first()
        return None if row is None else _station(row)

    async def add(self, station: Station) -> None:
        await self._connection.execute(insert(STATIONS).values(asdict(station)))

    async def replace(self, station: Station) -> None:
        await self._connection.execute(update(STATIONS).where(STATIONS.c.id == station.id).values(asdict(station)))

    async def remove(self, station_id: str) -> None:
        await self._connection.execute(delete(STATIONS).where(STATIONS.c.id == station_id))

    async def _nearest(self, query: Select[Any], circle: Circle, page: PageRequest) -> Page[FoundStation]:
        # In whole metres, so that the distance can be a key of the page.
        distance = cast(func.round(_distance_m(circle)), BigInteger)
        query = query.add_columns(distance.label("distance_m")).where(
            *_bounding_box(circle), distance <= int(circle.radius_km * 1000)
        )
        rows = await fetch_page(self._connection, query, (distance, STATIONS.c.id), page=page)
        return rows.map(lambda row: FoundStation(_station(row), float(row.distance_m)))


def _conditions(narrowing: StationFilter) -> Iterator[ColumnElement[bool]]:
    columns = STATIONS.c
    if narrowing.status:
        yield columns.status == narrowing.status
    if narrowing.text:
        searched = (columns.name, columns.address, columns.city)
        yield or_(*(column.icontains(narrowing.text, autoescape=True) for column in searched))


def _bounding_box(circle: Circle) -> Iterator[ColumnElement[bool]]:
    """What the index can answer; longitudes are left out, for they shrink towards the poles and wrap around."""
    degrees = circle.radius_km / _DEGREE_KM
    yield STATIONS.c.latitude.between(circle.latitude - degrees, circle.latitude + degrees)


def _distance_m(circle: Circle) -> ColumnElement[Any]:
    """The great-circle distance by the haversine formula; exact to half a percent, as the Earth is no sphere."""
    latitude, longitude = func.radians(STATIONS.c.latitude), func.radians(STATIONS.c.longitude)
    here_latitude, here_longitude = func.radians(circle.latitude), func.radians(circle.longitude)
    across = func.power(func.sin((latitude - here_latitude) / 2), 2) + func.cos(here_latitude) * func.cos(
        latitude
    ) * func.power(func.sin((longitude - here_longitude) / 2), 2)
    return _EARTH_DIAMETER_M * func.asin(func.least(1.0, func.sqrt(across)))


def _station(row: Row[Any]) -> Station:
    fields = row._mapping
    names = [column.name for column in STATIONS.c]
    return Station(
        **{
            **{name: fields[name] for name in names},
            "status": StationStatus(fields["status"]),
            "free_vending": FreeVending(fields["free_vending"]) if fields["free_vending"] else None,
        }
    )
