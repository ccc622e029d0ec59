"""Keeps tables that are partitioned by day in order: tomorrow's partitions exist, expired ones are dropped.

A migration creates the partitioned table and its DEFAULT partition `<table>_default`; everything else is made here.
Days are UTC days. Knows nothing of what a table holds.
"""

import logging
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.clock import Clock, SystemClock
from services.postgres.database import Database
from services.process.heartbeats import repeat

_log = logging.getLogger(__name__)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")
_INTERVAL_SECONDS = 3600
_RETRY_SECONDS = 30
# Traffic waits behind us while we wait for a lock: give up soon, the next round is soon enough.
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '1s'"

_PARTITIONS = text(
    "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid"
    " WHERE inhparent = to_regclass(:table) ORDER BY 1"
)
_KEY_COLUMN = text(
    "SELECT attname FROM pg_partitioned_table JOIN pg_attribute ON attrelid = partrelid AND attnum = partattrs[0]"
    " WHERE partrelid = to_regclass(:table)"
)


async def maintain(
    connection: AsyncConnection, table: str, *, retention_days: int, today: date, ahead_days: int = 7
) -> None:
    """Create the partitions from yesterday until `ahead_days` from `today`; drop those older than `retention_days`.

    Rows that fell into the DEFAULT partition move to a partition of their day, if that day is within these bounds.
    The others stay there: they are what a wrong clock dated, and nothing tells how old they really are. Runs in the
    caller's transaction, which should do nothing else; does nothing when another replica is at it.

    Raises: DatabaseUnavailable (from the caller's block) when a lock cannot be had within a second; try again later.
    """
    _check_name(table)
    await connection.execute(text(_LOCK_TIMEOUT))
    locked = await connection.scalar(
        text("SELECT pg_try_advisory_xact_lock(hashtext(:key))"), {"key": f"partitions {table}"}
    )
    if not locked:
        return
    column = await connection.scalar(_KEY_COLUMN, {"table": table})
    existing = set((await connection.scalars(_PARTITIONS, {"table": table})).all())
    if column is None or f"{table}_default" not in existing:
        raise ValueError(f"{table} is not partitioned, or lacks the partition {table}_default")
    oldest, newest = today - timedelta(days=retention_days), today + timedelta(days=ahead_days)
    days = {today + timedelta(days=offset) for offset in range(-1, ahead_days + 1)}
    days |= await _days_of_strays(connection, table, column, oldest, newest)
    # First what locks the whole table, then what locks the DEFAULT partition: the order in which readers lock them.
    for name in sorted(existing):
        if (day_held := _day_of(table, name)) is not None and day_held < oldest:
            await connection.execute(text(f"DROP TABLE {name}"))
    for day in sorted(days):
        if day >= oldest and _partition_name(table, day) not in existing:
            await _add(connection, table, column, day)


async def partition_task(database: Database, retention_days: Mapping[str, int], clock: Clock | None = None) -> None:
    """Maintain the tables of `retention_days` (table -> days) now and every hour, until cancelled.

    Outlives an absent database. Raises: ValueError for what is no name of a table.
    """
    clock = clock or SystemClock()
    for table in retention_days:
        _check_name(table)

    async def maintain_all() -> float:
        failures: list[Exception] = []
        for table, days in retention_days.items():
            try:
                async with database.transaction() as connection:
                    await maintain(connection, table, retention_days=days, today=clock.now().date())
            except Exception as error:  # what is wrong with one table must not keep the others from being maintained
                _log.warning("partitions of %s not maintained yet: %s", table, error.__cause__ or error)
                failures.append(error)
        if failures:
            raise failures[0]
        return _INTERVAL_SECONDS

    await repeat(maintain_all, _RETRY_SECONDS)


async def _days_of_strays(
    connection: AsyncConnection, table: str, column: str, oldest: date, newest: date
) -> set[date]:
    days = await connection.scalars(
        text(
            f"SELECT DISTINCT ({column} AT TIME ZONE 'UTC')::date FROM {table}_default"
            f" WHERE {column} >= :start AND {column} < :end"
        ),
        {"start": _midnight(oldest), "end": _midnight(newest + timedelta(days=1))},
    )
    return set(days.all())


async def _add(connection: AsyncConnection, table: str, column: str, day: date) -> None:
    """Build the partition apart, then attach it: to create it in place would lock out readers and writers."""
    name, default = _partition_name(table, day), f"{table}_default"
    start, end = _midnight(day), _midnight(day + timedelta(days=1))
    # A stray that came in between the move and the attachment would make the latter fail.
    await connection.execute(text(f"LOCK TABLE {default} IN ACCESS EXCLUSIVE MODE"))
    # A partition takes its identity column from the parent; an own one forbids attaching it.
    await connection.execute(text(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL EXCLUDING IDENTITY)"))
    await connection.execute(
        text(
            f"WITH strays AS (DELETE FROM {default} WHERE {column} >= :start AND {column} < :end RETURNING *)"
            f" INSERT INTO {name} SELECT * FROM strays"
        ),
        {"start": start, "end": end},
    )
    bounds = f"FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"
    await connection.execute(text(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES {bounds}"))


def _check_name(table: str) -> None:
    if not _NAME.fullmatch(table):
        raise ValueError(f"not a table name: {table!r}")


def _partition_name(table: str, day: date) -> str:
    return f"{table}_p{day:%Y%m%d}"


def _day_of(table: str, partition: str) -> date | None:
    match = re.fullmatch(rf"{table}_p(\d{{8}})", partition)
    return datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC).date() if match else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)
