"""Several statements in one round trip: written at once, answered at once.

The driver's pipeline writes each statement by itself, waits before each until it may, and wakes the server with each.
The libpq below it gathers what is sent until it is told to flush. Knows no statement.
"""

import asyncio
import os
import select
from collections.abc import Generator, Iterator, Sequence
from itertools import count
from typing import Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

from services.postgres.database import RawConnection, is_stale, peer_has_closed

Statement = tuple[bytes, Sequence[str]]
"""SQL with a `%s` for each of its parameters, and these as PostgreSQL writes them."""
Rows = list[tuple[Any, ...]]

# Some texts name days: in time they would be too many.
_MOST_PREPARED = 100
_DONE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
_CANCEL_SECONDS = 5.0
_LOOK_SECONDS = 1.0


class RoundTrips:
    """Runs statements on a connection that nobody else uses meanwhile; each is prepared when it comes first.

    The connection may be used beside it as the driver offers, `prepare` aside: from now on nothing is prepared on it
    but here. The driver would deallocate what others have prepared along with its own, after any rollback.
    """

    def __init__(self, connection: RawConnection) -> None:
        connection.prepare_threshold = None
        self.connection = connection
        self._watch = _Watch()
        self._transformer = Transformer(connection)
        self._names: dict[bytes, bytes] = {}
        self._numbers = count(1)

    def let_go(self) -> None:
        """Keep nothing of the connection, which is closed by somebody else."""
        self._watch.stop()

    @property
    def has_lost_its_peer(self) -> bool:
        """Whether the connection is of no use any more, as far as known without asking the server."""
        return peer_has_closed(self.connection)

    @property
    def is_idle(self) -> bool:
        """Whether the connection waits for what it is told next, outside of any transaction."""
        return self.connection.pgconn.transaction_status == TransactionStatus.IDLE

    async def run(self, *statements: Statement) -> list[Rows]:
        """The rows of each statement. One transaction, unless the statements or those before them say otherwise.

        When a table has changed since they were prepared, they are prepared anew and run again; that is possible unless
        a transaction was open before.

        Raises: the psycopg.Error of the first that fails; those after it have not been run.
        """
        if any("\0" in parameter for _, parameters in statements for parameter in parameters):
            raise psycopg.DataError("PostgreSQL text cannot contain NUL")
        if len(self._names) >= _MOST_PREPARED:
            await self._forget()
        may_repeat = self.is_idle
        try:
            return await self._run(statements)
        except psycopg.Error as error:
            if not (may_repeat and is_stale(error)):
                raise
        await self.connection.rollback()
        await self._forget()
        return await self._run(statements)

    async def close(self) -> None:
        """Close the connection."""
        self.let_go()
        await self.connection.close()

    async def _run(self, statements: Sequence[Statement]) -> list[Rows]:
        pgconn = self.connection.pgconn
        pgconn.enter_pipeline_mode()
        try:
            fresh = self._send(pgconn, statements)
            results = await self._wait(pgconn)
        finally:
            if pgconn.status != ConnStatus.BAD:
                pgconn.exit_pipeline_mode()
        return list(self._rows(results, statements, fresh))

    async def _wait(self, pgconn: PGconn) -> Iterator[PGresult]:
        if pgconn.flush():
            # The driver can also wait for room to write what is left.
            return await self.connection.wait(_results(pgconn))
        steps = _results(pgconn)
        try:
            next(steps)
            while True:
                await self._watch.readable(pgconn.socket)
                steps.send(Ready.R)
        except StopIteration as end:
            results: Iterator[PGresult] = end.value
            return results
        except asyncio.CancelledError:
            self._watch.stop()
            await self._give_up(pgconn)
            raise
        except BaseException:
            # The library may have closed the socket: ours would keep it open.
            self._watch.stop()
            raise

    async def _give_up(self, pgconn: PGconn) -> None:
        """End what nobody waits for any more, as the driver does; a connection that does not come to rest is closed."""
        try:
            await self.connection.cancel_safe(timeout=_CANCEL_SECONDS)
            await self.connection.wait(_results(pgconn), timeout=_CANCEL_SECONDS)
        except psycopg.Error:
            await self.connection.close()

    async def _forget(self) -> None:
        await self.connection.execute(b"DEALLOCATE ALL")
        self._names.clear()

    def _send(self, pgconn: PGconn, statements: Sequence[Statement]) -> dict[bytes, bytes]:
        """Gather the statements; the names of those that are prepared with it."""
        fresh: dict[bytes, bytes] = {}
        for query, parameters in statements:
            name = self._names.get(query) or fresh.get(query)
            if name is None:
                name = fresh[query] = b"lane_%d" % next(self._numbers)
                pgconn.send_prepare(name, _numbered(query))
            pgconn.send_query_prepared(name, [parameter.encode() for parameter in parameters])
        pgconn.pipeline_sync()
        return fresh

    def _rows(
        self, results: Iterator[PGresult], statements: Sequence[Statement], fresh: dict[bytes, bytes]
    ) -> Iterator[Rows]:
        for query, _ in statements:
            if query in fresh:
                self._check(next(results))
                self._names[query] = fresh.pop(query)
            result = next(results)
            self._check(result)
            self._transformer.set_pgresult(result)
            yield self._transformer.load_rows(0, result.ntuples, tuple)

    def _check(self, result: PGresult) -> None:
        if result.status not in _DONE:
            raise psycopg.errors.error_from_result(result, self.connection.info.encoding)


class _Watch:
    """Tells when a socket can be read. The event loop is asked once: to ask it before each wait, and to take it back
    after, takes several calls of the system.

    It is asked by a number of our own for the socket: the driver asks by the socket's, when the connection is used
    beside us, and what it takes back would be ours.
    """

    def __init__(self) -> None:
        self._socket: int | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._look: asyncio.TimerHandle | None = None

    async def readable(self, socket: int) -> None:
        loop = asyncio.get_running_loop()
        if self._socket is None:
            self._socket = os.dup(socket)
            loop.add_reader(self._socket, self._ring)
        if self._look is None:
            self._look = loop.call_later(_LOOK_SECONDS, self._look_itself)
        self._waiter = loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def stop(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            os.close(self._socket)
            self._socket = None

    def _ring(self) -> None:
        if self._waiter is None:
            # The server answers somebody else, or says something by itself; that stays there until it is read.
            self.stop()
        elif not self._waiter.done():
            self._waiter.set_result(None)

    def _look_itself(self) -> None:
        """The event loop (uvloop) says nothing of a socket whose peer has refused what was sent, nor ever again."""
        self._look = None
        if self._socket is not None and self._waiter is not None:
            poll = select.poll()
            poll.register(self._socket, select.POLLIN)
            if poll.poll(0):
                self._ring()
            self._look = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look_itself)


def _results(pgconn: PGconn) -> Generator[Wait, Ready | int | None, Iterator[PGresult]]:
    """Send what is gathered, and read all results until the synchronisation; None is no news, as psycopg has it."""
    while pgconn.flush():
        if ((yield Wait.RW) or 0) & Ready.R:
            pgconn.consume_input()
    results: list[PGresult] = []
    is_between = False
    while True:
        while pgconn.is_busy():
            if (yield Wait.R):
                pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            if is_between:
                raise psycopg.OperationalError("the connection is lost")
        elif result.status == ExecStatus.PIPELINE_SYNC:
            return iter(results)
        else:
            results.append(result)
        is_between = result is None


def _numbered(query: bytes) -> bytes:
    """The query with its parameters as PostgreSQL names them."""
    first, *others = query.split(b"%s")
    return first + b"".join(b"$%d%s" % numbered for numbered in zip(count(1), others, strict=False))
