"""Charge points in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.monitoring.domain.alert import AlertKind
from services.monitoring.domain.charge_point import ChargePoint
from services.monitoring.tables import ALERTS, CHARGE_POINTS


class SqlChargePointRepository:
    """Satisfies ports.ChargePointRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, charge_point_id: str) -> ChargePoint:
        statement = insert(CHARGE_POINTS).values(asdict(ChargePoint(id=charge_point_id)))
        # Changes nothing, but finds and locks the row in one go.
        statement = statement.on_conflict_do_update(constraint="charge_points_pkey", set_={"id": statement.excluded.id})
        [row] = await self._connection.execute(statement.returning(*CHARGE_POINTS.c))
        return _charge_point(row)

    async def store(self, charge_point: ChargePoint) -> None:
        statement = update(CHARGE_POINTS).where(CHARGE_POINTS.c.id == charge_point.id)
        await self._connection.execute(statement.values(asdict(charge_point)))

    async def of_stations(self, station_ids: Collection[str]) -> Sequence[ChargePoint]:
        query = select(CHARGE_POINTS).where(CHARGE_POINTS.c.station_id.in_(station_ids)).order_by(CHARGE_POINTS.c.id)
        return [_charge_point(row) for row in await self._connection.execute(query)]

    async def away(self, since: datetime, limit: int) -> Sequence[ChargePoint]:
        columns = CHARGE_POINTS.c
        is_known = exists().where(
            ALERTS.c.kind == AlertKind.CHARGE_POINT_OFFLINE,
            ALERTS.c.subject == columns.id,
            ALERTS.c.clear_time.is_(None),
        )
        query = (
            select(CHARGE_POINTS)
            .where(~columns.online, ~columns.removed, columns.changed_time <= since, ~is_known)
            .order_by(columns.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [_charge_point(row) for row in await self._connection.execute(query)]

    async def online(self) -> Mapping[str, int]:
        columns = CHARGE_POINTS.c
        rows = await self._connection.execute(select(columns.id, columns.epoch).where(columns.online))
        return {row.id: row.epoch for row in rows}

    async def unheard(self, since: datetime, known: Collection[str]) -> Sequence[str]:
        columns = CHARGE_POINTS.c
        # GREATEST passes over NULL.
        told_time = func.greatest(columns.placed_time, columns.created_time, columns.changed_time)
        rows = await self._connection.scalars(select(columns.id).where(~columns.removed, told_time < since))
        return [charge_point_id for charge_point_id in rows if charge_point_id not in known]


def _charge_point(row: Row[Any]) -> ChargePoint:
    return ChargePoint(**row._mapping)
