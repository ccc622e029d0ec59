"""Many rows as one parameter arrive as they were, and take the place of those with the same key."""

import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import BigInteger, Column, DateTime, MetaData, PrimaryKeyConstraint, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.ids import new_id
from services.postgres.database import Database, bare
from services.postgres.recordset import Recordset, array, names_of, text_array, texts, upsert
from services.transaction.tables import TRANSACTIONS
from tests.fixtures.postgres import FreshDatabase
from tests.fixtures.sample.fixtures import SAMPLE

_THINGS = Table(
    "recordset_rows",
    MetaData(),
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("name", Text),
    Column("count", BigInteger),
    Column("time", DateTime(timezone=True)),
    Column("lines", JSONB),
    PrimaryKeyConstraint("id", name="recordset_rows_pkey"),
)
_ROWS = Recordset(_THINGS)
_STORE = upsert(_THINGS, _ROWS, "recordset_rows_pkey")
_SELECT = f"SELECT {texts(_THINGS.columns)} FROM recordset_rows ORDER BY recordset_rows.id".encode()
_TIME = datetime(2026, 4, 1, 10, 30, 0, 123456, tzinfo=UTC)
ODD = ["", "a,b", '"quoted" {x}', "back\\slash", "new\nline", "Grüße ⚡", "NULL"]


@pytest.fixture
def database_url(fresh_database: FreshDatabase) -> str:
    """A database of its own for each test: these add a table."""
    return fresh_database(SAMPLE)


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[AsyncConnection]:
    """A transaction on a database that has the table."""
    async with database.transaction() as connection:
        await connection.run_sync(_THINGS.create)
        yield connection


async def _stored(connection: AsyncConnection) -> list[tuple[Any, ...]]:
    return list(await (await (await bare(connection)).execute(_SELECT)).fetchall())


async def test_values_of_all_kinds_arrive_as_they_were(connection: AsyncConnection) -> None:
    rows: list[tuple[Any, ...]] = [
        (new_id(), name, 2**62 + number, _TIME, [{"amount": number}]) for number, name in enumerate(ODD)
    ]
    rows.append((new_id(), None, None, None, None))
    await (await bare(connection)).execute(_STORE, (_ROWS.dump(rows),))
    assert await _stored(connection) == sorted(rows)


async def test_a_row_takes_the_place_of_the_one_with_its_key(connection: AsyncConnection) -> None:
    one, other = sorted((new_id(), new_id()))
    first = [(one, "a", 1, _TIME, None), (other, "b", 2, None, None)]
    await (await bare(connection)).execute(_STORE, (_ROWS.dump(first),))
    await (await bare(connection)).execute(_STORE, (_ROWS.dump([(one, None, 3, None, [1])]),))
    assert await _stored(connection) == [(one, None, 3, None, [1]), (other, "b", 2, None, None)]


async def test_chosen_columns_leave_the_others_alone(connection: AsyncConnection) -> None:
    chosen = Recordset(_THINGS, columns=["id", "count"])
    one = new_id()
    await (await bare(connection)).execute(_STORE, (_ROWS.dump([(one, "a", 1, _TIME, None)]),))
    statement = upsert(_THINGS, chosen, "recordset_rows_pkey")
    await (await bare(connection)).execute(statement, (chosen.dump([(one, 7)]),))
    assert await _stored(connection) == [(one, "a", 7, _TIME, None)]


async def test_arrays_arrive_as_they_were(connection: AsyncConnection) -> None:
    ids = [new_id() for _ in range(3)]
    query = b"SELECT %s::text[], %s::uuid[]::text[], %s::bigint[]"
    cursor = await (await bare(connection)).execute(query, (text_array(ODD), array(ids), array([1, 2**40])))
    assert await cursor.fetchone() == (ODD, ids, [1, 2**40])


def test_names_are_as_python_keeps_them() -> None:
    # Keyword arguments whose names are not the very objects of the parameters are compared one by one.
    assert [name is sys.intern(name) for name in names_of(TRANSACTIONS.columns)] == [True] * len(TRANSACTIONS.columns)
