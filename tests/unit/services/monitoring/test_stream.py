"""Event streams: what a reader may ask for, how many there may be, and how they end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from services.kernel.errors import DomainError, ErrorKind, unavailable
from services.kernel.tenancy import as_tenant
from services.monitoring.application.event_streams import EventStreams
from services.monitoring.domain.stream import StreamItem, StreamRequest, stream_request


def request(cursor: str = "", max_events: int = 0) -> StreamRequest:
    return stream_request(cursor, [], "", max_events)


class ListedFeed:
    """Satisfies ports.EventFeed with items known beforehand; then it fails."""

    def __init__(self, items: Sequence[StreamItem]) -> None:
        self._items = items

    @asynccontextmanager
    async def read(self, request: StreamRequest) -> AsyncIterator[AsyncIterator[StreamItem]]:
        if request.after == 13:
            raise unavailable("no stream")
        yield self._listed()

    async def _listed(self) -> AsyncIterator[StreamItem]:
        for item in self._items:
            yield item
        raise unavailable("lost")


EVENTS = ListedFeed(
    [StreamItem(cursor=1, event=b"a"), StreamItem(cursor=3), StreamItem(cursor=4, event=b"b"), StreamItem(cursor=5)]
)


async def read(streams: EventStreams, expected: StreamRequest) -> list[StreamItem]:
    async with streams.open(expected) as items:
        return [item async for item in items]


@pytest.mark.parametrize(("cursor", "after"), [("", None), ("0", 0), ("17", 17), (str(2**63 - 1), 2**63 - 1)])
def test_a_cursor_is_a_place_in_the_stream(cursor: str, after: int | None) -> None:
    assert request(cursor).after == after


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (("x", [], "", 0), "cursor"),
        (("-1", [], "", 0), "cursor"),
        (("²", [], "", 0), "cursor"),
        ((str(2**63), [], "", 0), "cursor"),
        (("", ["Transaction"], "", 0), "nouns"),
        (("", [">"], "", 0), "nouns"),
        (("", ["a"] * 21, "", 0), "nouns"),
        (("", [], "x" * 101, 0), "entityId"),
        (("", [], "\0", 0), "entityId"),
        (("", [], "", -1), "maxEvents"),
    ],
)
def test_what_no_stream_can_give_is_refused(asked: tuple[str, list[str], str, int], field: str) -> None:
    with pytest.raises(DomainError) as failure:
        stream_request(*asked)
    assert [violation.field for violation in failure.value.violations] == [field]


async def test_a_stream_ends_after_so_many_events() -> None:
    items = await read(EventStreams(EVENTS, 1), request(max_events=2))
    assert [(item.cursor, item.event, item.end) for item in items] == [
        (1, b"a", False),
        (3, None, False),
        (4, b"b", False),
        (4, None, True),
    ]


async def test_the_last_item_says_what_went_wrong_and_where_to_resume() -> None:
    *_, last = await read(EventStreams(EVENTS, 1), request())
    assert (last.cursor, last.end) == (5, False)
    assert last.error is not None
    assert last.error.kind is ErrorKind.UNAVAILABLE


async def test_a_stream_that_cannot_begin_says_so_in_its_only_item() -> None:
    streams = EventStreams(EVENTS, 1)
    [item] = await read(streams, request("13"))
    assert (item.cursor, item.error is None) == (13, False)
    assert streams.count == 0


async def test_there_are_only_so_many_streams_at_once() -> None:
    streams = EventStreams(EVENTS, 1)
    async with streams.open(request()):
        with pytest.raises(DomainError) as failure:
            await read(streams, request())
        assert failure.value.kind is ErrorKind.RESOURCE_EXHAUSTED
    assert await read(streams, request(max_events=1))
    assert streams.count == 0


async def test_one_tenant_leaves_streams_to_others() -> None:
    streams = EventStreams(EVENTS, 5)
    async with AsyncExitStack() as stack:
        with as_tenant("north"):
            for _ in range(4):
                await stack.enter_async_context(streams.open(request()))
            with pytest.raises(DomainError):
                await stack.enter_async_context(streams.open(request()))
        with as_tenant("south"):
            assert await read(streams, request(max_events=1))
        assert streams.count == 4
    assert streams.count == 0


class EndlessFeed(ListedFeed):
    """Satisfies ports.EventFeed with one item; then nothing happens."""

    async def _listed(self) -> AsyncIterator[StreamItem]:
        yield self._items[0]
        await asyncio.Event().wait()


async def test_a_service_that_stops_ends_its_streams_with_a_reason() -> None:
    streams = EventStreams(EndlessFeed([StreamItem(cursor=1, event=b"a")]), 2)
    waiting, slow = asyncio.create_task(read(streams, request())), request()
    async with streams.open(slow) as items:
        assert (await anext(items)).cursor == 1
        await asyncio.sleep(0)
        await streams.close()
        # One who was not waiting for an item hears of it when he asks for the next.
        rest = [item async for item in items]
    for last in (rest[-1], (await waiting)[-1]):
        assert last.error is not None
        assert (last.cursor, last.error.kind) == (1, ErrorKind.UNAVAILABLE)
    assert streams.count == 0
