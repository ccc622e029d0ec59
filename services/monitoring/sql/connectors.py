"""Connectors in PostgreSQL."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ARRAY, Row, Text, all_, any_, bindparam, delete, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.monitoring.domain.connector import Connector, ConnectorKey, ConnectorStatus
from services.monitoring.domain.station import StationSnapshot
from services.monitoring.tables import CHARGE_POINTS, CONNECTORS

_KEY = (CONNECTORS.c.charge_point_id, CONNECTORS.c.evse_id, CONNECTORS.c.connector_id)


class SqlConnectorRepository:
    """Satisfies ports.ConnectorRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def record(self, connectors: Sequence[Connector]) -> Collection[ConnectorKey]:
        if not connectors:
            return []
        statement = insert(CONNECTORS)
        told = statement.excluded
        changed = {name: told[name] for name in ("status", "error_code", "info", "status_time", "told_time")}
        # The same order as in domain/connector.is_newer, decided where the row is locked.
        statement = statement.on_conflict_do_update(
            constraint="connectors_pkey",
            set_=changed,
            where=_rank(told.status_time, told.told_time) > _rank(CONNECTORS.c.status_time, CONNECTORS.c.told_time),
        )
        rows = [asdict(connector) for connector in sorted(connectors, key=lambda connector: connector.key)]
        kept = await self._connection.execute(statement.returning(*_KEY), rows)
        return {(row.charge_point_id, row.evse_id, row.connector_id) for row in kept}

    async def of_stations(self, station_ids: Collection[str]) -> Sequence[Connector]:
        query = (
            select(CONNECTORS)
            .join(CHARGE_POINTS, CHARGE_POINTS.c.id == CONNECTORS.c.charge_point_id)
            .where(CHARGE_POINTS.c.station_id.in_(station_ids))
            .order_by(*_KEY)
        )
        return [_connector(row) for row in await self._connection.execute(query)]

    async def keep_only(self, snapshots: Sequence[StationSnapshot]) -> None:
        if not snapshots:
            return
        key = func.concat_ws("/", *_KEY)
        statement = delete(CONNECTORS).where(
            CONNECTORS.c.charge_point_id == any_(bindparam("names", type_=ARRAY(Text))),
            # What stands for the charge point as a whole is in no snapshot.
            CONNECTORS.c.connector_id > 0,
            CONNECTORS.c.told_time < bindparam("told_time"),
            key != all_(bindparam("keys", type_=ARRAY(Text))),
        )
        rows = [
            {
                "names": [point.id for point in snapshot.charge_points],
                "told_time": snapshot.told_time,
                "keys": ["/".join(map(str, connector.key)) for connector in snapshot.connectors],
            }
            for snapshot in snapshots
        ]
        await self._connection.execute(statement, rows)


def _rank(status_time: Any, told_time: Any) -> Any:
    return tuple_(func.coalesce(status_time, text("'-infinity'")), told_time)


def _connector(row: Row[Any]) -> Connector:
    fields = row._mapping
    return Connector(**{**fields, "status": ConnectorStatus(fields["status"]) if fields["status"] else None})
