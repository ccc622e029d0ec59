"""The usage of drivers in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.driver.domain.usage import SessionCost, SessionUsage
from services.driver.tables import USAGE_SESSIONS

# More than any driver charges in the longest period that may be asked for.
_MOST_SESSIONS = 20_000
_COST = ("amount_minor", "currency_code")


class SqlUsageRepository:
    """Satisfies ports.UsageRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def record(self, session: SessionUsage) -> None:
        fields = {name: value for name, value in asdict(session).items() if name not in _COST}
        statement = insert(USAGE_SESSIONS).values(fields)
        told: dict[str, Any] = {name: statement.excluded[name] for name in fields if name != "transaction_id"}
        # Billing may know the driver of a session whose own snapshot does not.
        told["driver_id"] = func.coalesce(statement.excluded.driver_id, USAGE_SESSIONS.c.driver_id)
        await self._connection.execute(
            statement.on_conflict_do_update(
                constraint="usage_sessions_pkey",
                set_=told,
                where=USAGE_SESSIONS.c.revision < statement.excluded.revision,
            )
        )

    async def record_cost(self, cost: SessionCost) -> None:
        empty = {"id_tag": "", "charge_point_id": "", "station_id": "", "energy_wh": 0, "revision": 0}
        statement = insert(USAGE_SESSIONS).values({**empty, **asdict(cost)})
        await self._connection.execute(
            statement.on_conflict_do_update(
                constraint="usage_sessions_pkey",
                set_={
                    **{name: statement.excluded[name] for name in _COST},
                    "driver_id": func.coalesce(USAGE_SESSIONS.c.driver_id, statement.excluded.driver_id),
                },
            )
        )

    async def ended(self, driver_id: str, start: datetime, end: datetime) -> Sequence[SessionUsage]:
        columns = USAGE_SESSIONS.c
        query = select(USAGE_SESSIONS).where(columns.end_time >= start, columns.end_time < end)
        return await self._of_driver(driver_id, query.limit(_MOST_SESSIONS))

    async def latest(self, driver_id: str, start: datetime, end: datetime, limit: int) -> Sequence[SessionUsage]:
        columns = USAGE_SESSIONS.c
        query = select(USAGE_SESSIONS).where(columns.start_time >= start, columns.start_time < end)
        return await self._of_driver(driver_id, query.order_by(columns.start_time.desc()).limit(limit))

    async def has_running(self, driver_id: str) -> bool:
        columns = USAGE_SESSIONS.c
        running = exists().where(columns.driver_id == driver_id, columns.end_time.is_(None), columns.revision > 0)
        return bool(await self._connection.scalar(select(running)))

    async def _of_driver(self, driver_id: str, query: Select[Any]) -> Sequence[SessionUsage]:
        rows = await self._connection.execute(query.where(USAGE_SESSIONS.c.driver_id == driver_id))
        return [_session(row) for row in rows]


def _session(row: Row[Any]) -> SessionUsage:
    return SessionUsage(**row._mapping)
