"""Streams of events to their readers: how many there may be, and how each of them ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from services.kernel.errors import DomainError, ErrorKind, unavailable
from services.monitoring.domain.stream import StreamItem, StreamRequest
from services.monitoring.ports import EventFeed


class EventStreams:
    """The use case of event streams."""

    def __init__(self, feed: EventFeed, limit: int) -> None:
        self._feed = feed
        self._limit = limit
        self._count = 0
        self._is_closed = False
        # The waits for a next item, to be cut short in the end.
        self._waits: set[asyncio.Timeout] = set()

    @property
    def count(self) -> int:
        """How many are open."""
        return self._count

    async def close(self) -> None:
        """End every stream with an error that tells its reader to resume elsewhere."""
        self._is_closed = True
        for wait in self._waits:
            wait.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def open(self, request: StreamRequest) -> AsyncIterator[AsyncIterator[StreamItem]]:
        """The items of one reader, from the moment the block begins; the last one says why there are no more.

        Raises: QUEUE_FULL when there are too many readers. Every other failure is an item.
        """
        if self._count >= self._limit:
            raise DomainError(ErrorKind.RESOURCE_EXHAUSTED, "QUEUE_FULL", "too many streams are open; try again later")
        self._count += 1
        try:
            async with AsyncExitStack() as stack:
                try:
                    items = await stack.enter_async_context(self._feed.read(request))
                except DomainError as error:
                    yield _failed(request.after or 0, error)
                else:
                    yield self._until_end(items, request)
        finally:
            self._count -= 1

    async def _until_end(self, items: AsyncIterator[StreamItem], request: StreamRequest) -> AsyncIterator[StreamItem]:
        cursor, events = request.after or 0, 0
        try:
            while True:
                item = await self._next(items)
                cursor = item.cursor
                yield item
                events += item.event is not None
                if events == request.max_events > 0:
                    yield StreamItem(cursor=cursor, end=True)
                    return
        except DomainError as error:
            yield StreamItem(cursor=cursor, error=error)

    async def _next(self, items: AsyncIterator[StreamItem]) -> StreamItem:
        if self._is_closed:
            raise _closed()
        try:
            async with asyncio.timeout(None) as wait:
                self._waits.add(wait)
                try:
                    return await anext(items)
                finally:
                    self._waits.discard(wait)
        except TimeoutError:
            raise _closed() from None


def _closed() -> DomainError:
    return unavailable("the service is stopping; resume with the cursor of the last item")


async def _failed(cursor: int, error: DomainError) -> AsyncIterator[StreamItem]:
    yield StreamItem(cursor=cursor, error=error)
