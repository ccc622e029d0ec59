"""Sums over everything in PostgreSQL, for the dashboard."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.monitoring.domain.dashboard import Dashboard, start_of_day
from services.monitoring.domain.transaction import POWER_IS_FRESH, TransactionState
from services.monitoring.tables import ALERTS, CHARGE_POINTS, CONNECTORS, STATIONS, TRANSACTIONS, USAGE_ANALYTICS


class SqlDashboardQueries:
    """Satisfies ports.DashboardQueries within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def dashboard(self, now: datetime) -> Dashboard:
        today = start_of_day(now)
        points = await self._row(_charge_points())
        running = await self._row(_running(now))
        ended = await self._row(_ended(today))
        return Dashboard(
            station_count=await self._connection.scalar(_stations()) or 0,
            charge_point_count=points.total,
            online_charge_point_count=points.online,
            connector_counts=await self._counts(_connectors()),
            active_transaction_count=running.total,
            power_w=int(running.power_w),
            energy_today_wh=int(ended.energy_wh),
            sessions_today=ended.total,
            revenue_today=await self._counts(_revenue(today)),
            alert_counts=await self._counts(_alerts()),
        )

    async def _row(self, query: Select[Any, Any]) -> Any:
        return (await self._connection.execute(query)).one()

    async def _counts(self, query: Select[Any, Any]) -> Mapping[str, int]:
        return {name: int(count) for name, count in await self._connection.execute(query)}


def _stations() -> Select[int]:
    return select(func.count()).select_from(STATIONS).where(~STATIONS.c.deleted)


def _charge_points() -> Select[Any, Any]:
    columns = CHARGE_POINTS.c
    online = func.count().filter(columns.online).label("online")
    counted = select(func.count().label("total"), online).select_from(CHARGE_POINTS)
    # Unknown charge points are none of ours yet.
    return counted.where(~columns.removed, columns.accepted.is_not(False))


def _connectors() -> Select[Any, Any]:
    status = func.coalesce(CONNECTORS.c.status, "STATUS_UNSPECIFIED")
    return (
        select(status, func.count())
        .join_from(CONNECTORS, CHARGE_POINTS, CHARGE_POINTS.c.id == CONNECTORS.c.charge_point_id)
        .where(CONNECTORS.c.connector_id > 0, ~CHARGE_POINTS.c.removed)
        .group_by(status)
    )


def _running(now: datetime) -> Select[Any, Any]:
    columns = TRANSACTIONS.c
    fresh = func.sum(columns.power_w).filter(columns.power_time >= now - POWER_IS_FRESH)
    power = func.coalesce(fresh, 0).label("power_w")
    return select(func.count().label("total"), power).where(columns.state == TransactionState.ACTIVE)


def _ended(today: datetime) -> Select[Any, Any]:
    columns = USAGE_ANALYTICS.c
    energy = func.coalesce(func.sum(columns.energy_wh), 0).label("energy_wh")
    return select(func.count().label("total"), energy).where(columns.end_time >= today)


def _revenue(today: datetime) -> Select[Any, Any]:
    columns = USAGE_ANALYTICS.c
    amount = func.sum(columns.amount_minor)
    is_billed = columns.currency_code.is_not(None)
    billed = select(columns.currency_code, amount).where(columns.bill_time >= today, is_billed)
    return billed.group_by(columns.currency_code)


def _alerts() -> Select[Any, Any]:
    columns = ALERTS.c
    return select(columns.severity, func.count()).where(columns.clear_time.is_(None)).group_by(columns.severity)
