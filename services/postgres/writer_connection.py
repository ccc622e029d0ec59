"""Connections of writers: in autocommit mode, kept as long as they work, made anew after they broke."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg

from services.kernel.errors import invalid
from services.kernel.tenancy import current_tenant
from services.postgres.database import Database, RawConnection, is_stale
from services.postgres.roundtrip import RoundTrips

# The few statements of writers come again and again and find everything by keys. So they are planned once, with no look
# at their parameters (with one, the planning of small batches costs more than they do), and never to read a whole
# table, however small that is at the time.
PLANNING = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}


class WriterConnection:
    """Lends its connection to one user after the other. `carries` is the field of the requests that its rows come in.
    Without `plans_once` PostgreSQL plans as it sees fit.

    A pool would look at the connection and wrap a transaction round every statement: two round trips that a statement
    which is a transaction by itself does not need.
    """

    def __init__(self, database: Database, carries: str, *, plans_once: bool = True) -> None:
        self._database = database
        self._carries = carries
        self._planning = PLANNING if plans_once else {}
        self._turn = asyncio.Lock()
        self._stack: AsyncExitStack | None = None
        self._round_trips: RoundTrips | None = None

    @asynccontextmanager
    async def round_trips(self) -> AsyncIterator[RoundTrips]:
        """The connection, for statements that go together. One begins outside of any transaction; what the block leaves
        open is rolled back.

        It sees all tenants. Raises: DatabaseUnavailable, INVALID_FIELD for a value that PostgreSQL cannot store,
        and RuntimeError in work for a tenant.
        """
        if current_tenant() is not None:
            raise RuntimeError("the connections of writers are the platform's")
        async with self._turn:
            trips = await self._open()
            try:
                yield trips
                await _end_transaction(trips)
            except psycopg.DataError as error:
                await _end_transaction(trips)
                raise invalid(self._carries, "holds a value that cannot be stored") from error
            except BaseException as error:
                is_lost = isinstance(error, psycopg.OperationalError | asyncio.CancelledError)
                if is_lost or trips.connection.closed or is_stale(error):
                    await self._drop(error)
                else:
                    await _end_transaction(trips)
                raise

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[RawConnection]:
        """The same connection on the bare driver, for COPY; nothing is prepared on it."""
        async with self.round_trips() as trips:
            yield trips.connection

    async def close(self) -> None:
        """Close the connection; the next user gets a new one."""
        async with self._turn:
            await self._drop(None)

    async def _open(self) -> RoundTrips:
        if self._round_trips is not None:
            if not self._round_trips.has_lost_its_peer:
                return self._round_trips
            await self._drop(None)
        stack = AsyncExitStack()
        self._round_trips = RoundTrips(await stack.enter_async_context(self._database.raw(**self._planning)))
        self._stack = stack
        return self._round_trips

    async def _drop(self, error: BaseException | None) -> None:
        """Leave the connection by way of the database, which raises the translation of `error`."""
        stack, trips, self._stack, self._round_trips = self._stack, self._round_trips, None, None
        if stack is not None and trips is not None:
            trips.let_go()
            await stack.__aexit__(type(error) if error else None, error, error.__traceback__ if error else None)


class WriterConnections:
    """Lends one of at most `count` connections, for writers that need not take turns."""

    def __init__(self, database: Database, carries: str, count: int) -> None:
        self._connections = [WriterConnection(database, carries) for _ in range(count)]
        # Last in, first out: one that was used is open, and has prepared what it is asked.
        self._free: asyncio.LifoQueue[WriterConnection] = asyncio.LifoQueue()
        for connection in self._connections:
            self._free.put_nowait(connection)

    @asynccontextmanager
    async def round_trips(self) -> AsyncIterator[RoundTrips]:
        """The same as `WriterConnection.round_trips`, as soon as one is free."""
        connection = await self._free.get()
        try:
            async with connection.round_trips() as trips:
                yield trips
        finally:
            self._free.put_nowait(connection)

    async def close(self) -> None:
        """Close the connections, when their users have left them."""
        for connection in self._connections:
            await connection.close()


async def _end_transaction(trips: RoundTrips) -> None:
    if not trips.is_idle:
        await trips.connection.rollback()
