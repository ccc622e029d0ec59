"""services.postgres: work for a tenant sees and changes that tenant's rows, whatever the SQL says"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import psycopg
import pytest
import sqlalchemy.exc
from sqlalchemy import text

from services.kernel.tenancy import as_platform, set_tenant
from services.postgres.database import Database
from services.postgres.readers import Readers
from services.postgres.writer_connection import WriterConnection
from tests.fixtures.postgres import FreshDatabase

_Result = TypeVar("_Result")
_ADD = text(
    "INSERT INTO stations (id, name, address, city, country, time_zone, status, configuration, create_time,"
    " update_time, revision) VALUES (gen_random_uuid(), :name, '', '', '', 'UTC', 'ACTIVE', '{}', now(), now(), 1)"
)
_ALL = text("SELECT name, tenant_id FROM stations")


@pytest.fixture
async def database(fresh_database: FreshDatabase) -> AsyncIterator[Database]:
    """With a station of each of three tenants."""
    database = Database(fresh_database("station"))
    for tenant in ("default", "north", "south"):
        await _as(tenant, _add(database, f"of {tenant}"))
    yield database
    await database.close()


async def _as(tenant: str | None, work: Coroutine[Any, Any, _Result]) -> _Result:
    """What becomes of work that is done for a tenant."""

    async def narrowed() -> _Result:
        set_tenant(tenant)
        return await work

    return await asyncio.create_task(narrowed())


async def _add(database: Database, name: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(_ADD, {"name": name})


async def _names(database: Database, way: str) -> set[str]:
    if way == "readers":
        readers = Readers(database, 1)
        [rows] = await readers.ask((b"SELECT name FROM stations", ()))
        # Nothing of a tenant stays behind on its connection.
        assert await readers.ask((b"SELECT name FROM stations", ())) == [rows]
        await readers.close()
        return {name for (name,) in rows}
    async with getattr(database, way)() as connection:
        return {row.name for row in await connection.execute(_ALL)}


@pytest.mark.parametrize("way", ["transaction", "read", "statements", "readers"])
async def test_each_sees_its_own_and_the_platform_sees_all(database: Database, way: str) -> None:
    # Twice and in turns: the connections are used again.
    for _ in range(2):
        for tenant in ("north", "default", "south", "nobody"):
            expected = set() if tenant == "nobody" else {f"of {tenant}"}
            assert await _as(tenant, _names(database, way)) == expected
        assert await _names(database, way) == {"of default", "of north", "of south"}


async def test_no_statement_changes_the_rows_of_another(database: Database) -> None:
    async def overwrite() -> int:
        async with database.transaction() as connection:
            changed = await connection.execute(text("UPDATE stations SET name = 'mine'"))
            deleted = await connection.execute(text("DELETE FROM stations WHERE name LIKE 'of %'"))
            return changed.rowcount + deleted.rowcount

    assert await _as("north", overwrite()) == 1
    assert await _names(database, "read") == {"of default", "mine", "of south"}


@pytest.mark.parametrize(
    "statement", ["UPDATE stations SET tenant_id = 'south'", "UPDATE charge_points SET tenant_id = 'south'"]
)
async def test_nothing_is_given_to_another(database: Database, statement: str) -> None:
    async def give() -> None:
        async with database.transaction() as connection:
            await connection.execute(
                text(
                    "INSERT INTO charge_points (id, vendor, model, reported_vendor, reported_model, serial_number,"
                    " firmware_version, security_profile, state, heartbeat_interval_seconds, create_time, update_time,"
                    " revision) VALUES ('CP1', '', '', '', '', '', '', 0, 'ACCEPTED', 0, now(), now(), 1)"
                )
            )
            await connection.execute(text(statement))

    with pytest.raises(sqlalchemy.exc.ProgrammingError, match="row-level security"):
        await _as("north", give())


@pytest.mark.parametrize("table", ["alembic_version", "outbox", "consumed_events", "device_events_default"])
async def test_tables_without_a_policy_are_out_of_reach(database: Database, table: str) -> None:
    async def look() -> None:
        async with database.statements() as connection:
            await connection.execute(text(f"SELECT * FROM {table}"))

    with pytest.raises(sqlalchemy.exc.ProgrammingError, match="permission denied"):
        await _as("default", look())


async def test_the_platform_can_be_asked_for_in_work_for_a_tenant(database: Database) -> None:
    async def look() -> int:
        with as_platform():
            seen = await _names(database, "read")
        return len(seen) - len(await _names(database, "read"))

    assert await _as("north", look()) == 2


async def test_writers_connections_are_the_platforms(database: Database) -> None:
    writer = WriterConnection(database, "rows")

    async def write() -> None:
        async with writer.connection():
            pass

    with pytest.raises(RuntimeError, match="platform"):
        await _as("default", write())
    await writer.close()


async def test_what_names_no_tenant_is_the_default_ones(database: Database, fresh_database: FreshDatabase) -> None:
    await _add(database, "of nobody")

    async with database.read() as connection:
        assert ("of nobody", "default") in {tuple(row) for row in await connection.execute(_ALL)}


def test_a_role_that_forgets_its_tenant_sees_nothing(fresh_database: FreshDatabase) -> None:
    with psycopg.connect(fresh_database("station")) as connection:
        connection.execute(_ADD.text.replace(":name", "'of nobody'").encode())
        connection.execute("SET ROLE csms_tenant")
        assert connection.execute("SELECT * FROM stations").fetchall() == []
