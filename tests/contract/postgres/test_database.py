import asyncio
from contextlib import AsyncExitStack, suppress

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from services.kernel.errors import DomainError, ErrorKind
from services.postgres.database import Database, DatabaseUnavailable, bare, constraint_of
from stack.ports import free_port
from tests.fixtures.background import eventually
from tests.fixtures.postgres import OwnPostgres


async def _things(database: Database) -> list[str]:
    async with database.read() as connection:
        return sorted((await connection.scalars(text("SELECT id FROM things"))).all())


async def _add_thing(database: Database, name: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("INSERT INTO things VALUES (:name)"), {"name": name})


async def test_a_transaction_is_committed_when_its_block_ends(database: Database) -> None:
    await _add_thing(database, "kept")
    assert await _things(database) == ["kept"]


async def test_a_transaction_is_rolled_back_when_its_block_raises(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as connection:
            await connection.execute(text("INSERT INTO things VALUES ('lost')"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await _things(database) == []


async def test_a_read_cannot_write(database: Database) -> None:
    with pytest.raises(DBAPIError, match="read-only transaction"):
        async with database.read() as connection:
            await connection.execute(text("INSERT INTO things VALUES ('smuggled')"))
    await _add_thing(database, "the connection can write again")


async def test_statements_see_each_what_is_committed_by_then(database: Database) -> None:
    async with database.statements() as connection:
        began = [await connection.scalar(text("SELECT now()"))]
        await _add_thing(database, "late")
        assert (await connection.scalars(text("SELECT id FROM things"))).all() == ["late"]
        began.append(await connection.scalar(text("SELECT now()")))
    # Within a transaction that is the same time.
    assert began[0] != began[1]


async def test_a_connection_of_statements_knows_transactions_again_afterwards(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as connection:
            await connection.execute(text("INSERT INTO things VALUES ('lost')"))
            raise ZeroDivisionError

    async with database.statements() as connection:
        used = await connection.scalar(text("SELECT pg_backend_pid()"))
    async with database.transaction() as connection:
        assert await connection.scalar(text("SELECT pg_backend_pid()")) == used
    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await _things(database) == []


async def test_what_a_connection_has_prepared_outlives_a_ping(database: Database) -> None:
    async def prepared() -> set[str]:
        async with database.transaction() as connection:
            driver = await bare(connection)
            for _ in range(10):
                cursor = await driver.execute(b"SELECT name FROM pg_prepared_statements")
            return {name for (name,) in await cursor.fetchall()}

    before = await prepared()
    await database.ping()
    async with database.transaction() as connection:
        await connection.execute(text("SELECT 1"))
        names = (await connection.scalars(text("SELECT name FROM pg_prepared_statements"))).all()
    assert before
    assert before <= set(names)


async def test_the_connection_that_was_used_last_is_used_next(database: Database) -> None:
    async def used() -> int:
        async with database.transaction() as connection:
            return int(await connection.scalar(text("SELECT pg_backend_pid()")))

    async with database.transaction() as first, database.transaction() as second:
        pids = [await each.scalar(text("SELECT pg_backend_pid()")) for each in (first, second)]
    assert pids[0] != pids[1]
    assert {await used() for _ in range(3)} == {pids[0]}


async def test_a_raw_transaction_copies_and_commits(database: Database) -> None:
    async with database.raw_transaction() as connection, connection.cursor() as cursor:
        async with cursor.copy("COPY things FROM STDIN") as copy:
            for name in ("a", "b"):
                await copy.write_row((name,))
    assert await _things(database) == ["a", "b"]


async def test_a_raw_transaction_is_rolled_back_when_its_block_raises(database: Database) -> None:
    async def fail() -> None:
        async with database.raw_transaction() as connection:
            await connection.execute("INSERT INTO things VALUES ('lost')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await _things(database) == []


async def test_a_violated_constraint_is_known_by_its_name(database: Database) -> None:
    await _add_thing(database, "one")
    with pytest.raises(IntegrityError) as refused:
        await _add_thing(database, "one")
    assert constraint_of(refused.value) == "things_pkey"
    with pytest.raises(psycopg.IntegrityError) as refused_raw:
        async with database.raw_transaction() as connection:
            await connection.execute("INSERT INTO things VALUES ('one')")
    assert constraint_of(refused_raw.value) == "things_pkey"
    assert constraint_of(ValueError()) is None


@pytest.mark.field_case("A15")
async def test_a_column_that_changes_its_type_costs_a_pool_one_attempt(database: Database) -> None:
    """Every connection of the pool has prepared a statement that PostgreSQL refuses from then on."""
    connections = 3

    async def read_all() -> None:
        async with AsyncExitStack() as stack:
            opened = [await stack.enter_async_context(database.statements()) for _ in range(connections)]
            for connection in opened:
                for _ in range(10):
                    await connection.execute(text("SELECT id FROM things"))

    await read_all()
    async with database.transaction() as connection:
        await connection.execute(text("ALTER TABLE things ALTER COLUMN id TYPE varchar(100)"))
    with pytest.raises(DatabaseUnavailable):
        await read_all()
    await read_all()


async def test_the_words_of_an_error_hold_nothing_that_was_sent(database: Database) -> None:
    with pytest.raises(DBAPIError) as failed:
        async with database.transaction() as connection:
            await connection.execute(text("SELECT CAST(:name AS text) / 2"), {"name": "a secret"})

    assert "a secret" not in str(failed.value)


async def test_times_come_back_in_utc(database: Database) -> None:
    async with database.read() as connection:
        noon = await connection.scalar(text("SELECT timestamptz '2030-07-01 14:00+02'"))
    assert noon is not None
    assert noon.isoformat() == "2030-07-01T12:00:00+00:00"


async def test_a_statement_that_takes_too_long_is_a_missed_deadline(database: Database) -> None:
    async def dawdle() -> None:
        async with database.transaction() as connection:
            await connection.execute(text("SET LOCAL statement_timeout = '20ms'"))
            await connection.execute(text("SELECT pg_sleep(5)"))

    with pytest.raises(DomainError) as missed:
        await dawdle()
    assert missed.value.kind is ErrorKind.DEADLINE_EXCEEDED


async def test_an_absent_database_is_unavailable() -> None:
    database = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
    with pytest.raises(DatabaseUnavailable) as refused:
        await database.ping()
    assert (refused.value.kind, refused.value.reason) == (ErrorKind.UNAVAILABLE, "UNAVAILABLE")
    with pytest.raises(DatabaseUnavailable):
        async with database.raw():
            pass
    await database.close()


async def test_an_exhausted_pool_is_unavailable(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.postgres.database.ACQUIRE_SECONDS", 0.2)
    database = Database(database_url, pool_size=1, overflow=0, raw_pool_size=1)

    async def has_connections() -> bool:
        with suppress(DatabaseUnavailable):
            async with database.transaction(), database.raw_transaction():
                return True
        return False

    # To make one may take longer than to wait for one.
    await eventually(has_connections)
    async with database.transaction(), database.raw_transaction():
        with pytest.raises(DatabaseUnavailable):
            await database.ping()
        with pytest.raises(DatabaseUnavailable):
            async with database.raw_transaction():
                pass
    await database.ping()
    await database.close()


async def test_after_a_restart_of_the_server_the_next_call_works(own_postgres: OwnPostgres) -> None:
    database = Database(own_postgres.url)
    try:
        await _use_every_pool(database)
        own_postgres.stop()
        own_postgres.start()
        await _use_every_pool(database)

        own_postgres.kill()
        with pytest.raises(DatabaseUnavailable):
            await database.ping()
        own_postgres.start()
        await _use_every_pool(database)
    finally:
        await database.close()


async def test_a_database_is_closed_at_once_while_its_server_is_away(own_postgres: OwnPostgres) -> None:
    database = Database(own_postgres.url)
    await _use_every_pool(database)
    own_postgres.kill()
    async with asyncio.timeout(3):
        await database.close()


async def _use_every_pool(database: Database) -> None:
    """Leaves several idle connections in each pool."""
    async with database.transaction() as one, database.read() as other:
        await one.execute(text("SELECT 1"))
        await other.execute(text("SELECT 1"))
    async with database.raw_transaction() as raw:
        await raw.execute("SELECT 1")


async def _use_at_once(database: Database, count: int) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(count):
            await stack.enter_async_context(database.transaction())


async def _open(database: Database) -> int:
    """The connections that the database has, but for the one that asks."""
    async with database.raw() as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        [count] = await cursor.fetchone() or [-1]
        return int(count)


async def test_connections_that_are_not_needed_are_closed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.postgres.database.SPARE_SECONDS", 0)
    before = await _open(database)
    for _ in range(2):
        await _use_at_once(database, 6)
        # They were needed until now.
        await database.ping()
        assert await _open(database) == before + 6
        await _use_at_once(database, 3)
        await database.ping()
        assert await _open(database) == before + 6
        await database.ping()

        async def closed() -> bool:
            return await _open(database) == before

        await eventually(closed)


async def test_no_connection_is_closed_while_one_is_in_use(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.postgres.database.SPARE_SECONDS", 0)
    await _use_at_once(database, 6)
    await database.ping()
    async with database.transaction() as connection:
        await database.ping()
        await connection.execute(text("INSERT INTO things VALUES ('kept')"))
    assert await _things(database) == ["kept"]
