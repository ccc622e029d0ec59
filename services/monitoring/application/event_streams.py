"""Streams of events to their readers: how many there may be, and how each of them ends.

A reader over HTTP/1.1 cannot tell a stream that was cut from one that is over. So each says in its last item that it
is, or why it was ended before; one without such an item was cut.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from services.kernel.errors import DomainError, ErrorKind, unavailable
from services.kernel.tenancy import owner_of_new
from services.monitoring.domain.stream import StreamItem, StreamRequest
from services.monitoring.ports import EventFeed
from services.process.shares import Shares
from services.rpc.status import describe

# Kept back from what the caller waits, for the last item.
_ANSWERING_SECONDS = 0.3
_log = logging.getLogger(__name__)


class EventStreams:
    """The use case of event streams."""

    def __init__(self, feed: EventFeed, limit: int) -> None:
        self._feed = feed
        self._shares = Shares(limit)
        self._is_closed = False
        # The waits for a next item, to be cut short in the end.
        self._waits: set[asyncio.Timeout] = set()

    @property
    def count(self) -> int:
        """How many are open."""
        return self._shares.taken

    async def close(self) -> None:
        """End every stream with an error that tells its reader to resume elsewhere."""
        self._is_closed = True
        for wait in self._waits:
            wait.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def open(
        self, request: StreamRequest, seconds: float | None = None
    ) -> AsyncIterator[AsyncIterator[StreamItem]]:
        """The items of one reader, from the moment the block begins; the last one says why there are no more.

        `seconds` is how long the reader waits for it all. Raises: QUEUE_FULL when there are too many readers, or too
        many of the caller's tenant. Every other failure is an item.
        """
        reader = owner_of_new()
        if not self._shares.take(reader):
            raise DomainError(ErrorKind.RESOURCE_EXHAUSTED, "QUEUE_FULL", "too many streams are open; try again later")
        try:
            async with AsyncExitStack() as stack:
                ends_at = _end_of(seconds)
                try:
                    items = await stack.enter_async_context(self._feed.read(request))
                except Exception as error:
                    yield _failed(request.after or 0, _described(error))
                else:
                    yield self._until_end(items, request, ends_at)
        finally:
            self._shares.give_back(reader)

    async def _until_end(
        self, items: AsyncIterator[StreamItem], request: StreamRequest, ends_at: float | None
    ) -> AsyncIterator[StreamItem]:
        cursor, events = request.after or 0, 0
        try:
            while True:
                item = await self._next(items, ends_at)
                cursor = item.cursor
                yield item
                events += item.event is not None
                if events == request.max_events > 0:
                    yield StreamItem(cursor=cursor, end=True)
                    return
        except Exception as error:
            yield StreamItem(cursor=cursor, error=_described(error))

    async def _next(self, items: AsyncIterator[StreamItem], ends_at: float | None) -> StreamItem:
        if self._is_closed:
            raise _closed()
        try:
            async with asyncio.timeout_at(ends_at) as wait:
                self._waits.add(wait)
                try:
                    return await anext(items)
                finally:
                    self._waits.discard(wait)
        except TimeoutError:
            raise (_closed() if self._is_closed else _over()) from None


def _closed() -> DomainError:
    return unavailable("the service is stopping; resume with the cursor of the last item")


def _over() -> DomainError:
    message = "the time of the call is over; resume with the cursor of the last item"
    return DomainError(ErrorKind.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", message)


def _end_of(seconds: float | None) -> float | None:
    if seconds is None:
        return None
    return asyncio.get_running_loop().time() + max(0.0, seconds - _ANSWERING_SECONDS)


def _described(error: Exception) -> DomainError:
    """What the reader is told of a failure; a fault of ours is logged here, as nobody above hears of it."""
    described = describe(error)
    if described.kind is ErrorKind.INTERNAL:
        _log.error("unhandled error", exc_info=error)
    return described


async def _failed(cursor: int, error: DomainError) -> AsyncIterator[StreamItem]:
    yield StreamItem(cursor=cursor, error=error)
