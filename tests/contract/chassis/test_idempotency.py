import asyncio

import pytest
from sqlalchemy import text

from services.chassis.database import Database
from services.chassis.idempotency import recall, remember
from services.chassis.shared_tables import sweep
from services.kernel.errors import DomainError
from tests.fixtures.background import eventually


async def test_a_request_makes_what_it_made_the_first_time(database: Database) -> None:
    async with database.transaction() as connection:
        assert await remember(connection, "stations", "request", "first") == "first"
    async with database.transaction() as connection:
        assert await remember(connection, "stations", "request", "second") == "first"
        assert await remember(connection, "drivers", "request", "other scope") == "other scope"
        assert await recall(connection, "stations", "request") == "first"
        assert await recall(connection, "stations", "unknown") is None


async def test_a_request_that_was_rolled_back_made_nothing(database: Database) -> None:
    async with database.transaction() as connection:
        await remember(connection, "stations", "request", "lost")
        await connection.rollback()
    async with database.transaction() as connection:
        assert await remember(connection, "stations", "request", "kept") == "kept"


async def test_a_concurrent_request_waits_and_gets_what_the_first_made(database: Database) -> None:
    async with database.transaction() as connection:
        await remember(connection, "stations", "request", "first")
        second = asyncio.create_task(_remember(database, "second"))
        await _wait_until_somebody_waits(database)
        assert not second.done()
    assert await second == "first"


async def test_a_request_id_is_bounded(database: Database) -> None:
    async with database.transaction() as connection:
        assert await remember(connection, "stations", "x" * 100, "kept") == "kept"
        with pytest.raises(DomainError) as refused:
            await remember(connection, "stations", "x" * 101, "lost")

    assert [violation.field for violation in refused.value.violations] == ["requestId"]


async def test_keys_are_forgotten_after_a_day(database: Database) -> None:
    async with database.transaction() as connection:
        for request, age in (("old", "25 hours"), ("young", "23 hours")):
            await remember(connection, "stations", request, "x")
            await connection.execute(
                text("UPDATE idempotency_keys SET create_time = now() - CAST(:age AS interval) WHERE request_id = :id"),
                {"age": age, "id": request},
            )
    async with database.raw() as raw:
        assert await sweep(raw) == 1
    async with database.read() as connection:
        assert await recall(connection, "stations", "old") is None
        assert await recall(connection, "stations", "young") == "x"


async def _remember(database: Database, resource_id: str) -> str:
    async with database.transaction() as connection:
        return await remember(connection, "stations", "request", resource_id)


async def _wait_until_somebody_waits(database: Database) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )

    async def somebody_waits() -> bool:
        async with database.read() as connection:
            return bool(await connection.scalar(waiting))

    await eventually(somebody_waits)
