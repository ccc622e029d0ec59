"""Connectors in PostgreSQL."""

import re
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal_column, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.postgres.keyset import fetch_page
from services.postgres.recordset import names_of
from services.station.domain.connector import Availability, Connector, ConnectorKey, ConnectorStatus, ConnectorType
from services.station.domain.free_vending import FreeVending
from services.station.tables import CHARGE_POINTS, CONNECTORS

_KEY = (CONNECTORS.c.charge_point_id, CONNECTORS.c.evse_id, CONNECTORS.c.connector_id)
_STORED = names_of(CONNECTORS.c)
_READ = [*_STORED, "station_id"]
_CHANGING = [name for name in _STORED if name not in ("id", "charge_point_id", "evse_id", "connector_id")]
_WITH_STATION: Select[Any] = select(CONNECTORS, CHARGE_POINTS.c.station_id).join_from(
    CONNECTORS, CHARGE_POINTS, CHARGE_POINTS.c.id == CONNECTORS.c.charge_point_id
)
# Connector 0 stands for the charge point as a whole.
_REAL = CONNECTORS.c.connector_id > 0
_NUMBER = re.compile(r"[0-9]{1,4}")


class SqlConnectorRepository:
    """Satisfies ports.ConnectorRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, station_id: str, page: PageRequest) -> Page[Connector]:
        query = _WITH_STATION.where(CHARGE_POINTS.c.station_id == station_id, _REAL)
        rows = await fetch_page(self._connection, query, _KEY, page=page)
        return rows.map(lambda row: connector_of(row[: len(_READ)]))

    async def of_stations(self, station_ids: Sequence[str]) -> Sequence[Connector]:
        query = connectors_at(CHARGE_POINTS.c.station_id.in_(station_ids))
        return [connector_of(row) for row in await self._connection.execute(query)]

    async def of_charge_points(self, charge_point_ids: Collection[str]) -> Sequence[Connector]:
        query = _WITH_STATION.where(CONNECTORS.c.charge_point_id.in_(charge_point_ids), _REAL).order_by(*_KEY)
        return [connector_of(row) for row in await self._connection.execute(query)]

    async def named(self, station_id: str, name: str) -> Sequence[Connector]:
        there = _WITH_STATION.where(CHARGE_POINTS.c.station_id == station_id, _REAL)
        if is_id(name):
            return await self._all(there.where(CONNECTORS.c.id == name), for_update=True)
        if not _NUMBER.fullmatch(name):
            return []
        by_evse, by_connector = CONNECTORS.c.evse_id == int(name), CONNECTORS.c.connector_id == int(name)
        # OCPP 2.x counts connectors within the EVSE: where no connector has both numbers, either names an only one.
        exact = await self._all(there.where(by_evse, by_connector), for_update=True)
        return exact or await self._all(there.where(or_(by_evse, by_connector)), for_update=True)

    async def find(self, key: ConnectorKey) -> Connector | None:
        found = await self._all(_WITH_STATION.where(tuple_(*_KEY) == key))
        return found[0] if found else None

    async def store(self, connectors: Sequence[Connector]) -> None:
        if not connectors:
            return
        statement = insert(CONNECTORS)
        changing = {name: statement.excluded[name] for name in _CHANGING}
        statement = statement.on_conflict_do_update(constraint="connectors_place_key", set_=changing)
        await self._connection.execute(statement, [_fields(plug) for plug in connectors])

    async def _all(self, query: Select[Any], *, for_update: bool = False) -> Sequence[Connector]:
        query = query.order_by(*_KEY)
        rows = await self._connection.execute(query.with_for_update(of=CONNECTORS) if for_update else query)
        return [connector_of(row) for row in rows]


def _fields(connector: Connector) -> dict[str, Any]:
    return {name: getattr(connector, name) for name in _STORED}


def connectors_at(is_there: ColumnElement[bool]) -> Select[Any]:
    """The query for rows of `connector_of` at stations of charge points that meet a condition."""
    return _WITH_STATION.where(is_there, _REAL).order_by(*_KEY)


def version_of_connectors_at(is_there: ColumnElement[bool]) -> Select[Any]:
    """The query for a text that is another one after each change of what `connectors_at` finds; see those of charge
    points, which tell when one moves to another station."""
    xmin: ColumnElement[str] = literal_column("connectors.xmin::text")
    return _WITH_STATION.with_only_columns(func.string_agg(xmin, literal_column("','"))).where(is_there, _REAL)


def connector_of(row: Sequence[Any]) -> Connector:
    """The connector in a row of all columns of the table, and the station."""
    fields: dict[str, Any] = dict(zip(_READ, row, strict=True))
    fields["type"] = ConnectorType(fields["type"]) if fields["type"] else None
    fields["status"] = ConnectorStatus(fields["status"]) if fields["status"] else None
    fields["availability"] = Availability(fields["availability"])
    fields["free_vending"] = FreeVending(fields["free_vending"]) if fields["free_vending"] else None
    return Connector(**fields)
