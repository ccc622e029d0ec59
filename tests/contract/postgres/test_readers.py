"""Connections for reads: one round trip each, nothing written, and what is left after one that fails or is given up"""

import asyncio
import time
from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy import text

from services.kernel.errors import DomainError
from services.kernel.tenancy import as_platform, as_tenant
from services.postgres.database import Database, DatabaseUnavailable
from services.postgres.readers import Readers
from tests.fixtures.background import eventually

_PID = b"SELECT pg_backend_pid()"
_SLEEP = b"SELECT pg_sleep(30)"


@pytest.fixture
async def readers(database: Database) -> AsyncIterator[Readers]:
    """One connection for the platform and one for tenants."""
    readers = Readers(database, 1)
    yield readers
    await readers.close()


async def _pid(readers: Readers) -> int:
    [[(pid,)]] = await readers.ask((_PID, ()))
    return int(pid)


async def test_a_connection_is_kept_and_prepares_what_it_is_asked_once(readers: Readers) -> None:
    for number in ("1", "2"):
        assert await readers.ask((b"SELECT %s::int", (number,)), (b"SELECT 'a'", ())) == [[(int(number),)], [("a",)]]
    assert await readers.ask((b"SELECT count(*) FROM pg_prepared_statements", ())) == [[(3,)]]


@pytest.mark.parametrize("tenant", [None, "default", "north"])
async def test_nothing_is_written(readers: Readers, tenant: str | None) -> None:
    write = (b"INSERT INTO idempotency_keys (scope, request_id, resource_id) VALUES ('test', 'a', '')", ())
    with as_tenant(tenant) if tenant else as_platform():
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await readers.ask(write)
        assert await readers.ask((b"SELECT 1", ())) == [[(1,)]]


async def test_many_share_a_few_connections(database: Database) -> None:
    readers = Readers(database, 2)
    assert len(set(await asyncio.gather(*(_pid(readers) for _ in range(20))))) == 2
    await readers.close()


async def test_a_read_that_fails_leaves_a_connection_that_works(readers: Readers) -> None:
    before = await _pid(readers)
    with pytest.raises(psycopg.errors.DivisionByZero):
        await readers.ask((b"SELECT 1", ()), (b"SELECT 1 / %s::int", ("0",)), (b"SELECT 2", ()))
    assert await _pid(readers) == before


async def test_a_read_that_is_given_up_is_ended_and_takes_nothing_with_it(readers: Readers, database: Database) -> None:
    pid = await _pid(readers)
    asking = asyncio.create_task(readers.ask((_SLEEP, ())))
    states = text("SELECT query = 'SELECT pg_sleep(30)' AND state = 'active' FROM pg_stat_activity WHERE pid = :pid")

    async def is_asked() -> bool:
        async with database.read() as connection:
            return bool(await connection.scalar(states, {"pid": pid}))

    async def is_over() -> bool:
        return not await is_asked()

    await eventually(is_asked)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await readers.ask((b"SELECT 1", ())) == [[(1,)]]
    await eventually(is_over)


async def test_a_read_that_is_given_up_leaves_a_connection_that_works(readers: Readers) -> None:
    pid = await _pid(readers)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await readers.ask((b"SELECT 1", ()), (_SLEEP, ()), (b"SELECT 2", ()))
    assert await _pid(readers) == pid


async def test_more_than_a_socket_takes_at_once_goes_through(readers: Readers) -> None:
    much = "a" * 20_000_000
    for _ in range(2):
        answers = await readers.ask((b"SELECT length(%s)", (much,)), (b"SELECT %s", (much,)))
        assert answers == [[(len(much),)], [(much,)]]
        assert await readers.ask((b"SELECT 1", ())) == [[(1,)]]


async def test_the_farewell_of_a_server_is_no_work_for_the_loop(readers: Readers, database: Database) -> None:
    ended = await _pid(readers)
    async with database.transaction() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": ended})
    before = time.process_time()
    await asyncio.sleep(0.5)
    # Whoever watches the socket and reads nothing would be told without end.
    assert time.process_time() - before < 0.25
    assert await _pid(readers) != ended


async def test_connections_that_were_ended_are_made_anew(readers: Readers, database: Database) -> None:
    ended = await _pid(readers)
    async with database.transaction() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": ended})
    found = ended
    while found == ended:
        try:
            found = await _pid(readers)
        except DatabaseUnavailable:
            # It was asked before the end of its connection had come.
            continue
    assert found != ended


async def test_who_waits_too_long_for_a_connection_is_told(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.postgres.database.ACQUIRE_SECONDS", 0.05)
    asking = asyncio.create_task(readers.ask((_SLEEP, ())))
    await asyncio.sleep(0)
    with pytest.raises(DatabaseUnavailable):
        await readers.ask((b"SELECT 1", ()))
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


async def test_a_database_that_is_away_is_unavailable() -> None:
    database = Database("postgresql://csms:csms@127.0.0.1:1/csms")
    readers = Readers(database)
    with pytest.raises(DomainError, match="does not answer"):
        await readers.ask((b"SELECT 1", ()))
    await database.close()
