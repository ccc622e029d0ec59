"""The way into PostgreSQL: pools, transactions, and the translation of driver errors.

Knows no table. A block that fails because the database is away, overloaded or asks to try again raises
DatabaseUnavailable; violated constraints pass unchanged, to be told apart by name with `constraint_of`.
"""

import asyncio
import select
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
import sqlalchemy.engine
import sqlalchemy.exc
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import URL, event, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from services.kernel.errors import DomainError, ErrorKind
from services.kernel.tenancy import DEFAULT_TENANT, current_tenant
from services.postgres import tenancy
from services.postgres.spare_connections import SpareConnections

RawConnection = psycopg.AsyncConnection[tuple[Any, ...]]

# A caller's deadline is 5 s by default: waiting longer for a connection than that helps nobody.
ACQUIRE_SECONDS = 5
_PING_SECONDS = 2
# A connection that nobody has needed for so long is closed.
SPARE_SECONDS = 20
_SESSION = {
    "connect_timeout": 5,
    # Without it a connection whose peer has vanished blocks its caller for some 15 minutes.
    "tcp_user_timeout": 10_000,
    "options": "-c timezone=UTC -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s",
}
# Connection lost, insufficient resources, operator intervention, lock not available, serialization failure, deadlock.
_TRY_AGAIN_STATES = ("08", "53", "57P", "55P03", "40001", "40P01")
_QUERY_CANCELED = "57014"
# A statement that was prepared before a column of its result changed its type, or that is not there any more.
_STALE_PLAN, _NO_SUCH_STATEMENT = "RevalidateCachedQuery", "26000"


class DatabaseUnavailable(DomainError):
    """The database is away, restarting, out of connections or space, met a deadlock, or was changed under a connection;
    trying again may help."""

    def __init__(self) -> None:
        super().__init__(ErrorKind.UNAVAILABLE, "UNAVAILABLE", "the database does not answer; try again later")


class Database:
    """One database of one service, for one event loop.

    What is done for a tenant (see kernel.tenancy) goes over connections of their own, on which PostgreSQL keeps it to
    the rows of that tenant; only `raw` and `raw_transaction` are the platform's, whoever asks.

    `url` is a PostgreSQL URL, with or without `+psycopg`. Connections are opened when first needed, so that a process
    starts while its database is away. Replicas share one server: a process holds at most
    twice `pool_size + overflow`, and `raw_pool_size`, connections besides those of `raw()`; those that it
    does not need it closes after a while, as long as somebody pings.
    Those of `overflow` are closed after each use: with many callers at a time that costs more than what they ask.
    """

    def __init__(self, url: str, *, pool_size: int = 10, overflow: int = 0, raw_pool_size: int = 4) -> None:
        parsed = make_url(url)
        session = {**_SESSION, "application_name": parsed.database or "csms"}
        sizes = (pool_size, overflow)
        self._platform = _Engines(parsed, session, *sizes)
        options = f"{session['options']} {tenancy.CONNECTION_OPTIONS}"
        self._tenants = _Engines(parsed, {**session, "options": options}, *sizes)
        self._conninfo = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
        self._session: dict[str, Any] = session
        self._raw_pool_size = raw_pool_size
        self._raw_pool: AsyncConnectionPool[RawConnection] | None = None
        self._spare_looked_at = time.monotonic()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A read-write transaction: committed when the block ends, rolled back when it raises."""
        with translated():
            async with self._engines().writing.begin() as connection:
                await _narrow(connection)
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A read-only transaction: PostgreSQL refuses a write in it."""
        with translated():
            async with self._engines().reading.connect() as connection:
                await _narrow(connection)
                yield connection

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[AsyncConnection]:
        """A connection without a transaction, for use cases that only read: two round trips less.

        Each statement sees what is committed when it begins, as it does in `transaction`; one that wrote would be
        committed by itself.
        """
        if current_tenant() not in (None, DEFAULT_TENANT):
            # Its name is set for a transaction.
            async with self.transaction() as connection:
                yield connection
            return
        with translated():
            async with self._engines().statements.connect() as connection:
                yield connection

    @asynccontextmanager
    async def raw_transaction(self) -> AsyncIterator[RawConnection]:
        """The same as `transaction` on the bare driver, for COPY and executemany on hot paths.

        Its pool is its own and small, so that a group commit never waits behind lists and reports.
        """
        with translated():
            pool = await self._open_raw_pool()
            async with pool.connection() as connection:
                yield connection

    @asynccontextmanager
    async def raw(self, **parameters: str) -> AsyncIterator[RawConnection]:
        """A dedicated connection in autocommit mode, closed at the end: for session locks and the like.

        `parameters` are PostgreSQL's, for this session.
        """
        with translated():
            async with await self.connect(**parameters) as connection:
                yield connection

    async def connect(self, **parameters: str) -> RawConnection:
        """The same, to be closed by who asks. Raises: psycopg.Error."""
        options = " ".join([self._session["options"], *(f"-c {name}={value}" for name, value in parameters.items())])
        return await RawConnection.connect(self._conninfo, autocommit=True, **{**self._session, "options": options})

    @property
    def single_statements(self) -> AsyncEngine:
        """What makes connections in autocommit mode, for who does what is current work: the platform's or a tenant's.
        For gathering.py."""
        return self._engines().statements

    async def ping(self) -> None:
        """Raises DatabaseUnavailable unless the database answers within two seconds."""
        try:
            # Without a transaction: after a rollback the driver forgets all that it has prepared on the connection.
            async with asyncio.timeout(_PING_SECONDS), self.statements() as connection:
                await connection.execute(text("SELECT 1"))
        except TimeoutError as error:
            raise DatabaseUnavailable from error
        if time.monotonic() - self._spare_looked_at >= SPARE_SECONDS:
            self._spare_looked_at = time.monotonic()
            for engines in (self._platform, self._tenants):
                await engines.spare.let_go()

    async def close(self) -> None:
        """Close every pooled connection. Blocks still open keep theirs until they end."""
        if self._raw_pool is not None:
            await self._raw_pool.close()
            self._raw_pool = None
        await self._platform.writing.dispose()
        await self._tenants.writing.dispose()

    def _engines(self) -> "_Engines":
        return self._platform if current_tenant() is None else self._tenants

    async def _open_raw_pool(self) -> AsyncConnectionPool[RawConnection]:
        if self._raw_pool is None:
            # No await between the test and the assignment: two first users get the same pool.
            self._raw_pool = AsyncConnectionPool(
                self._conninfo,
                connection_class=RawConnection,
                kwargs=self._session,
                min_size=1,
                max_size=self._raw_pool_size,
                max_idle=SPARE_SECONDS,
                timeout=ACQUIRE_SECONDS,
                check=_raise_if_closed,
                open=False,
            )
        await self._raw_pool.open()
        return self._raw_pool


class _Engines:
    """One pool of connections, and three ways to use it: they write in a transaction, read in one, or use none."""

    def __init__(self, url: URL, session: dict[str, Any], pool_size: int, overflow: int) -> None:
        self.writing: AsyncEngine = create_async_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args=session,
            # Error texts end up in logs; what callers sent, passwords among it, must not.
            hide_parameters=True,
            pool_size=pool_size,
            max_overflow=overflow,
            pool_timeout=ACQUIRE_SECONDS,
            # The one used last: what it has prepared and looked up is there. In turns, statements that come now and
            # then would be planned anew each time.
            pool_use_lifo=True,
        )
        self.reading = self.writing.execution_options(postgresql_readonly=True)
        self.statements = self.writing.execution_options(isolation_level="AUTOCOMMIT")
        event.listen(self.writing.sync_engine, "checkout", _refuse_closed)
        self.spare = SpareConnections(self.writing)
        event.listen(self.writing.sync_engine, "handle_error", _give_up_stale)


async def _narrow(connection: AsyncConnection) -> None:
    """Name the tenant that the transaction is for, unless its connection does already."""
    tenant_id = current_tenant()
    if tenant_id not in (None, DEFAULT_TENANT):
        await connection.execute(text(tenancy.NARROW), {"tenant": tenant_id})


async def wait_for_turn(turns: asyncio.Semaphore) -> None:
    """Take one of the turns, to be released. Raises: DatabaseUnavailable after waiting as long as for a connection."""
    if not turns.locked():
        # Does not wait, and needs no clock.
        await turns.acquire()
        return
    try:
        async with asyncio.timeout(ACQUIRE_SECONDS):
            await turns.acquire()
    except TimeoutError as error:
        raise DatabaseUnavailable from error


async def bare(connection: AsyncConnection) -> RawConnection:
    """The bare driver beneath a connection, within the same transaction: for statements that take many rows."""
    # Not the pool's word for it: a connection that belongs to no pool any more has one, too.
    adapted: Any = (await connection.get_raw_connection()).dbapi_connection
    if adapted is None:
        raise DatabaseUnavailable
    driver: RawConnection = adapted.driver_connection
    return driver


def constraint_of(error: BaseException) -> str | None:
    """The name of the constraint that an IntegrityError (of SQLAlchemy or psycopg) broke; None for anything else."""
    cause = error.orig if isinstance(error, sqlalchemy.exc.IntegrityError) else error
    return cause.diag.constraint_name if isinstance(cause, psycopg.IntegrityError) else None


def is_stale(error: BaseException | None) -> bool:
    """Whether a statement failed because of what its connection had prepared before a table was changed (PostgreSQL:
    "cached plan must not change result type"). Prepared anew, or on another connection, it works."""
    if not isinstance(error, psycopg.Error):
        return False
    # Of its words, which come in the server's language, none says more than "not supported".
    return error.sqlstate == _NO_SUCH_STATEMENT or error.diag.source_function == _STALE_PLAN


@contextmanager
def translated() -> Iterator[None]:
    """What goes wrong on a connection within the block is raised as this module says."""
    try:
        yield
    except (sqlalchemy.exc.DBAPIError, sqlalchemy.exc.TimeoutError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
        if isinstance(cause, psycopg.Error) and cause.sqlstate == _QUERY_CANCELED:
            raise DomainError(
                ErrorKind.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "the database took too long to answer"
            ) from error
        if _may_pass(cause):
            raise DatabaseUnavailable from error
        raise


def _may_pass(cause: BaseException | None) -> bool:
    if isinstance(cause, sqlalchemy.exc.TimeoutError | psycopg.InterfaceError) or is_stale(cause):
        return True
    if isinstance(cause, psycopg.OperationalError):
        # A connection that breaks (or was never made) leaves no state behind.
        return cause.sqlstate is None or cause.sqlstate.startswith(_TRY_AGAIN_STATES)
    return False


def _refuse_closed(dbapi_connection: Any, _record: object, _proxy: object) -> None:
    if peer_has_closed(dbapi_connection.driver_connection):
        # Whatever ended this one (a restart, most likely) ended its neighbours in the pool as well.
        raise sqlalchemy.exc.InvalidatePoolError


def _give_up_stale(context: sqlalchemy.engine.ExceptionContext) -> None:
    if is_stale(context.original_exception):
        # The others of the pool have prepared the same: all are made anew, not each after a failure of its own.
        context.is_disconnect = True


async def _raise_if_closed(connection: RawConnection) -> None:
    if peer_has_closed(connection):
        # The pool would take an open one back and hand it out again.
        await connection.close()
        raise psycopg.OperationalError("the server closed the connection")


def peer_has_closed(connection: RawConnection | psycopg.Connection[Any]) -> bool:
    """Tell, without a round trip, whether the server has ended an idle connection.

    An idle connection has nothing to read; if there is something it is the server's goodbye or the end of the stream.
    """
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
