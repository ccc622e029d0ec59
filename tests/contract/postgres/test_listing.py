"""services.postgres.listing, on PostgreSQL: the same pages and tokens as keyset's, in one round trip"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Column, DateTime, Integer, MetaData, Table, Text, Uuid, insert, select

from services.kernel.errors import DomainError
from services.kernel.ids import derived_id
from services.kernel.pagination import Page, PageRequest, page_request
from services.postgres.database import Database
from services.postgres.keyset import fetch_page
from services.postgres.listing import Condition, Listing
from services.postgres.readers import Readers
from services.postgres.roundtrip import Rows, Statement

BOOKS = Table(
    "listed_books",
    MetaData(),
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("title", Text, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
)
# Several of a kind in every column but the last of the key; the latest in gaps of up to years, five of each moment.
ROWS: list[dict[str, Any]] = [
    {
        "id": derived_id("book", number),
        "title": f"Title {number % 3}, é and ' and %",
        "pages": number % 4 - 2,
        "create_time": datetime.now(UTC) - timedelta(seconds=3 ** (number // 5)),
    }
    for number in range(80)
]
_OF_ONE_PAGE: Condition = ("listed_books.pages = %s", ("1",))


@pytest.fixture
async def database(database: Database) -> AsyncIterator[Database]:
    """One with the books above."""
    async with database.transaction() as connection:
        await connection.run_sync(BOOKS.create)
        await connection.execute(insert(BOOKS), ROWS)
    yield database
    async with database.transaction() as connection:
        await connection.run_sync(BOOKS.drop)


@pytest.fixture
async def readers(database: Database) -> AsyncIterator[Readers]:
    """What reads them."""
    readers = Readers(database)
    yield readers
    await readers.close()


class Counted:
    """Answers as `readers` do, and keeps how many statements were asked each time."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self.asked: list[int] = []

    async def ask(self, *statements: Statement) -> list[Rows]:
        self.asked.append(len(statements))
        return await self._readers.ask(*statements)


def _listing(*names: str, descending: bool = False, count_up_to: int | None = None) -> Listing:
    key = [BOOKS.c[name] for name in names]
    return Listing("listed_books.id::text", "listed_books", key, descending=descending, count_up_to=count_up_to)


async def _all_pages(
    readers: Readers, listing: Listing, size: int, *conditions: Condition, since: datetime | None = None
) -> tuple[list[str], list[Page[tuple[Any, ...]]]]:
    ids: list[str] = []
    pages: list[Page[tuple[Any, ...]]] = []
    token = ""
    while token or not pages:
        page = await listing.fetch(readers, conditions, page_request(size, token), since=since)
        assert len(page.items) <= size
        ids += [row[0] for row in page.items]
        pages.append(page)
        token = page.next_token
    return ids, pages


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("names", [["id"], ["title", "id"], ["pages", "title", "id"], ["create_time", "id"]])
@pytest.mark.parametrize("size", [7, 80])
async def test_its_pages_are_those_of_keyset(
    database: Database, readers: Readers, names: Sequence[str], size: int, descending: bool
) -> None:
    in_order = sorted(ROWS, key=lambda row: tuple(row[name] for name in names), reverse=descending)

    ids, pages = await _all_pages(readers, _listing(*names, descending=descending), size)

    assert ids == [row["id"] for row in in_order]
    token = ""
    async with database.read() as connection:
        for page in pages:
            statement, key = select(BOOKS.c.id), [BOOKS.c[name] for name in names]
            same = await fetch_page(connection, statement, key, page=page_request(size, token), descending=descending)
            assert (page.next_token, page.total_size) == (same.next_token, same.total_size)
            token = page.next_token


@pytest.mark.parametrize("size", [1, 4, 40, 400])
async def test_a_list_in_no_order_of_an_index_is_read_span_by_span_and_misses_nothing(
    readers: Readers, size: int
) -> None:
    since = min(row["create_time"] for row in ROWS) + timedelta(seconds=1)
    later: Condition = ("listed_books.create_time >= %s", (since.isoformat(),))

    ids, _ = await _all_pages(readers, _listing("create_time", "id"), size, later, since=since)

    expected = [row for row in ROWS if row["create_time"] >= since]
    assert ids == [row["id"] for row in sorted(expected, key=lambda row: (row["create_time"], row["id"]))]


async def test_the_total_counts_what_meets_the_conditions_as_far_as_it_is_told(readers: Readers) -> None:
    page = await _listing("id").fetch(readers, [_OF_ONE_PAGE], PageRequest(2))
    bounded = await _listing("id", count_up_to=3).fetch(readers, [_OF_ONE_PAGE], PageRequest(2))

    assert (len(page.items), page.total_size) == (2, len([row for row in ROWS if row["pages"] == 1]))
    assert (len(bounded.items), bounded.total_size) == (2, 3)


async def test_an_empty_list_is_one_empty_page(readers: Readers) -> None:
    page = await _listing("id").fetch(readers, [("listed_books.pages > %s", ("100",))], PageRequest())

    assert (list(page.items), page.next_token, page.total_size) == ([], "", 0)


async def test_the_token_of_another_list_is_refused(readers: Readers) -> None:
    other = await _listing("title", "id").fetch(readers, [], PageRequest(1))

    with pytest.raises(DomainError, match="is not a token of this list"):
        await _listing("id").fetch(readers, [], page_request(1, other.next_token))


async def test_a_list_that_only_grows_is_counted_until_it_has_more_than_is_counted(readers: Readers) -> None:
    counted, page = Counted(readers), PageRequest(10)
    for up_to, asked in ((len(ROWS), [2, 1, 1]), (len(ROWS) + 1, [2, 2, 2])):
        listing = Listing("listed_books.id::text", "listed_books", (BOOKS.c.id,), count_up_to=up_to, only_grows=True)
        pages = [await listing.fetch(counted, (), page), await listing.fetch(counted, (), page)]
        pages.append(await listing.fetch(counted, (), page_request(10, pages[0].next_token)))
        assert [each.total_size for each in pages] == [len(ROWS)] * 3
        assert counted.asked == asked
        counted.asked.clear()


async def test_what_is_narrowed_is_counted_each_time_and_so_is_a_list_that_may_lose_rows(readers: Readers) -> None:
    counted, page = Counted(readers), PageRequest(10)
    grows = Listing("listed_books.id::text", "listed_books", (BOOKS.c.id,), count_up_to=12, only_grows=True)
    for _ in range(2):
        assert (await grows.fetch(counted, [_OF_ONE_PAGE], page)).total_size == 12
        assert (await _listing("id", count_up_to=12).fetch(counted, (), page)).total_size == 12
    assert counted.asked == [2] * 4
