"""Transactions whose statements gather: what is done when, what is left after a failure, and whose rows are seen."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy import text

from services.kernel.tenancy import as_tenant
from services.postgres import gathering
from services.postgres.database import Database, DatabaseUnavailable, bare
from services.postgres.gathering import GatheringTransactions, fetch, put_off
from services.postgres.roundtrip import RoundTrips, Rows, Statement
from tests.fixtures.background import eventually

_KEEP = b"INSERT INTO idempotency_keys (scope, request_id, resource_id) VALUES ('test', %s, '')"
_KEPT = b"SELECT request_id FROM idempotency_keys WHERE scope = 'test' ORDER BY 1"
_ME = b"SELECT pg_backend_pid()"


@pytest.fixture
async def transactions(database: Database) -> AsyncIterator[GatheringTransactions]:
    transactions = GatheringTransactions(database)
    yield transactions
    await transactions.close()


async def _kept(database: Database) -> list[str]:
    async with database.read() as connection:
        return [request_id for (request_id,) in await fetch(connection, _KEPT)]


async def test_what_is_put_off_is_done_before_what_is_waited_for(
    transactions: GatheringTransactions, database: Database
) -> None:
    async with transactions() as connection:
        await put_off(connection, _KEEP, "a")
        await put_off(connection, _KEEP, "b")
        assert await fetch(connection, _KEPT) == [("a",), ("b",)]
        await put_off(connection, _KEEP, "c")
        assert (await connection.scalars(text(_KEPT.decode()))).all() == ["a", "b", "c"]
        await put_off(connection, _KEEP, "d")
        assert len(await (await (await bare(connection)).execute(_KEPT)).fetchall()) == 4
        await put_off(connection, _KEEP, "e")
        assert await _kept(database) == []
    assert await _kept(database) == ["a", "b", "c", "d", "e"]


async def test_a_transaction_takes_a_round_trip_for_each_result_and_one_to_commit(
    transactions: GatheringTransactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[list[bytes]] = []
    run = RoundTrips.run

    async def listened(trips: RoundTrips, *statements: Statement) -> list[Rows]:
        said.append([statement for statement, _ in statements])
        return await run(trips, *statements)

    monkeypatch.setattr(RoundTrips, "run", listened)
    async with transactions() as connection:
        await put_off(connection, _KEEP, "a")
        await fetch(connection, _KEPT)
        await put_off(connection, _KEEP, "b")
        await put_off(connection, _KEEP, "c")
    assert said == [[b"BEGIN", _KEEP, _KEPT], [_KEEP, _KEEP, b"COMMIT"]]


async def test_the_same_repository_works_in_another_transaction(database: Database) -> None:
    async with database.transaction() as connection:
        await put_off(connection, _KEEP, "a")
        assert await fetch(connection, _KEPT) == [("a",)]
    assert await _kept(database) == ["a"]


async def test_an_error_of_what_was_put_off_comes_at_the_latest_with_the_commit(
    transactions: GatheringTransactions, database: Database
) -> None:
    async def fail() -> None:
        async with transactions() as connection:
            await put_off(connection, _KEEP, "a")
            await put_off(connection, _KEEP, "a")

    with pytest.raises(psycopg.errors.UniqueViolation):
        await fail()
    assert await _kept(database) == []
    async with transactions() as connection:
        await put_off(connection, _KEEP, "b")
    assert await _kept(database) == ["b"]


@pytest.mark.parametrize("is_begun", [False, True])
async def test_nothing_is_kept_of_a_block_that_fails(
    transactions: GatheringTransactions, database: Database, is_begun: bool
) -> None:
    async def fail() -> None:
        async with transactions() as connection:
            await put_off(connection, _KEEP, "a")
            if is_begun:
                await fetch(connection, _KEPT)
                await connection.execute(text("SELECT 1"))
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    async with transactions() as connection:
        assert await fetch(connection, _KEPT) == []


async def test_a_connection_is_kept_from_one_transaction_to_the_next(transactions: GatheringTransactions) -> None:
    pids = []
    for _ in range(3):
        async with transactions() as connection:
            # Also what the usual way ends of itself.
            await connection.execute(text("SELECT 1"))
            pids += await fetch(connection, _ME)
    assert len(set(pids)) == 1


async def test_two_at_a_time_have_each_their_own(transactions: GatheringTransactions) -> None:
    async with transactions() as one, transactions() as other:
        assert await fetch(one, _ME) != await fetch(other, _ME)


async def test_who_gets_no_turn_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.postgres.database.ACQUIRE_SECONDS", 0.1)
    transactions = GatheringTransactions(database, count=1)
    async with transactions():
        with pytest.raises(DatabaseUnavailable):
            async with transactions():
                raise AssertionError
    await transactions.close()


async def test_a_connection_that_was_lost_is_made_anew(transactions: GatheringTransactions, database: Database) -> None:
    async def end(pid: int) -> None:
        async with database.raw() as other:
            await other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))

    async def be_lost() -> None:
        async with transactions() as connection:
            [(pid,)] = await fetch(connection, _ME)
            await end(pid)
            await put_off(connection, _KEEP, "a")

    with pytest.raises(DatabaseUnavailable):
        await be_lost()
    async with transactions() as connection:
        [(pid,)] = await fetch(connection, _ME)
    # At rest, too.
    await end(pid)
    async with transactions() as connection:
        await put_off(connection, _KEEP, "b")
    assert await _kept(database) == ["b"]


async def test_a_cancelled_transaction_is_undone(transactions: GatheringTransactions, database: Database) -> None:
    async def sleep() -> None:
        async with transactions() as connection:
            await put_off(connection, _KEEP, "a")
            await fetch(connection, b"SELECT pg_sleep(60)")

    async def is_asleep() -> bool:
        async with database.raw() as connection:
            found = await connection.execute("SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")
            return await found.fetchone() is not None

    sleeping = asyncio.create_task(sleep())
    await eventually(is_asleep)
    sleeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeping
    assert await _kept(database) == []
    async with transactions() as connection:
        await put_off(connection, _KEEP, "b")
    assert await _kept(database) == ["b"]


async def test_a_table_may_change_between_two_transactions(
    transactions: GatheringTransactions, database: Database
) -> None:
    everything = b"SELECT * FROM idempotency_keys"
    async with transactions() as connection:
        await fetch(connection, everything)
    async with database.raw() as other:
        await other.execute("ALTER TABLE idempotency_keys ADD COLUMN more text")

    async def meet_it() -> None:
        async with transactions() as connection:
            await connection.scalar(text("SELECT 1"))
            await fetch(connection, everything)

    try:
        with pytest.raises(DatabaseUnavailable):
            await meet_it()
        async with transactions() as connection:
            assert await fetch(connection, everything) == []
    finally:
        # The database is that of other tests as well.
        async with database.raw() as other:
            await other.execute("ALTER TABLE idempotency_keys DROP COLUMN more")


@pytest.mark.parametrize("tenant_id", ["default", "other"])
async def test_work_for_a_tenant_is_kept_to_its_own(transactions: GatheringTransactions, tenant_id: str) -> None:
    async with transactions() as connection:
        assert await fetch(connection, b"SELECT current_user = 'csms_tenant'") == [(False,)]
    with as_tenant(tenant_id):
        async with transactions() as connection:
            who = await fetch(connection, b"SELECT current_user::text, current_setting('csms.tenant')")
    assert who == [("csms_tenant", tenant_id)]


async def test_what_nobody_needs_for_a_while_is_closed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "SPARE_SECONDS", 0.1)
    transactions = GatheringTransactions(database)
    async with transactions() as connection:
        [(pid,)] = await fetch(connection, _ME)

    async def is_gone() -> bool:
        async with database.raw() as other:
            found = await other.execute("SELECT FROM pg_stat_activity WHERE pid = %s", (pid,))
            return await found.fetchone() is None

    await eventually(is_gone)
    async with transactions() as connection:
        assert await fetch(connection, _ME) != [(pid,)]
    await transactions.close()
