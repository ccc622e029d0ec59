"""Connectors in PostgreSQL."""

from collections.abc import Collection, Sequence
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from services.monitoring.domain.connector import Connector, ConnectorKey, ConnectorStatus
from services.monitoring.domain.station import StationSnapshot
from services.monitoring.sql.locks import Locks, Rung
from services.monitoring.tables import CONNECTORS
from services.postgres.database import bare
from services.postgres.recordset import Recordset, array, names_of, texts

_NAMES = names_of(CONNECTORS.columns)
_values = attrgetter(*_NAMES)
_CONNECTORS = Recordset(CONNECTORS)
_REPORTED = Recordset(CONNECTORS, columns=("status", "error_code", "info", "status_time", "told_time"))


def _rank(row: str) -> str:
    return f"(coalesce({row}.status_time, '-infinity'), {row}.told_time)"


# The same order as in domain/connector.is_newer, decided where the row is locked.
_RECORD = f"""
INSERT INTO connectors ({_CONNECTORS.columns}) SELECT {_CONNECTORS.values} FROM {_CONNECTORS.relation}
ON CONFLICT ON CONSTRAINT connectors_pkey DO UPDATE SET ({_REPORTED.columns}) = ROW ({_REPORTED.excluded})
WHERE {_rank("excluded")} > {_rank("connectors")}
RETURNING charge_point_id, evse_id, connector_id
""".encode()
# What stands for the charge point as a whole is in no snapshot.
_KEEP_ONLY = b"""
DELETE FROM connectors AS c USING json_to_recordset(%s) AS reported (point text, told_time timestamptz, keys text[])
WHERE c.charge_point_id = reported.point AND c.connector_id > 0 AND c.told_time < reported.told_time
AND concat_ws('/', c.charge_point_id, c.evse_id, c.connector_id) <> ALL (reported.keys)
RETURNING c.charge_point_id, c.evse_id, c.connector_id
"""
_OF_STATIONS = f"""
SELECT {texts(CONNECTORS.columns, "c")} FROM connectors AS c JOIN charge_points AS p ON p.id = c.charge_point_id
WHERE p.station_id = ANY (%s::uuid[]) ORDER BY c.charge_point_id, c.evse_id, c.connector_id
""".encode()


class SqlConnectorRepository:
    """Satisfies ports.ConnectorRepository within one transaction."""

    def __init__(self, connection: AsyncConnection, locks: Locks) -> None:
        self._connection = connection
        self._locks = locks

    async def record(self, connectors: Sequence[Connector]) -> Collection[ConnectorKey]:
        if not connectors:
            return []
        await self._locks.turn(Rung.STATION_TURN)
        self._locks.reach(Rung.HARDWARE)
        rows = _CONNECTORS.dump(map(_values, sorted(connectors, key=lambda connector: connector.key)))
        cursor = await (await bare(self._connection)).execute(_RECORD, (rows,))
        return set(await cursor.fetchall())

    async def of_stations(self, station_ids: Collection[str]) -> Sequence[Connector]:
        cursor = await (await bare(self._connection)).execute(_OF_STATIONS, (array(station_ids),))
        return [_connector(row) for row in await cursor.fetchall()]

    async def keep_only(self, snapshots: Sequence[StationSnapshot]) -> Collection[ConnectorKey]:
        rows = [
            {
                "point": point.id,
                "told_time": snapshot.told_time,
                "keys": ["/".join(map(str, connector.key)) for connector in snapshot.connectors],
            }
            for snapshot in snapshots
            for point in snapshot.charge_points
        ]
        if not rows:
            return []
        self._locks.reach(Rung.HARDWARE)
        cursor = await (await bare(self._connection)).execute(_KEEP_ONLY, (orjson.dumps(rows).decode(),))
        return [(point, evse_id, number) for point, evse_id, number in await cursor.fetchall()]


def _connector(row: Sequence[Any]) -> Connector:
    fields = dict(zip(_NAMES, row, strict=True))
    fields["status"] = ConnectorStatus(fields["status"]) if fields["status"] else None
    return Connector(**fields)
