"""The usage of drivers in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Row, Select, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.driver.domain.usage import SessionCost, SessionUsage
from services.driver.tables import USAGE_SESSIONS
from services.postgres.gathering import put_off
from services.postgres.recordset import Recordset, names_of

# More than any driver charges in the longest period that may be asked for.
_MOST_SESSIONS = 20_000
_COST = ("amount_minor", "currency_code", "bill_revision", "bill_decisions")
_KEY = ("transaction_id", "driver_id")
_REPORTED = [name for name in names_of(USAGE_SESSIONS.columns) if name not in (*_KEY, *_COST)]
_SESSIONS = Recordset(USAGE_SESSIONS, columns=(*_KEY, *_REPORTED))
_COSTS = Recordset(USAGE_SESSIONS, columns=(*_KEY, *_COST))
_reported = attrgetter(*_KEY, *_REPORTED)
_cost = attrgetter(*_KEY, *_COST)
# One transaction at a time keeps what it was told: it may hold sessions and costs in any order, and two of them never
# wait for each other in a ring. A lock for each session would cost more.
_TURN = "WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended('usage', 0)))"
# Billing may know the driver of a session whose own snapshot does not.
_RECORD = f"""
{_TURN} INSERT INTO usage_sessions AS known ({_SESSIONS.columns})
SELECT {_SESSIONS.values} FROM turn CROSS JOIN {_SESSIONS.relation}
ON CONFLICT ON CONSTRAINT usage_sessions_pkey DO UPDATE SET
driver_id = coalesce(excluded.driver_id, known.driver_id),
{", ".join(f"{name} = excluded.{name}" for name in _REPORTED)}
WHERE known.revision < excluded.revision
""".encode()
# Costs go by SessionCost.rank.
_RECORD_COSTS = f"""
{_TURN} INSERT INTO usage_sessions AS known
({_COSTS.columns}, id_tag, charge_point_id, station_id, energy_wh, revision)
SELECT {_COSTS.values}, '', '', '', 0, 0 FROM turn CROSS JOIN {_COSTS.relation}
ON CONFLICT ON CONSTRAINT usage_sessions_pkey DO UPDATE SET
driver_id = coalesce(known.driver_id, excluded.driver_id), {", ".join(f"{name} = excluded.{name}" for name in _COST)}
WHERE (known.bill_revision, known.bill_decisions, known.currency_code IS NOT NULL)
    <= (excluded.bill_revision, excluded.bill_decisions, excluded.currency_code IS NOT NULL)
""".encode()


class SqlUsageRepository:
    """Satisfies ports.UsageRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def record(self, sessions: Sequence[SessionUsage]) -> None:
        if sessions:
            rows = _SESSIONS.dump(map(_reported, sessions))
            await put_off(self._connection, _RECORD, rows)

    async def record_costs(self, costs: Sequence[SessionCost]) -> None:
        if costs:
            rows = _COSTS.dump(map(_cost, costs))
            await put_off(self._connection, _RECORD_COSTS, rows)

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
        # What has no start is an orphan, or what is left of one.
        running = exists().where(
            columns.driver_id == driver_id, columns.end_time.is_(None), columns.start_time.is_not(None)
        )
        return bool(await self._connection.scalar(select(running)))

    async def _of_driver(self, driver_id: str, query: Select[Any]) -> Sequence[SessionUsage]:
        rows = await self._connection.execute(query.where(USAGE_SESSIONS.c.driver_id == driver_id))
        return [_session(row) for row in rows]


def _session(row: Row[Any]) -> SessionUsage:
    return SessionUsage(**row._mapping)
