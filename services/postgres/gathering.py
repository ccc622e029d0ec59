"""Transactions in few round trips: a statement of which nobody waits for the result goes along with the next that
somebody waits for, the last of them with the commit.

For those who do much the same again and again: consumers of events, and who bills. Repositories say which of their
statements can wait (`put_off`) and which bring rows (`fetch`), and know no more; on a connection of another kind both
run at once. Knows no statement.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import psycopg
import sqlalchemy.exc
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection

from services.kernel.tenancy import DEFAULT_TENANT, current_tenant
from services.postgres import tenancy
from services.postgres.database import (
    SPARE_SECONDS,
    Database,
    RawConnection,
    bare,
    is_stale,
    translated,
    wait_for_turn,
)
from services.postgres.roundtrip import RoundTrips, Rows, Statement
from services.postgres.writer_connection import PLANNING

_PLAN_ONCE = "; ".join(f"SET {name} = {value}" for name, value in PLANNING.items()).encode()


async def fetch(connection: AsyncConnection, statement: bytes, *parameters: str) -> Rows:
    """The rows of a statement; parameters as PostgreSQL writes them. What was put off before is done before."""
    if isinstance(connection, GatheringConnection):
        return await connection.fetch(statement, *parameters)
    return await (await (await bare(connection)).execute(statement, parameters)).fetchall()


async def put_off(connection: AsyncConnection, statement: bytes, *parameters: str) -> None:
    """Run a statement whose result nobody needs, at the latest before the transaction ends: an error may come that
    late."""
    if isinstance(connection, GatheringConnection):
        connection.put_off(statement, *parameters)
    else:
        await (await bare(connection)).execute(statement, parameters)


class GatheringConnection(AsyncConnection):
    """One that `GatheringTransactions` lends. Whatever else is done on it, what was put off is done before."""

    __slots__ = ("_trips", "_waiting")

    _trips: RoundTrips
    _waiting: list[Statement]

    @classmethod
    async def opened(cls, engine: AsyncEngine) -> "GatheringConnection":
        """A connection of its own, which belongs to no pool any more."""
        connection = cls(engine)
        connection._waiting = []
        await connection.start()
        try:
            pooled = await AsyncConnection.get_raw_connection(connection)
            driver: RawConnection = cast(Any, pooled.dbapi_connection).driver_connection
            await driver.execute(_PLAN_ONCE)
            pooled.detach()
        except BaseException:
            await AsyncConnection.close(connection)
            raise
        connection._trips = RoundTrips(driver)
        return connection

    @property
    def is_of_use(self) -> bool:
        """Whether the next transaction can begin on it, as far as known without asking the server."""
        return not self._trips.has_lost_its_peer and self._trips.is_idle

    def put_off(self, statement: bytes, *parameters: str) -> None:
        """See the function of this name."""
        self._waiting.append((statement, parameters))

    async def fetch(self, statement: bytes, *parameters: str) -> Rows:
        """See the function of this name."""
        waiting, self._waiting = self._waiting, []
        return (await self._trips.run(*waiting, (statement, parameters)))[-1]

    async def commit_all(self) -> None:
        """End the transaction that it was lent for."""
        await self.fetch(b"COMMIT")
        await self._forget()

    async def roll_back_all(self) -> None:
        """Undo the transaction that it was lent for."""
        self._waiting = []
        await self._trips.connection.rollback()
        await self._forget()

    async def execute(self, *arguments: Any, **options: Any) -> CursorResult[Any]:
        await self._catch_up()
        result: CursorResult[Any] = await super().execute(*arguments, **options)
        return result

    async def get_raw_connection(self) -> PoolProxiedConnection:
        await self._catch_up()
        return await super().get_raw_connection()

    async def close(self) -> None:
        # What belongs to no pool SQLAlchemy would leave open.
        await self._trips.close()

    async def _catch_up(self) -> None:
        """Do what was put off."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            await self._trips.run(*waiting)

    async def _forget(self) -> None:
        """SQLAlchemy believes in a transaction since its first statement; for PostgreSQL it is over."""
        if self.in_transaction():
            await self.rollback()


class GatheringTransactions:
    """Lends connections that are kept, one for each transaction that runs at a time. Those that nobody has needed for
    a while are closed. At most `count` transactions run at a time; no transaction waits for one within it."""

    def __init__(self, database: Database, count: int = 4) -> None:
        self._database = database
        self._turns = asyncio.Semaphore(count)
        self._platform: list[tuple[GatheringConnection, float]] = []
        self._tenants: list[tuple[GatheringConnection, float]] = []
        self._look: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[AsyncConnection]:
        """The same as `Database.transaction`."""
        await wait_for_turn(self._turns)
        try:
            async with self._transaction() as connection:
                yield connection
        finally:
            self._turns.release()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        tenant_id = current_tenant()
        free = self._platform if tenant_id is None else self._tenants
        with translated():
            connection = await self._open(free)
            try:
                connection.put_off(b"BEGIN")
                if tenant_id not in (None, DEFAULT_TENANT):
                    connection.put_off(tenancy.BARE_NARROW, str(tenant_id))
                yield connection
                await connection.commit_all()
            except BaseException as error:
                await _undo(connection, error)
                raise
            finally:
                await self._give_back(connection, free)

    async def close(self) -> None:
        """Close those that are not in use."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        for free in (self._platform, self._tenants):
            while free:
                await free.pop()[0].close()
        await asyncio.gather(*self._closing)

    async def _open(self, free: list[tuple[GatheringConnection, float]]) -> GatheringConnection:
        while free:
            # Last in, first out: the others may end for want of use.
            connection, _ = free.pop()
            if connection.is_of_use:
                return connection
            await connection.close()
        return await GatheringConnection.opened(self._database.single_statements)

    async def _give_back(self, connection: GatheringConnection, free: list[tuple[GatheringConnection, float]]) -> None:
        if not connection.is_of_use:
            with suppress(psycopg.Error, sqlalchemy.exc.SQLAlchemyError):
                await connection.close()
            return
        free.append((connection, time.monotonic()))
        if self._look is None:
            self._look = asyncio.get_running_loop().call_later(SPARE_SECONDS, self._let_go)

    def _let_go(self) -> None:
        """Close those that were not used lately."""
        before = time.monotonic() - SPARE_SECONDS
        for free in (self._platform, self._tenants):
            spare = [connection for connection, used in free if used <= before]
            free[:] = [(connection, used) for connection, used in free if used > before]
            for connection in spare:
                task = asyncio.create_task(connection.close())
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
        is_needed = bool(self._platform or self._tenants)
        self._look = asyncio.get_running_loop().call_later(SPARE_SECONDS, self._let_go) if is_needed else None


async def _undo(connection: GatheringConnection, error: BaseException) -> None:
    is_lost = isinstance(error, psycopg.OperationalError | asyncio.CancelledError)
    if is_lost or is_stale(error):
        with suppress(psycopg.Error, sqlalchemy.exc.SQLAlchemyError):
            await connection.close()
    else:
        await connection.roll_back_all()
