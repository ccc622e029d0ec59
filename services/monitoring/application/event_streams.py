"""Streams of events to their readers: how many there may be, and how each of them ends."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from services.kernel.errors import DomainError, ErrorKind
from services.monitoring.domain.stream import StreamItem, StreamRequest
from services.monitoring.ports import EventFeed


class EventStreams:
    """The use case of event streams."""

    def __init__(self, feed: EventFeed, limit: int) -> None:
        self._feed = feed
        self._limit = limit
        self._count = 0

    @property
    def count(self) -> int:
        """How many are open."""
        return self._count

    async def read(self, request: StreamRequest) -> AsyncIterator[StreamItem]:
        """The items of one reader; the last one says why there are no more.

        Raises: QUEUE_FULL when there are too many readers, UNAVAILABLE when the events cannot be had at all.
        """
        if self._count >= self._limit:
            raise DomainError(ErrorKind.RESOURCE_EXHAUSTED, "QUEUE_FULL", "too many streams are open; try again later")
        self._count += 1
        try:
            async with aclosing(self._items(request)) as items:
                async for item in items:
                    yield item
        finally:
            self._count -= 1

    async def _items(self, request: StreamRequest) -> AsyncIterator[StreamItem]:
        cursor, events = request.after or 0, 0
        try:
            async with self._feed.read(request) as items:
                async for item in items:
                    cursor = item.cursor
                    yield item
                    events += item.event is not None
                    if events == request.max_events > 0:
                        yield StreamItem(cursor=cursor, end=True)
                        return
        except DomainError as error:
            yield StreamItem(cursor=cursor, error=error)
