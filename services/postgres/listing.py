"""Pages of a list in one round trip: its rows and how many there are, for lists that are asked often (see `readers`).

What `keyset` says of keys and tokens holds here as well, and the tokens are the same; the SQL is written out.
"""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement

from services.kernel.pagination import Page, PageRequest
from services.kernel.tenancy import current_tenant
from services.postgres.keyset import key_in_token, mark_of, token_after
from services.postgres.roundtrip import Rows, Statement
from services.postgres.sql_text import sql_of, written

Condition = tuple[str, Sequence[str]]
"""What stands in a WHERE clause, and its parameters as in a Statement."""

_ESCAPE = "\\"
_FIRST_SPAN, _WIDER, _WIDEST_SPAN = timedelta(hours=1), 8, timedelta(days=1000)
# A table may be given back as it was at another time, below a process that goes on.
_FULL_FOR_SECONDS = 60.0


class Asks(Protocol):
    """What answers statements, all in one round trip."""

    async def ask(self, *statements: Statement) -> list[Rows]: ...


class Listing:
    """The list of `columns` from `source` (of a FROM clause) in the order of `key`, counted as far as `count_up_to`.

    The key, as in `fetch_page`, is columns of a table that the source calls by its own name, or made of such. When
    nothing is ever taken out of the table (`only_grows`), a list of everything that reaches `count_up_to` is not
    counted again with each page.
    """

    def __init__(
        self,
        columns: str,
        source: str,
        key: Sequence[ColumnElement[Any]],
        *,
        descending: bool = False,
        count_up_to: int | None = None,
        only_grows: bool = False,
    ) -> None:
        self._key = key
        self._columns = [sql_of(column) for column in key]
        self._mark = mark_of(key)
        self._source = source
        direction, self._beyond = ("DESC", "<") if descending else ("ASC", ">")
        self._select = f"SELECT {columns}, {', '.join(self._columns)} FROM {source}"
        self._order = f" ORDER BY {', '.join(f'{column} {direction}' for column in self._columns)}"
        self.count_up_to = count_up_to
        self._only_grows = only_grows
        # By tenant: until when its list of everything has as many rows as are counted, by the monotonic clock.
        self._full_until: dict[str | None, float] = {}

    async def fetch(
        self, readers: Asks, conditions: Iterable[Condition], page: PageRequest, *, since: datetime | None = None
    ) -> Page[tuple[Any, ...]]:
        """One page of the rows that meet all conditions; behind the columns of a row comes its key.

        `since` bounds a first, ascending key of time that no index has in order: then only as long a time from there on
        is sorted as a page needs, not all that came later. Raises: DomainError INVALID_ARGUMENT for a token that
        another list has made.
        """
        narrowing = list(conditions)
        after = None if page.after is None else key_in_token(page.after, self._mark, self._key)
        rest = narrowing if after is None else [*narrowing, self._behind(after)]
        if since is not None:
            rest += await self._near(readers, rest, since if after is None else max(since, after[0]), page.size)
        rows, total = await self._ask(readers, self._rows(rest, page.size), narrowing)
        chosen = rows[: page.size]
        if len(rows) > len(chosen):
            return Page(chosen, token_after(self._mark, chosen[-1][-len(self._key) :]), total)
        # A first page that holds everything is its own count.
        return Page(chosen, "", len(chosen) if after is None else total)

    async def _ask(self, readers: Asks, rows: Statement, narrowing: Sequence[Condition]) -> tuple[Rows, int]:
        """The rows, and how many there are in all."""
        tenant_id = current_tenant()
        is_everything = self._only_grows and not narrowing
        if is_everything and self.count_up_to and time.monotonic() < self._full_until.get(tenant_id, 0.0):
            [found] = await readers.ask(rows)
            return found, self.count_up_to
        found, [[total]] = await readers.ask(rows, self._count(narrowing, self.count_up_to))
        if is_everything and total == self.count_up_to:
            self._full_until[tenant_id] = time.monotonic() + _FULL_FOR_SECONDS
        return found, total

    def _rows(self, conditions: Sequence[Condition], size: int) -> Statement:
        # The limit is written out: with one that is a parameter no plan is good enough to be kept.
        query = f"{self._select}{_where(conditions)}{self._order} LIMIT {size + 1}"
        return query.encode(), _parameters(conditions)

    def _count(self, conditions: Sequence[Condition], up_to: int | None) -> Statement:
        limit = "" if up_to is None else f" LIMIT {up_to}"
        query = f"SELECT count(*) FROM (SELECT FROM {self._source}{_where(conditions)}{limit}) AS counted"
        return query.encode(), _parameters(conditions)

    def _behind(self, last: Sequence[Any]) -> Condition:
        """A row comparison, which PostgreSQL answers from the index on the key; the first column alone besides, for
        keys that an index has only in part."""
        columns, places = ", ".join(self._columns), ", ".join(["%s"] * len(last))
        condition = f"({columns}) {self._beyond} ({places}) AND {self._columns[0]} {self._beyond}= %s"
        return condition, [*map(written, last), written(last[0])]

    async def _near(self, readers: Asks, rest: Sequence[Condition], begin: datetime, size: int) -> list[Condition]:
        """A bound from `begin` on behind which there is more than a page of this size, if there is one."""
        now, span = datetime.now(UTC), _FIRST_SPAN
        while span < _WIDEST_SPAN and begin < now - span:
            near = (f"{self._columns[0]} < %s", [written(begin + span)])
            [[[count]]] = await readers.ask(self._count([*rest, near], size + 1))
            if count > size:
                return [near]
            span *= _WIDER
        return []


def containing(text: str) -> str:
    """The pattern of LIKE for what contains a text."""
    return f"%{text.replace(_ESCAPE, 2 * _ESCAPE).replace('%', _ESCAPE + '%').replace('_', _ESCAPE + '_')}%"


def _where(conditions: Sequence[Condition]) -> str:
    return f" WHERE {' AND '.join(text for text, _ in conditions)}" if conditions else ""


def _parameters(conditions: Iterable[Condition]) -> list[str]:
    return [parameter for _, parameters in conditions for parameter in parameters]
