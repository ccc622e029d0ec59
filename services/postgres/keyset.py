"""Pages of a SELECT by the sort key of the last row, never by OFFSET: as cheap on page 1,000 as on page 1.

Knows no table.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zlib import crc32

from sqlalchemy import ColumnElement, Row, Select, Uuid, func, literal_column, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.pagination import Page, PageRequest, bad_token, next_token
from services.postgres.sql_text import written

# How far lists that grow with every session are counted: nobody pages through more, and counting millions for each page
# costs a hundred times what the page does.
COUNTED_UP_TO = 10_000

_GREATEST_INT = 2**63 - 1


async def fetch_page(
    connection: AsyncConnection,
    statement: Select[Any],
    key_columns: Sequence[ColumnElement[Any]],
    *,
    page: PageRequest,
    descending: bool = False,
    count_up_to: int | None = None,
) -> Page[Row[Any]]:
    """One page of `statement`, which filters but neither orders nor limits; `count_up_to` bounds what counting costs.

    `key_columns` are NOT NULL, together unique, and of type text, integer, numeric, uuid or timestamptz; all of them
    run in the same direction.

    Raises: DomainError INVALID_ARGUMENT for a token that another list has made.
    """
    mark = mark_of(key_columns)
    after = None if page.after is None else key_in_token(page.after, mark, key_columns)
    rest = statement if after is None else _after(statement, key_columns, after, descending)
    labels = [f"page_key_{position}" for position in range(len(key_columns))]
    rows = (
        await connection.execute(
            rest.add_columns(*(column.label(label) for column, label in zip(key_columns, labels, strict=True)))
            .order_by(*(column.desc() if descending else column.asc() for column in key_columns))
            .limit(page.size + 1)
        )
    ).all()
    chosen = rows[: page.size]
    more = len(rows) > len(chosen)
    token = token_after(mark, [getattr(chosen[-1], label) for label in labels]) if more else ""
    # A first page that holds everything is its own count.
    total = await _count(connection, statement, count_up_to) if more or page.after else len(chosen)
    return Page(chosen, token, total)


async def _count(connection: AsyncConnection, statement: Select[Any], up_to: int | None) -> int:
    counted = statement.with_only_columns(literal_column("1"), maintain_column_froms=True).limit(up_to).subquery()
    return await connection.scalar(select(func.count()).select_from(counted)) or 0


def mark_of(key_columns: Sequence[ColumnElement[Any]]) -> str:
    """What the tokens of a list begin with, so that they are no tokens of another one."""
    return f"{crc32(','.join(map(str, key_columns)).encode()):x}"


def token_after(mark: str, key: Sequence[object]) -> str:
    """The token of the page behind the row with this sort key."""
    return next_token([mark, *map(written, key)])


def key_in_token(after: Sequence[str], mark: str, key_columns: Sequence[ColumnElement[Any]]) -> list[Any]:
    """The sort key in a token. Raises: DomainError INVALID_ARGUMENT for that of another list."""
    if after[0] != mark or len(after) != len(key_columns) + 1:
        raise bad_token()
    return [_value(column, text) for column, text in zip(key_columns, after[1:], strict=True)]


def _after(
    statement: Select[Any], key_columns: Sequence[ColumnElement[Any]], last: Sequence[Any], descending: bool
) -> Select[Any]:
    # A row comparison, which PostgreSQL answers from the index on the key; the first column alone besides, for keys
    # that an index has only in part.
    key, values = tuple_(*key_columns), tuple_(*last)
    if descending:
        return statement.where(key < values, key_columns[0] <= last[0])
    return statement.where(key > values, key_columns[0] >= last[0])


def _value(column: ColumnElement[Any], text: str) -> object:
    # A uuid that is handed over as text must not be compared as text.
    kind = UUID if isinstance(column.type, Uuid) else column.type.python_type
    try:
        return _parse(kind, text)
    except (ValueError, ArithmeticError):
        raise bad_token() from None


def _parse(kind: type, text: str) -> object:
    """Raises ValueError or ArithmeticError for what PostgreSQL would not take as a value of this kind."""
    if kind is datetime:
        time = datetime.fromisoformat(text)
        if time.utcoffset() is None:
            raise ValueError("a time without a zone")
        return time
    if kind is UUID:
        return UUID(text)
    if kind in (int, Decimal):
        number = Decimal(text)
        if not number.is_finite() or not -_GREATEST_INT <= number <= _GREATEST_INT:
            raise ValueError("not a number of ours")
        return kind(text)
    return text
