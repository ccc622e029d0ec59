"""Charge points in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.monitoring.domain.alert import AlertKind
from services.monitoring.domain.charge_point import ChargePoint
from services.monitoring.tables import ALERTS, CHARGE_POINTS


class SqlChargePointRepository:
    """Satisfies ports.ChargePointRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, charge_point_ids: Collection[str]) -> dict[str, ChargePoint]:
        if not charge_point_ids:
            return {}
        # In one order, so that two who lock the same never wait for each other in a circle.
        unheard = [asdict(ChargePoint(id=name)) for name in sorted(charge_point_ids)]
        await self._connection.execute(insert(CHARGE_POINTS).on_conflict_do_nothing(), unheard)
        query = select(CHARGE_POINTS).where(CHARGE_POINTS.c.id.in_(charge_point_ids))
        rows = await self._connection.execute(query.order_by(CHARGE_POINTS.c.id).with_for_update())
        return {row.id: _charge_point(row) for row in rows}

    async def store(self, charge_points: Collection[ChargePoint]) -> None:
        if charge_points:
            fields: dict[str, Any] = {
                column.name: bindparam(f"new_{column.name}") for column in CHARGE_POINTS.c if column.name != "id"
            }
            statement = update(CHARGE_POINTS).where(CHARGE_POINTS.c.id == bindparam("new_id")).values(fields)
            rows = [{f"new_{name}": value for name, value in asdict(point).items()} for point in charge_points]
            await self._connection.execute(statement, rows)

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
