"""The records of sessions in PostgreSQL, and their sums."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Label, Text, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.ids import is_id
from services.monitoring.domain.transaction import Transaction
from services.monitoring.domain.usage import Bill, Dimension, UsagePoint, UsageQuery
from services.monitoring.sql.locks import TURN_OF_SESSIONS, Locks, Rung
from services.monitoring.tables import USAGE_ANALYTICS
from services.postgres.gathering import put_off
from services.postgres.recordset import Recordset

_COLUMNS = USAGE_ANALYTICS.c
_REPORTED = [
    "start_time",
    "end_time",
    "station_id",
    "charge_point_id",
    "driver_id",
    "energy_wh",
    "revision",
    "tenant_id",
]
_SESSIONS = Recordset(USAGE_ANALYTICS, columns=["session_id", *_REPORTED])
_used = attrgetter("id", "start_time", "stop_time", *_REPORTED[2:])
_RECORD_SESSIONS = f"""
{TURN_OF_SESSIONS} INSERT INTO usage_analytics AS known ({_SESSIONS.columns})
SELECT {_SESSIONS.values} FROM turn CROSS JOIN {_SESSIONS.relation}
ON CONFLICT ON CONSTRAINT usage_analytics_pkey DO UPDATE SET ({_SESSIONS.columns}) = ROW ({_SESSIONS.excluded})
WHERE known.revision < excluded.revision
""".encode()
_UNHEARD = ["end_time", "station_id", "energy_wh", "tenant_id"]
_CHARGED = ["billed_driver_id", "bill_time", "amount_minor", "currency_code", "bill_revision", "bill_decisions"]
_BILLS = Recordset(USAGE_ANALYTICS, columns=["session_id", *_UNHEARD, *_CHARGED])
_charged = attrgetter("session_id", *_UNHEARD, "driver_id", *_CHARGED[1:])
_RECORD_BILLS = f"""
{TURN_OF_SESSIONS} INSERT INTO usage_analytics AS known ({_BILLS.columns}, charge_point_id, revision)
SELECT {_BILLS.values}, '', 0 FROM turn CROSS JOIN {_BILLS.relation}
ON CONFLICT ON CONSTRAINT usage_analytics_pkey DO UPDATE SET
{", ".join(f"{name} = excluded.{name}" for name in _CHARGED)},
{", ".join(f"{name} = CASE WHEN known.revision = 0 THEN excluded.{name} ELSE known.{name} END" for name in _UNHEARD)}
WHERE known.bill_time IS NULL
    OR (known.bill_revision, known.bill_decisions, known.currency_code IS NOT NULL, known.bill_time)
    < (excluded.bill_revision, excluded.bill_decisions, excluded.currency_code IS NOT NULL, excluded.bill_time)
""".encode()
_DRIVER = func.coalesce(_COLUMNS.driver_id, _COLUMNS.billed_driver_id)
_SECONDS = func.coalesce(
    func.greatest(func.floor(func.extract("epoch", _COLUMNS.end_time - _COLUMNS.start_time)), 0), 0
)


class SqlUsageRepository:
    """Satisfies ports.UsageRepository within one transaction."""

    def __init__(self, connection: AsyncConnection, locks: Locks) -> None:
        self._connection = connection
        self._locks = locks

    async def record_sessions(self, transactions: Sequence[Transaction]) -> None:
        await self._upsert(_RECORD_SESSIONS, _SESSIONS, map(_used, transactions))

    async def record_bills(self, bills: Sequence[Bill]) -> None:
        await self._upsert(_RECORD_BILLS, _BILLS, map(_charged, bills))

    async def _upsert(self, statement: bytes, columns: Recordset, rows: Iterable[tuple[Any, ...]]) -> None:
        if records := list(rows):
            # Each of the two statements takes the turn by itself.
            self._locks.reach(Rung.SESSION_TURN)
            self._locks.reach(Rung.USAGE)
            await put_off(self._connection, statement, columns.dump(records))

    async def amounts(self, session_ids: Collection[str]) -> Mapping[str, tuple[int | None, str | None]]:
        query = select(_COLUMNS.session_id, _COLUMNS.amount_minor, _COLUMNS.currency_code)
        rows = await self._connection.execute(query.where(_COLUMNS.session_id.in_(session_ids)))
        return {session_id: (amount, currency) for session_id, amount, currency in rows}

    async def points(self, query: UsageQuery, limit: int) -> list[UsagePoint]:
        start, key = _group(query)
        sums = (
            select(
                start,
                key,
                func.count().label("session_count"),
                cast(func.sum(_COLUMNS.energy_wh), BigInteger).label("energy_wh"),
                cast(func.sum(_SECONDS), BigInteger).label("duration_seconds"),
                func.count(_DRIVER.distinct()).label("driver_count"),
            )
            .where(*_conditions(query))
            .group_by(start, key)
            .order_by(start, key)
            .limit(limit)
        )
        rows = (await self._connection.execute(sums)).all()
        revenue = await self._revenue(query)
        return [UsagePoint(**row._mapping, revenue=revenue.get((row.period_start, row.key), {})) for row in rows]

    async def _revenue(self, query: UsageQuery) -> dict[tuple[Any, str], dict[str, int]]:
        start, key = _group(query)
        amount = cast(func.sum(_COLUMNS.amount_minor), BigInteger).label("amount_minor")
        sums = (
            select(start, key, _COLUMNS.currency_code, amount)
            .where(*_conditions(query), _COLUMNS.currency_code.is_not(None))
            .group_by(start, key, _COLUMNS.currency_code)
            .order_by(_COLUMNS.currency_code)
        )
        found: dict[tuple[Any, str], dict[str, int]] = {}
        for row in await self._connection.execute(sums):
            found.setdefault((row.period_start, row.key), {})[row.currency_code] = row.amount_minor
        return found


def _group(query: UsageQuery) -> tuple[Label[Any], Label[Any]]:
    """The period and the value of the dimension that a session belongs to."""
    start = func.date_trunc(query.period.lower(), _COLUMNS.end_time, "UTC").label("period_start")
    values: dict[Dimension, ColumnElement[Any]] = {
        Dimension.TOTAL: literal(""),
        Dimension.STATION: func.coalesce(cast(_COLUMNS.station_id, Text), ""),
        Dimension.CHARGE_POINT: _COLUMNS.charge_point_id,
        Dimension.DRIVER: func.coalesce(cast(_DRIVER, Text), ""),
    }
    return start, values[query.dimension].label("key")


def _conditions(query: UsageQuery) -> Iterator[ColumnElement[bool]]:
    yield _COLUMNS.end_time >= query.start
    yield _COLUMNS.end_time < query.end
    if query.station_id:
        is_known = is_id(query.station_id)
        yield _COLUMNS.station_id == query.station_id if is_known else _COLUMNS.session_id.is_(None)
