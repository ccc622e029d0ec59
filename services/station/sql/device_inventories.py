"""Charge points that have not told their variables as a whole, and when they may be asked again, in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.postgres.database import bare
from services.postgres.recordset import Recordset, text_array
from services.station.tables import DEVICE_INVENTORIES

# Connected, and nothing that it has told since its firmware is what it is makes a whole.
_DUE = b"""
SELECT point.id FROM charge_points AS point
JOIN connections ON connections.charge_point_id = point.id AND connections.close_time IS NULL
WHERE point.id = ANY (%s::text[]) AND NOT EXISTS (
    SELECT FROM device_reports AS report
    WHERE report.charge_point_id = point.id AND report.scope = 'FULL_INVENTORY' AND report.time IS NOT NULL
    AND (point.firmware_change_time IS NULL OR report.ask_time >= point.firmware_change_time)
) AND NOT EXISTS (
    SELECT FROM device_inventories AS asked WHERE asked.charge_point_id = point.id AND asked.next_time > %s
    AND (point.firmware_change_time IS NULL OR asked.ask_time >= point.firmware_change_time)
)
"""
# Another replica may have taken in the boot before this one. With another firmware its tries begin anew; that it was
# asked after the change is so by the clock of whoever took the change in.
_CLAIM = b"""
INSERT INTO device_inventories AS asked (charge_point_id, tries, next_time, ask_time)
SELECT id, 1, %(now)s + interval '1 minute', greatest(%(now)s, firmware_change_time)
FROM charge_points WHERE id = ANY (%(names)s::text[]) ORDER BY id
ON CONFLICT (charge_point_id) DO UPDATE SET next_time = excluded.next_time, ask_time = excluded.ask_time,
    tries = CASE WHEN (
        SELECT asked.ask_time < coalesce(firmware_change_time, '-infinity') FROM charge_points
        WHERE id = asked.charge_point_id
    ) THEN 1 ELSE asked.tries + 1 END
WHERE asked.next_time <= %(now)s OR (
    SELECT coalesce(asked.ask_time, '-infinity') < firmware_change_time FROM charge_points
    WHERE id = asked.charge_point_id
)
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
        parameters = {"names": text_array(charge_point_ids), "now": now}
        cursor = await (await bare(self._connection)).execute(_CLAIM, parameters)
        return dict(await cursor.fetchall())

    async def put_off(self, times: Mapping[str, datetime]) -> None:
        await (await bare(self._connection)).execute(_PUT_OFF, (_ROWS.dump(times.items()),))
