import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from services.kernel.clock import FixedClock
from services.postgres.database import Database, DatabaseUnavailable
from services.postgres.partitions import maintain, partition_task
from services.process.heartbeats import Heartbeat, beating
from tests.fixtures.background import eventually, running
from tests.fixtures.postgres import FreshDatabase
from tests.fixtures.sample.fixtures import SAMPLE

TODAY = date(2031, 3, 1)


@pytest.fixture
def database_url(fresh_database: FreshDatabase) -> str:
    """A database of its own for each test: these change the tables."""
    return fresh_database(SAMPLE)


async def _maintain(database: Database, today: date = TODAY, retention_days: int = 30) -> None:
    async with database.transaction() as connection:
        await maintain(connection, "readings", retention_days=retention_days, today=today)


async def _partitions(database: Database) -> list[str]:
    query = text(
        "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'readings'::regclass"
    )
    async with database.read() as connection:
        return sorted((await connection.scalars(query)).all())


async def _record(database: Database, *times: datetime) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            text("INSERT INTO readings (receive_time, energy_wh) VALUES (:time, 1)"), [{"time": time} for time in times]
        )


async def _rows_by_partition(database: Database) -> dict[str, int]:
    query = text("SELECT tableoid::regclass::text, count(*) FROM readings GROUP BY 1")
    async with database.read() as connection:
        return {partition: count for partition, count in await connection.execute(query)}


async def test_partitions_exist_from_yesterday_until_a_week_ahead(database: Database) -> None:
    await _maintain(database)
    days = [f"readings_p{TODAY + timedelta(days=offset):%Y%m%d}" for offset in range(-1, 8)]
    assert await _partitions(database) == ["readings_default", *days]
    await _record(database, datetime(2031, 3, 1, tzinfo=UTC), datetime(2031, 3, 1, 23, 59, 59, 999999, tzinfo=UTC))
    assert await _rows_by_partition(database) == {"readings_p20310301": 2}


async def test_maintenance_changes_nothing_when_there_is_nothing_to_do(database: Database) -> None:
    await _maintain(database)
    before = await _partitions(database)
    await _maintain(database)
    assert await _partitions(database) == before


async def test_partitions_past_retention_are_dropped_and_the_default_stays(database: Database) -> None:
    await _maintain(database)
    await _record(database, datetime(2031, 3, 1, 12, tzinfo=UTC), datetime(2031, 3, 2, 12, tzinfo=UTC))
    await _maintain(database, today=TODAY + timedelta(days=31))
    kept = await _partitions(database)
    assert kept[:2] == ["readings_default", "readings_p20310302"]
    assert await _rows_by_partition(database) == {"readings_p20310302": 1}


async def test_rows_in_the_default_partition_move_to_the_partition_of_their_day(database: Database) -> None:
    await _record(
        database,
        datetime(2031, 3, 1, 12, tzinfo=UTC),
        datetime(2031, 2, 20, 12, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2099, 1, 1, tzinfo=UTC),
    )
    await _maintain(database)
    expected = {"readings_default": 2, "readings_p20310220": 1, "readings_p20310301": 1}
    assert await _rows_by_partition(database) == expected


async def test_a_partition_has_the_keys_and_checks_of_its_table(database: Database) -> None:
    await _maintain(database)
    query = text(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'readings_p20310301'::regclass AND contype IN ('p', 'c')"
    )
    async with database.read() as connection:
        names = sorted((await connection.scalars(query)).all())
    assert names == ["readings_energy_wh_check", "readings_p20310301_pkey"]


async def test_maintenance_does_not_wait_long_for_a_lock(database: Database) -> None:
    async with database.transaction() as reader:
        await reader.execute(text("SELECT count(*) FROM readings"))
        with pytest.raises(DatabaseUnavailable):
            async with asyncio.timeout(5):
                await _maintain(database)
    await _maintain(database)


async def test_two_replicas_maintain_a_table_once(database: Database) -> None:
    await asyncio.gather(*(_maintain(database) for _ in range(4)))
    assert len(await _partitions(database)) == 10


async def test_the_task_maintains_its_tables_at_once(database: Database) -> None:
    clock = FixedClock(datetime(2031, 3, 1, 23, 30, tzinfo=UTC))

    async def maintained() -> bool:
        return "readings_p20310308" in await _partitions(database)

    async with running(partition_task(database, {"readings": 30}, clock)):
        await eventually(maintained)


async def test_a_table_that_is_not_partitioned_keeps_no_other_from_being_maintained(database: Database) -> None:
    clock = FixedClock(datetime(2031, 3, 1, 23, 30, tzinfo=UTC))
    watched = Heartbeat("partitions")

    async def maintained() -> bool:
        return watched.failures == 1 and "readings_p20310308" in await _partitions(database)

    tables = {"things": 1, "readings": 30}
    async with running(beating(watched, lambda: partition_task(database, tables, clock))):
        await eventually(maintained)


async def test_what_is_no_name_of_a_table_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="not a table name"):
        await partition_task(database, {"things; DROP TABLE things": 1})
