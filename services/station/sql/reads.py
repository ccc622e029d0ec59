"""What callers read of stations, each in a round trip: no unit of work is begun for it."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, any_, cast, func, literal_column

from services.kernel.ids import is_id
from services.kernel.pagination import Head, Page, PageRequest
from services.postgres.listing import Condition, Listing, containing
from services.postgres.readers import Readers
from services.postgres.recordset import array, texts
from services.postgres.sql_text import place, query_of, sql_of, written
from services.station.domain.charge_point import ChargePoint
from services.station.domain.connector import Connector
from services.station.domain.station import Circle, FoundStation, Station, StationFilter
from services.station.sql.charge_points import charge_point_of, charge_points_at, version_of_charge_points_at
from services.station.sql.connectors import connector_of, connectors_at, version_of_connectors_at
from services.station.sql.stations import station_of
from services.station.tables import CHARGE_POINTS, STATIONS

_EARTH_DIAMETER_M = 2 * 6_371_008.8
_DEGREE_KM = 110.5
_SEARCHED = ("name", "address", "city")

_COLUMNS = texts(STATIONS.c, "stations")
_WIDTH = len(STATIONS.c)
_NEWEST_FIRST = Listing(_COLUMNS, "stations", (STATIONS.c.id,), descending=True)
_HERE = CHARGE_POINTS.c.station_id == literal_column("stations.id")
_POINTS_NOW, _PLUGS_NOW = sql_of(version_of_charge_points_at(_HERE)), sql_of(version_of_connectors_at(_HERE))
_HEADS = f"stations.id::text, concat_ws('/', stations.xmin, ({_POINTS_NOW}), ({_PLUGS_NOW}))"
_HEADS_NEWEST_FIRST = Listing(_HEADS, "stations", (STATIONS.c.id,), descending=True)
_SOME = f"SELECT {_HEADS}, {_COLUMNS} FROM stations WHERE id = ANY (%s::uuid[])".encode()
_ONE = f"SELECT {_COLUMNS} FROM stations WHERE id = %s".encode()
_AT_STATIONS = CHARGE_POINTS.c.station_id == any_(place("uuid[]"))
_CONNECTORS, _CHARGE_POINTS = query_of(connectors_at(_AT_STATIONS)), query_of(charge_points_at(_AT_STATIONS))


class SqlStationReads:
    """Satisfies ports.StationReads."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def page(self, narrowing: StationFilter, page: PageRequest) -> Page[FoundStation]:
        conditions = _conditions(narrowing)
        if narrowing.circle is not None:
            return await self._nearest(conditions, narrowing.circle, page)
        rows = await _NEWEST_FIRST.fetch(self._readers, conditions, page)
        return rows.map(lambda row: FoundStation(station_of(row[:_WIDTH])))

    async def heads(self, narrowing: StationFilter, page: PageRequest) -> Page[Head]:
        rows = await _HEADS_NEWEST_FIRST.fetch(self._readers, _conditions(narrowing), page)
        return rows.map(lambda row: Head(row[0], row[1]))

    async def with_ids(
        self, station_ids: Sequence[str]
    ) -> tuple[Sequence[tuple[Head, Station]], Sequence[Connector], Sequence[ChargePoint]]:
        ids = (array(station_ids),)
        # The versions first: what changes meanwhile is newer than its version then, and looked for again.
        stations, plugs, points = await self._readers.ask((_SOME, ids), (_CONNECTORS, ids), (_CHARGE_POINTS, ids))
        found = [(Head(*row[:2]), station_of(row[2:])) for row in stations]
        return found, list(map(connector_of, plugs)), list(map(charge_point_of, points))

    async def find(self, station_id: str) -> Station | None:
        if not is_id(station_id):
            return None
        [rows] = await self._readers.ask((_ONE, (station_id,)))
        return station_of(rows[0]) if rows else None

    async def standing_at(self, station_ids: Sequence[str]) -> tuple[Sequence[Connector], Sequence[ChargePoint]]:
        if not station_ids:
            return [], []
        ids = (array(station_ids),)
        plugs, points = await self._readers.ask((_CONNECTORS, ids), (_CHARGE_POINTS, ids))
        return list(map(connector_of, plugs)), list(map(charge_point_of, points))

    async def _nearest(self, conditions: Iterator[Condition], circle: Circle, page: PageRequest) -> Page[FoundStation]:
        # In whole metres, so that the distance can be a key of the page.
        distance = cast(func.round(_distance_m(circle)), BigInteger)
        within: Condition = (f"{sql_of(distance)} <= %s", (written(int(circle.radius_km * 1000)),))
        nearest_first = Listing(_COLUMNS, "stations", (distance, STATIONS.c.id))
        rows = await nearest_first.fetch(self._readers, [*conditions, _bounding_box(circle), within], page)
        return rows.map(lambda row: FoundStation(station_of(row[:_WIDTH]), float(row[_WIDTH])))


def _conditions(narrowing: StationFilter) -> Iterator[Condition]:
    if narrowing.status:
        yield "stations.status = %s", (narrowing.status,)
    if narrowing.text:
        finds = " OR ".join(f"lower(stations.{name}) LIKE lower(%s)" for name in _SEARCHED)
        yield f"({finds})", [containing(narrowing.text)] * len(_SEARCHED)


def _bounding_box(circle: Circle) -> Condition:
    """What the index can answer; longitudes are left out, for they shrink towards the poles and wrap around."""
    degrees = circle.radius_km / _DEGREE_KM
    bounds = (written(circle.latitude - degrees), written(circle.latitude + degrees))
    return "stations.latitude BETWEEN %s AND %s", bounds


def _distance_m(circle: Circle) -> ColumnElement[Any]:
    """The great-circle distance by the haversine formula; exact to half a percent, as the Earth is no sphere."""
    latitude, longitude = func.radians(STATIONS.c.latitude), func.radians(STATIONS.c.longitude)
    here_latitude, here_longitude = func.radians(circle.latitude), func.radians(circle.longitude)
    across = func.power(func.sin((latitude - here_latitude) / 2), 2) + func.cos(here_latitude) * func.cos(
        latitude
    ) * func.power(func.sin((longitude - here_longitude) / 2), 2)
    return _EARTH_DIAMETER_M * func.asin(func.least(1.0, func.sqrt(across)))
