"""The connection of a writer: statements in one round trip, planned once, and what is left after one that fails."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy import text

from services.kernel.errors import DomainError
from services.postgres import roundtrip
from services.postgres.database import Database, DatabaseUnavailable
from services.postgres.roundtrip import Rows
from services.postgres.writer_connection import WriterConnection, WriterConnections
from tests.fixtures.background import eventually

_ANY = b"SELECT resource_id FROM idempotency_keys WHERE scope = 'test' AND request_id = ANY (%s::text[])"
_PLANS = b"SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE 'SELECT resource_id%'"
_COUNT = b"SELECT count(*) FROM pg_prepared_statements"
_KEEP = b"INSERT INTO idempotency_keys (scope, request_id, resource_id) VALUES ('test', %s, '')"
_KEPT = b"SELECT request_id FROM idempotency_keys WHERE scope = 'test' ORDER BY 1"


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[WriterConnection]:
    writer = WriterConnection(database, "events")
    yield writer
    await writer.close()


async def test_statements_are_answered_in_order_and_prepared_once(writer: WriterConnection) -> None:
    async with writer.round_trips() as trips:
        for number in ("1", "2"):
            rows = await trips.run(
                (b"SELECT %s::int, 'a'", (number,)), (b"SELECT 'none' WHERE false", ()), (b"SELECT %s::text", ('\\ "',))
            )
            assert rows == [[(int(number), "a")], [], [('\\ "',)]]
        assert await trips.run((_COUNT, ())) == [[(4,)]]


async def test_statements_are_planned_without_their_parameters(writer: WriterConnection) -> None:
    async with writer.round_trips() as trips:
        for _ in range(3):
            await trips.run((_ANY, ("{}",)))
        assert await trips.run((_PLANS, ())) == [[(3, 0)]]


async def test_a_table_that_is_small_when_the_plan_is_made_is_not_read_as_a_whole(writer: WriterConnection) -> None:
    async with writer.round_trips() as trips:
        _, rows = await trips.run((b"ANALYZE idempotency_keys", ()), (b"EXPLAIN " + _ANY, ("{}",)))
    assert not any("Seq Scan" in line for (line,) in rows)


async def test_nothing_is_kept_of_a_round_trip_with_a_statement_that_fails(writer: WriterConnection) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        async with writer.round_trips() as trips:
            await trips.run((_KEEP, ("a",)), (_KEEP, ("a",)), (_KEEP, ("b",)))
    async with writer.round_trips() as trips:
        _, kept = await trips.run((_KEEP, ("c",)), (_KEPT, ()))
    assert kept == [("c",)]


async def test_a_transaction_that_fails_later_is_rolled_back(writer: WriterConnection) -> None:
    async def fail_later() -> None:
        async with writer.round_trips() as trips:
            await trips.run((b"BEGIN", ()), (_KEEP, ("a",)))
            await trips.run((_KEEP, ("a",)), (b"COMMIT", ()))

    with pytest.raises(psycopg.errors.UniqueViolation):
        await fail_later()
    async with writer.round_trips() as trips:
        assert await trips.run((_KEPT, ())) == [[]]


@pytest.mark.parametrize("value", ["a\0b", "no number"])
async def test_a_value_that_cannot_be_stored_is_told_as_such(writer: WriterConnection, value: str) -> None:
    with pytest.raises(DomainError, match="cannot be stored"):
        async with writer.round_trips() as trips:
            await trips.run((b"SELECT %s::int", (value,)))
    async with writer.round_trips() as trips:
        assert await trips.run((b"SELECT 1", ())) == [[(1,)]]


async def test_a_cancelled_user_leaves_a_connection_that_works(writer: WriterConnection, database: Database) -> None:
    async def sleep() -> None:
        async with writer.round_trips() as trips:
            await trips.run((_KEEP, ("a",)), (b"SELECT pg_sleep(60)", ()))

    async def is_asleep() -> bool:
        async with database.raw() as connection:
            cursor = await connection.execute(b"SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
            return cursor.rowcount > 0

    asleep = asyncio.create_task(sleep())
    await eventually(is_asleep)
    asleep.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asleep
    async with writer.round_trips() as trips:
        assert await trips.run((_KEPT, ())) == [[]]


async def test_more_is_sent_and_answered_at_once_than_buffers_hold(writer: WriterConnection) -> None:
    large = "x" * 3_000_000
    async with writer.round_trips() as trips:
        rows = await trips.run(*[(b"SELECT %s::text", (large,))] * 5)
    assert rows == [[(large,)]] * 5


async def test_prepared_statements_are_not_gathered_for_ever(
    writer: WriterConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roundtrip, "_MOST_PREPARED", 10)
    async with writer.round_trips() as trips:
        for number in range(35):
            await trips.run((b"SELECT %d" % number, ()))
        [[(prepared,)]] = await trips.run((_COUNT, ()))
    assert prepared <= 10


@pytest.mark.field_case("A1")
async def test_what_the_driver_is_asked_beside_round_trips_leaves_their_statements_prepared(
    writer: WriterConnection,
) -> None:
    async def use(end: bytes) -> None:
        async with writer.round_trips() as trips:
            await trips.run((b"BEGIN", ()), (_KEPT, ()))
            await trips.connection.execute(b"SELECT 1 WHERE %s", (True,))
            await trips.run((end, ()))

    # More often than it takes until the driver prepares what it is asked.
    for _ in range(8):
        await use(b"COMMIT")
    # A block that leaves a transaction open, one that ends it by itself, and one that fails.
    async with writer.round_trips() as trips:
        await trips.run((b"BEGIN", ()), (_KEPT, ()))
    await use(b"ROLLBACK")
    with pytest.raises(psycopg.errors.SyntaxError):
        await use(b"NONSENSE")
    async with writer.round_trips() as trips:
        assert await trips.run((_KEPT, ())) == [[]]


class _Shape:
    """A table of its own, whose column can change its type."""

    READ = b"SELECT name FROM shapes ORDER BY 1"
    ADD = b"INSERT INTO shapes VALUES (%s)"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self, statement: str) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(text(statement))

    async def change(self) -> None:
        await self.run("ALTER TABLE shapes ALTER COLUMN name TYPE varchar(100)")


@pytest.fixture
async def shape(database: Database) -> AsyncIterator[_Shape]:
    shape = _Shape(database)
    await shape.run("CREATE TABLE shapes (name text)")
    yield shape
    await shape.run("DROP TABLE shapes")


@pytest.mark.field_case("A15")
async def test_statements_are_prepared_anew_when_a_column_has_changed_its_type(
    writer: WriterConnection, shape: _Shape
) -> None:
    async with writer.round_trips() as trips:
        await trips.run((shape.ADD, ("a",)), (shape.READ, ()))
    await shape.change()
    async with writer.round_trips() as trips:
        _, _, read, _ = await trips.run((b"BEGIN", ()), (shape.ADD, ("b",)), (shape.READ, ()), (b"COMMIT", ()))
    assert read == [("a",), ("b",)]


@pytest.mark.field_case("A15")
async def test_a_transaction_that_a_change_of_type_has_ended_works_at_the_next_attempt(
    writer: WriterConnection, shape: _Shape
) -> None:
    async def use() -> list[Rows]:
        async with writer.round_trips() as trips:
            await trips.run((b"BEGIN", ()), (shape.ADD, ("a",)))
            return await trips.run((shape.READ, ()), (b"COMMIT", ()))

    async with writer.round_trips() as trips:
        await trips.run((shape.READ, ()))
    await shape.change()
    with pytest.raises(DatabaseUnavailable):
        await use()
    assert (await use())[0] == [("a",)]


async def test_connections_are_lent_to_as_many_users_as_there_are(database: Database) -> None:
    writers = WriterConnections(database, "events", 2)

    async def use() -> None:
        async with writers.round_trips() as trips:
            await trips.run((b"SELECT 1", ()))

    async with writers.round_trips() as first:
        async with writers.round_trips() as second:
            assert first.connection is not second.connection
            third = asyncio.create_task(use())
            await asyncio.sleep(0.05)
            assert not third.done()
        await third
    await writers.close()


async def test_lanes_prefer_the_one_that_was_used_last(database: Database) -> None:
    writers = WriterConnections(database, "events", 3)
    used = []
    for _ in range(3):
        async with writers.round_trips() as trips:
            used.append(trips)
    assert used == [used[0]] * 3
    await writers.close()


async def test_a_lane_whose_user_fails_is_lent_again(database: Database) -> None:
    writers = WriterConnections(database, "events", 1)
    for _ in range(2):
        with pytest.raises(psycopg.errors.UniqueViolation):
            async with writers.round_trips() as trips:
                await trips.run((_KEEP, ("a",)), (_KEEP, ("a",)))
    await writers.close()


async def test_who_keeps_the_connection_of_round_trips_may_use_it_between_them(writer: WriterConnection) -> None:
    async with writer.round_trips() as trips, asyncio.timeout(20):
        connection = trips.connection
        for number in range(3):
            assert await trips.run((_KEPT, ())) == [[]]
            # Slower than an answer that is there at once: the driver waits for it by itself.
            cursor = await connection.execute(b"SELECT %s::int FROM pg_sleep(0.05)", (number,))
            assert await cursor.fetchall() == [(number,)]


async def test_who_loses_the_server_between_two_round_trips_hears_so(
    writer: WriterConnection, database: Database
) -> None:
    async def be_lost() -> None:
        async with writer.round_trips() as trips:
            _, [(pid,)] = await trips.run((b"BEGIN", ()), (b"SELECT pg_backend_pid()", ()))
            async with database.raw() as other:
                await other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
            await trips.run((_KEEP, ("a",)), (b"COMMIT", ()))

    async with asyncio.timeout(20):
        with pytest.raises(DatabaseUnavailable):
            await be_lost()
