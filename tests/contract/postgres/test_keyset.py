"""services.postgres.keyset, on PostgreSQL"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import (
    Column,
    DateTime,
    Integer,
    MetaData,
    Numeric,
    Select,
    Table,
    Text,
    Uuid,
    insert,
    select,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.errors import DomainError
from services.kernel.ids import derived_id
from services.kernel.pagination import PageRequest, page_request
from services.postgres.database import Database
from services.postgres.keyset import fetch_page
from stack.postgres import Server

BOOKS = Table(
    "keyset_books",
    MetaData(),
    Column("id", Uuid(as_uuid=True), primary_key=True),
    Column("title", Text, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("price", Numeric(10, 2), nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    prefixes=["TEMPORARY"],
)
# Several of a kind in every column but the last of the key.
ROWS: list[dict[str, Any]] = [
    {
        "id": UUID(derived_id("book", number)),
        "title": f"Title {number % 3}, é and ' and %",
        "pages": number % 4 - 2,
        "price": Decimal(number % 5) / 4,
        "create_time": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=number % 6),
    }
    for number in range(23)
]


@pytest.fixture
async def connection(postgres_server: Server) -> AsyncIterator[AsyncConnection]:
    """A connection that sees the books above."""
    database = Database(postgres_server.url)
    async with database.transaction() as connection:
        await connection.run_sync(BOOKS.create)
        await connection.execute(insert(BOOKS), ROWS)
        yield connection
        await connection.rollback()
    await database.close()


async def _all_pages(
    connection: AsyncConnection, statement: Select[Any], names: list[str], size: int, **order: Any
) -> list[Any]:
    found: list[Any] = []
    token = ""
    while True:
        page = await fetch_page(
            connection,
            statement,
            [BOOKS.c[name] for name in names],
            page=page_request(size, token),
            **order,
        )
        assert len(page.items) <= size
        found += [row.id for row in page.items]
        token = page.next_token
        if not token:
            return found


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("names", [["id"], ["title", "id"], ["pages", "price", "id"], ["create_time", "id"]])
@pytest.mark.parametrize("size", [1, 7, 23, 50])
async def test_the_pages_are_the_list_in_order_whatever_the_key(
    connection: AsyncConnection, names: list[str], size: int, descending: bool
) -> None:
    in_order = sorted(ROWS, key=lambda row: tuple(row[name] for name in names), reverse=descending)

    found = await _all_pages(connection, select(BOOKS.c.id), names, size, descending=descending)

    assert found == [row["id"] for row in in_order]


async def test_the_total_counts_what_the_filter_lets_through(connection: AsyncConnection) -> None:
    statement = select(BOOKS).where(BOOKS.c.pages == 1)

    page = await fetch_page(connection, statement, [BOOKS.c.id], page=PageRequest(size=2))

    assert (len(page.items), page.total_size) == (2, len([row for row in ROWS if row["pages"] == 1]))


async def test_counting_stops_where_it_is_told_to(connection: AsyncConnection) -> None:
    page = await fetch_page(connection, select(BOOKS), [BOOKS.c.id], page=PageRequest(size=2), count_up_to=3)

    assert (len(page.items), page.total_size) == (2, 3)


async def test_an_empty_list_is_one_empty_page(connection: AsyncConnection) -> None:
    page = await fetch_page(connection, select(BOOKS).where(BOOKS.c.pages > 100), [BOOKS.c.id], page=PageRequest())

    assert (list(page.items), page.next_token, page.total_size) == ([], "", 0)


@pytest.mark.parametrize(
    "key",
    [
        ["1"],
        ["1", "2", "3"],
        ["not a number", ROWS[0]["id"].hex],
        ["1", "not an id"],
        ["9" * 30, str(ROWS[0]["id"])],
        ["9" * 5000, str(ROWS[0]["id"])],
        ["1.5", str(ROWS[0]["id"])],
        ["NaN", str(ROWS[0]["id"])],
    ],
)
async def test_a_token_that_no_list_has_made_is_refused(connection: AsyncConnection, key: list[str]) -> None:
    columns = [BOOKS.c.pages, BOOKS.c.id]
    after = (await _mark_of(connection, columns), *key)
    with pytest.raises(DomainError) as refused:
        await fetch_page(connection, select(BOOKS), columns, page=PageRequest(after=after))

    assert refused.value.reason == "INVALID_PAGE_TOKEN"


async def test_the_token_of_another_list_is_refused(connection: AsyncConnection) -> None:
    other = await fetch_page(connection, select(BOOKS), [BOOKS.c.pages, BOOKS.c.id], page=PageRequest(2))
    columns = [BOOKS.c.price, BOOKS.c.id]
    with pytest.raises(DomainError) as refused:
        await fetch_page(connection, select(BOOKS), columns, page=page_request(2, other.next_token))

    assert refused.value.reason == "INVALID_PAGE_TOKEN"


@pytest.mark.parametrize("time", ["yesterday", "2026-01-01T00:00:00", "2026-13-01T00:00:00+00:00"])
async def test_a_token_with_a_time_that_is_none_is_refused(connection: AsyncConnection, time: str) -> None:
    after = (await _mark_of(connection, [BOOKS.c.create_time]), time)
    with pytest.raises(DomainError) as refused:
        await fetch_page(connection, select(BOOKS), [BOOKS.c.create_time], page=PageRequest(after=after))

    assert refused.value.reason == "INVALID_PAGE_TOKEN"


async def test_ids_that_are_read_as_text_are_compared_as_ids(connection: AsyncConnection) -> None:
    key = [type_coerce(BOOKS.c.id, Uuid(as_uuid=False))]
    first = await fetch_page(connection, select(BOOKS.c.id), key, page=page_request(20, ""))
    second = await fetch_page(connection, select(BOOKS.c.id), key, page=page_request(20, first.next_token))
    assert [row.id for page in (first, second) for row in page.items] == sorted(row["id"] for row in ROWS)


@pytest.mark.parametrize("size", [5, 23, 50])
async def test_every_page_tells_how_many_there_are(connection: AsyncConnection, size: int) -> None:
    statement, token = select(BOOKS).where(BOOKS.c.pages > 0), ""
    expected = sum(row["pages"] > 0 for row in ROWS)
    while True:
        page = await fetch_page(connection, statement, [BOOKS.c.id], page=page_request(size, token))
        assert page.total_size == expected
        token = page.next_token
        if not token:
            break


async def _mark_of(connection: AsyncConnection, columns: list[Column[Any]]) -> str:
    """What tokens of the list in this order begin with."""
    page = await fetch_page(connection, select(BOOKS), columns, page=PageRequest(2))
    after = page_request(2, page.next_token).after
    assert after is not None
    return after[0]
