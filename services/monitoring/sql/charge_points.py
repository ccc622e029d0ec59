"""Charge points in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.monitoring.domain.alert import AlertKind
from services.monitoring.domain.charge_point import ChargePoint
from services.monitoring.sql.locks import Locks, Rung
from services.monitoring.tables import ALERTS, CHARGE_POINTS
from services.postgres.database import bare
from services.postgres.recordset import Recordset, array, names_of, text_array, texts, upsert

_POINTS = Recordset(CHARGE_POINTS)
_NAMES = names_of(CHARGE_POINTS.columns)
_values = attrgetter(*_NAMES)
_ADD_UNHEARD = b"""
INSERT INTO charge_points (id, online, epoch, removed) SELECT name, false, 0, false FROM unnest(%s::text[]) AS name
ON CONFLICT DO NOTHING
"""
_FOR_UPDATE = f"""
SELECT {texts(CHARGE_POINTS.columns)} FROM charge_points WHERE id = ANY (%s::text[]) ORDER BY id FOR UPDATE
""".encode()
_STORE = upsert(CHARGE_POINTS, _POINTS, "charge_points_pkey")
_OF_STATIONS = f"""
SELECT {texts(CHARGE_POINTS.columns)} FROM charge_points WHERE station_id = ANY (%s::uuid[]) ORDER BY id
""".encode()


class SqlChargePointRepository:
    """Satisfies ports.ChargePointRepository within one transaction."""

    def __init__(self, connection: AsyncConnection, locks: Locks) -> None:
        self._connection = connection
        self._locks = locks

    async def lock(self, charge_point_ids: Collection[str]) -> dict[str, ChargePoint]:
        if not charge_point_ids:
            return {}
        await self._locks.turn(Rung.STATION_TURN)
        self._locks.reach(Rung.HARDWARE)
        points = await self._locked(charge_point_ids)
        # Looked for first: hardly ever one of them was not told of before.
        if unheard := [name for name in charge_point_ids if name not in points]:
            await (await bare(self._connection)).execute(_ADD_UNHEARD, (text_array(unheard),))
            points |= await self._locked(unheard)
        return points

    async def _locked(self, charge_point_ids: Collection[str]) -> dict[str, ChargePoint]:
        cursor = await (await bare(self._connection)).execute(_FOR_UPDATE, (text_array(charge_point_ids),))
        return {row[0]: _of_values(row) for row in await cursor.fetchall()}

    async def store(self, charge_points: Collection[ChargePoint]) -> None:
        if charge_points:
            await (await bare(self._connection)).execute(_STORE, (_POINTS.dump(map(_values, charge_points)),))

    async def of_stations(self, station_ids: Collection[str]) -> Sequence[ChargePoint]:
        cursor = await (await bare(self._connection)).execute(_OF_STATIONS, (array(station_ids),))
        return [_of_values(row) for row in await cursor.fetchall()]

    async def away(self, since: datetime, limit: int) -> Sequence[ChargePoint]:
        self._locks.reach(Rung.HARDWARE, passing_over=True)
        columns = CHARGE_POINTS.c
        query = (
            select(CHARGE_POINTS)
            .where(_may_be_away(), columns.changed_time <= since)
            .order_by(columns.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [_charge_point(row) for row in await self._connection.execute(query)]

    async def away_since(self) -> datetime | None:
        query = select(func.min(CHARGE_POINTS.c.changed_time)).where(_may_be_away())
        time: datetime | None = await self._connection.scalar(query)
        return time

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


def _may_be_away() -> ColumnElement[bool]:
    """Whether a charge point is offline, missed, and without an open alert for it."""
    columns = CHARGE_POINTS.c
    is_known = exists().where(
        ALERTS.c.kind == AlertKind.CHARGE_POINT_OFFLINE,
        ALERTS.c.subject == columns.id,
        ALERTS.c.clear_time.is_(None),
    )
    return and_(~columns.online, ~columns.removed, columns.accepted.is_not(False), ~is_known)


def _of_values(row: Sequence[Any]) -> ChargePoint:
    return ChargePoint(**dict(zip(_NAMES, row, strict=True)))


def _charge_point(row: Row[Any]) -> ChargePoint:
    return ChargePoint(**row._mapping)
