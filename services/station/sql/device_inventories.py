"""Charge points that have not told their device model as a whole, and when they may be asked again, in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.postgres.database import bare
from services.postgres.recordset import Recordset, text_array
from services.station.tables import DEVICE_INVENTORIES

# Connected, and nothing that it has told makes a whole.
_DUE = b"""
SELECT id FROM unnest(%s::text[]) AS id
JOIN connections ON connections.charge_point_id = id AND connections.close_time IS NULL
WHERE NOT EXISTS (
    SELECT FROM device_reports AS report
    WHERE report.charge_point_id = id AND report.scope = 'FULL_INVENTORY' AND report.time IS NOT NULL
) AND NOT EXISTS (
    SELECT FROM device_inventories AS asked WHERE asked.charge_point_id = id AND asked.next_time > %s
)
"""
# Another replica may have taken in the boot before this one.
_CLAIM = b"""
INSERT INTO device_inventories AS asked (charge_point_id, tries, next_time)
SELECT id, 1, %(now)s + interval '1 minute' FROM unnest(%(names)s::text[]) AS id ORDER BY id
ON CONFLICT (charge_point_id) DO UPDATE SET tries = asked.tries + 1, next_time = excluded.next_time
WHERE asked.next_time <= %(now)s
RETURNING charge_point_id, tries
"""
_ROWS = Recordset(DEVICE_INVENTORIES, columns=("charge_point_id", "next_time"))
_PUT_OFF = f"""
UPDATE device_inventories AS asked SET next_time = r.{_ROWS.letter_of["next_time"]} FROM {_ROWS.relation}
WHERE asked.charge_point_id = r.{_ROWS.letter_of["charge_point_id"]}
""".encode()


class SqlDeviceInventoryRepository:
    """Satisfies ports.DeviceInventoryRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def due(self, charge_point_ids: Collection[str], now: datetime) -> Sequence[str]:
        cursor = await (await bare(self._connection)).execute(_DUE, (text_array(charge_point_ids), now))
        return [name for (name,) in await cursor.fetchall()]

    async def claim(self, charge_point_ids: Collection[str], now: datetime) -> Mapping[str, int]:
        wanted = {"names": text_array(charge_point_ids), "now": now}
        cursor = await (await bare(self._connection)).execute(_CLAIM, wanted)
        return dict(await cursor.fetchall())

    async def put_off(self, times: Mapping[str, datetime]) -> None:
        await (await bare(self._connection)).execute(_PUT_OFF, (_ROWS.dump(times.items()),))
