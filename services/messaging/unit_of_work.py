"""Units of work: what a use case reads and changes together, on one transaction of its service's database.

Knows no table; a service says what a unit of its work is.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Generic, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from services.messaging.outbox import OutboxRelay
from services.postgres.database import Database


class Work(Protocol):
    """A unit of work that knows whether it has told events."""

    has_events: bool


_Work = TypeVar("_Work", bound=Work)


class Works(Generic[_Work]):
    """Makes units of work by `work`, each committed when its block ends. The relay is woken after those with events."""

    def __init__(self, database: Database, relay: OutboxRelay, work: Callable[[AsyncConnection], _Work]) -> None:
        self._database = database
        self._relay = relay
        self._work = work

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[_Work]:
        async with self._database.transaction() as connection:
            work = self._work(connection)
            yield work
        if work.has_events:
            self._relay.wake()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[_Work]:
        """The same without a transaction, for use cases that only read."""
        async with self._database.statements() as connection:
            yield self._work(connection)
