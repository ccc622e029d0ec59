"""Streams of events: resumed by cursor, narrowed at the stream, bounded in number and memory, ended with a reason."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import grpc.aio
import pytest

from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.monitoring.v1 import monitoring_service_pb2 as service_pb
from csms.monitoring.v1 import monitoring_service_pb2_grpc as monitoring_grpc
from services.kernel.errors import DomainError, ErrorKind
from services.kernel.ids import new_id
from services.messaging.event_batches import OutgoingEvent
from services.messaging.event_bus import STREAM, EventBus
from services.monitoring.adapters.feed import JetStreamFeed
from services.monitoring.application.event_streams import EventStreams
from services.monitoring.domain.stream import StreamItem, StreamRequest, stream_request
from services.rpc.status import from_rpc_error
from tests.contract.services.monitoring.conftest import publish
from tests.contract.services.monitoring.messages import (
    STATION,
    a_charge_point,
    a_connector,
    a_transaction,
    booted,
    connector_reported,
    session,
    station_changed,
)
from tests.fixtures.background import eventually, running
from tests.fixtures.nats import OwnNats
from tests.fixtures.services import RunningService

Item = service_pb.StreamEventsResponse

# The cursor behind so many messages, each read to its end.
MESSAGE = 1024
EVENTS = [
    station_changed(),
    connector_reported(a_connector(1)),
    session(a_transaction()),
    connector_reported(a_connector(1, charge_point_id="CP.2")),
    booted(a_charge_point()),
]
IDS = [event.id for event in EVENTS]


async def read(stub: monitoring_grpc.MonitoringServiceStub, **wish: object) -> list[Item]:
    call = stub.StreamEvents(service_pb.StreamEventsRequest(**wish))  # type: ignore[arg-type]
    return [item async for item in call]


async def publish_apart(bus: EventBus, *events: DomainEvent) -> None:
    """Put events on the stream, each in a message of its own."""
    for event in events:
        await publish(bus, event)


async def consumer_count(bus: EventBus) -> int:
    state = (await (await bus.ready()).stream_info(STREAM)).state
    return state.consumer_count


@asynccontextmanager
async def items_of(bus: EventBus, cursor: str, *, seconds: float = 0.3) -> AsyncIterator[AsyncIterator[StreamItem]]:
    """The items of a reader whose signs of life come often."""
    streams = EventStreams(JetStreamFeed(bus, seconds), 1)
    async with streams.open(stream_request(cursor, [], "", 0)) as items:
        yield items


async def test_a_stream_begins_with_the_next_event(
    service: RunningService, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    await publish_apart(service.bus, *EVENTS[:2])
    call = monitoring.StreamEvents(service_pb.StreamEventsRequest(max_events=2))
    # The stream is open as soon as its headers are there.
    await call.initial_metadata()
    await publish_apart(service.bus, *EVENTS[2:])
    items = [item async for item in call]
    assert [item.event.id for item in items[:2]] == IDS[2:4]
    assert items[0].event == EVENTS[2]
    assert (items[2].end, items[2].HasField("event"), items[2].HasField("error")) == (True, False, False)


async def test_a_stream_resumes_after_its_cursor(
    service: RunningService, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    await publish_apart(service.bus, *EVENTS)
    *first, end = await read(monitoring, cursor="0", max_events=2)
    *second, _ = await read(monitoring, cursor=end.cursor, max_events=3)
    assert [item.event.id for item in [*first, *second]] == IDS
    assert [int(item.cursor) for item in [*first, *second]] == [number * MESSAGE for number in range(1, 6)]


async def test_a_stream_resumes_in_the_middle_of_a_message(
    service: RunningService, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    reported = [connector_reported(a_connector(number)) for number in range(1, 6)]
    await publish(service.bus, EVENTS[0])
    await publish(service.bus, *reported)
    *first, end = await read(monitoring, cursor="0", max_events=3)
    *second, _ = await read(monitoring, cursor=end.cursor, max_events=3)
    assert [item.event.id for item in [*first, *second]] == [event.id for event in [EVENTS[0], *reported]]
    assert [int(item.cursor) - MESSAGE for item in [*first, *second]] == [0, 1, 2, 3, 4, MESSAGE]
    # Who left in the middle of a message that has gone since has missed something.
    await (await service.bus.ready()).purge_stream(STREAM, seq=3)
    [item] = await read(monitoring, cursor=end.cursor)
    assert item.error.bad_request.field_violations[0].field == "cursor"


async def test_a_reader_of_one_entity_is_given_its_events_out_of_messages_with_others(
    service: RunningService, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    reported = [connector_reported(a_connector(1, charge_point_id=name)) for name in ("CP1", "CP2", "CP1", "CP2")]
    await publish(service.bus, *reported)
    await publish(service.bus, *reported[:2])
    *items, end = await read(monitoring, cursor="0", entity_id="CP2", max_events=2)
    assert [item.event.id for item in items] == [reported[1].id, reported[3].id]
    assert int(end.cursor) == MESSAGE


async def test_a_reader_is_given_the_events_of_his_tenant_out_of_messages_with_those_of_others(
    service: RunningService,
) -> None:
    reported = [connector_reported(a_connector(number)) for number in range(1, 7)]
    for event, tenant_id in zip(reported, ("", "south", "north", "default", "south", ""), strict=True):
        event.tenant_id = tenant_id
    await publish(service.bus, *reported[:4])
    await publish(service.bus, *reported[4:])
    for tenant_id, expected in (("south", [1, 4]), ("north", [2]), ("default", [0, 3, 5])):
        stub = monitoring_grpc.MonitoringServiceStub(await service.channel("operator", tenant=tenant_id))
        *items, _ = await read(stub, cursor="0", entity_id="CP1", max_events=len(expected))
        assert [item.event.id for item in items] == [reported[number].id for number in expected]
        *again, _ = await read(stub, cursor="0", max_events=len(expected))
        assert again == items
    async with EventStreams(JetStreamFeed(service.bus), 1).open(stream_request("0", [], "", 6)) as everything:
        assert len([item async for item in everything if item.event is not None]) == 6


async def test_events_of_others_are_a_reason_for_signs_of_life(service: RunningService) -> None:
    streams = EventStreams(JetStreamFeed(service.bus, 0.3), 1)

    async def tell_on() -> None:
        while True:
            await publish(service.bus, connector_reported(a_connector(1)))

    async with running(tell_on()), streams.open(stream_request("0", [], "nobody", 0)) as items:
        signs = [await anext(items) for _ in range(3)]
    assert [(sign.event, sign.error) for sign in signs] == [(None, None)] * 3
    # Two of them can be at the same place when this machine is busy.
    assert 0 < signs[0].cursor <= signs[1].cursor <= signs[2].cursor


@pytest.mark.parametrize(
    ("wish", "positions"),
    [
        ({"nouns": ["connector"]}, [1, 3]),
        ({"nouns": ["transaction"]}, [2]),
        ({"nouns": ["session", "transaction"]}, [2]),
        ({"nouns": ["station", "charge_point"]}, [0, 4]),
        ({"entity_id": "CP1"}, [1, 2, 4]),
        ({"entity_id": "CP.2"}, [3]),
        ({"entity_id": STATION, "nouns": ["station"]}, [0]),
        ({}, [0, 1, 2, 3, 4]),
    ],
)
async def test_a_stream_is_narrowed_by_noun_and_entity(
    wish: dict[str, object],
    positions: list[int],
    service: RunningService,
    monitoring: monitoring_grpc.MonitoringServiceStub,
) -> None:
    await publish_apart(service.bus, *EVENTS)
    *items, _ = await read(monitoring, cursor="0", max_events=len(positions), **wish)
    assert [IDS.index(item.event.id) for item in items] == positions


async def test_many_events_come_in_order_and_none_twice(
    service: RunningService, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    many = [connector_reported(a_connector(number)) for number in range(1, 301)]
    await publish(service.bus, *many)
    *items, _ = await read(monitoring, cursor="0", max_events=300)
    assert [item.event.id for item in items] == [event.id for event in many]


async def test_large_events_do_not_break_a_stream(
    service: RunningService, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    large = [connector_reported(a_connector(number), info="x" * 700_000) for number in range(1, 8)]
    await publish(service.bus, *large)
    *items, _ = await read(monitoring, cursor="0", max_events=7)
    assert [item.event.id for item in items] == [event.id for event in large]


async def test_what_is_no_event_is_passed_over(
    service: RunningService, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    await service.bus.publish([OutgoingEvent(new_id(), "csms.event.x.y.z.1", b"\xff\xff")])
    await (await service.bus.ready()).publish("csms.event.x.y.z", b"\xff\xff")
    await publish(service.bus, EVENTS[0])
    first, second, end = await read(monitoring, cursor="0", max_events=2)
    assert (first.HasField("event"), first.cursor, end.end) == (False, str(MESSAGE), True)
    assert (second.event.id, second.cursor) == (IDS[0], str(3 * MESSAGE))


async def test_a_cursor_older_than_the_stream_ends_it_with_an_error(
    service: RunningService, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    await publish_apart(service.bus, *EVENTS)
    await (await service.bus.ready()).purge_stream(STREAM, seq=4)
    [item] = await read(monitoring, cursor=str(2 * MESSAGE))
    assert (item.error.info.reason, item.error.bad_request.field_violations[0].field) == ("INVALID_FIELD", "cursor")
    assert (item.error.info.domain, item.end, item.cursor) == ("csms", False, str(2 * MESSAGE))
    *items, _ = await read(monitoring, cursor=str(3 * MESSAGE), max_events=2)
    assert [item.event.id for item in items] == IDS[3:]


async def test_a_cursor_ahead_of_the_stream_ends_it_with_an_error(
    service: RunningService, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    await publish_apart(service.bus, *EVENTS)
    [item] = await read(monitoring, cursor=str(6 * MESSAGE))
    assert "ahead" in item.error.message


async def test_a_quiet_stream_shows_signs_of_life_that_move_its_cursor(service: RunningService) -> None:
    await publish_apart(service.bus, *EVENTS)
    streams = EventStreams(JetStreamFeed(service.bus, 0.3), 1)
    async with streams.open(stream_request(str(MESSAGE), ["alert"], "", 0)) as items:
        first = await anext(items)
        second = await anext(items)
    assert (first.event, first.error, first.end, first.cursor) == (None, None, False, 5 * MESSAGE)
    assert second.cursor == 5 * MESSAGE


async def test_events_after_a_quiet_time_come_at_once(service: RunningService) -> None:
    async with items_of(service.bus, "") as items:
        assert (await anext(items)).event is None
        await publish(service.bus, EVENTS[0])
        async with asyncio.timeout(5):
            while (item := await anext(items)).event is None:
                pass
    assert item.cursor == MESSAGE


async def test_there_are_only_so_many_streams(service: RunningService) -> None:
    streams = EventStreams(JetStreamFeed(service.bus), 2)
    wish = stream_request("", [], "", 0)
    async with streams.open(wish), streams.open(wish):
        with pytest.raises(DomainError) as failure:
            async with streams.open(wish):
                pass
    assert failure.value.kind is ErrorKind.RESOURCE_EXHAUSTED
    assert await consumer_count(service.bus) == 0


async def test_a_reader_who_leaves_frees_what_he_held(
    service: RunningService, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    call = monitoring.StreamEvents(service_pb.StreamEventsRequest())
    await call.initial_metadata()
    assert await consumer_count(service.bus) == 1
    call.cancel()

    async def is_freed() -> bool:
        return await consumer_count(service.bus) == 0

    await eventually(is_freed)


async def test_a_reader_who_does_not_read_is_not_waited_for_in_memory(
    service: RunningService, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    large = [connector_reported(a_connector(number), info="x" * 500_000) for number in range(1, 41)]
    await publish(service.bus, *large)
    jetstream = await service.bus.ready()
    call = monitoring.StreamEvents(service_pb.StreamEventsRequest(cursor="0"))
    assert (await anext(aiter(call))).event.id == large[0].id

    async def delivered() -> int:
        [consumer] = await jetstream.consumers_info(STREAM)
        assert consumer.delivered is not None
        return consumer.delivered.stream_seq

    async def has_stopped() -> bool:
        before = await delivered()
        await asyncio.sleep(0.3)
        return await delivered() == before

    await eventually(has_stopped)
    assert await delivered() < len(large)
    call.cancel()

    async def is_freed() -> bool:
        return await consumer_count(service.bus) == 0

    await eventually(is_freed)


async def test_an_event_bus_that_goes_away_ends_the_stream_with_an_error(own_nats: OwnNats) -> None:
    own_nats.start()
    bus = await EventBus.connect(own_nats.url, "reader")
    try:
        async with items_of(bus, "", seconds=15) as items:
            await publish(bus, EVENTS[0])
            first = await anext(items)
            own_nats.stop()
            last = await anext(items)
            assert [item async for item in items] == []
        assert (first.cursor, last.cursor) == (MESSAGE, MESSAGE)
        assert last.error is not None
        assert last.error.kind is ErrorKind.UNAVAILABLE
        # While it is away a stream says so at once, and when it is back it resumes.
        async with items_of(bus, str(MESSAGE)) as items:
            assert [item.error is not None for item in [item async for item in items]] == [True]
        own_nats.start()
        await bus.ready()
        async with items_of(bus, "0") as items:
            assert (await anext(items)).event is not None
    finally:
        await bus.close()


async def test_a_consumer_that_is_removed_ends_the_stream_with_an_error(service: RunningService) -> None:
    async with items_of(service.bus, "", seconds=15) as items:
        waiting = asyncio.ensure_future(anext(items))
        jetstream = await service.bus.ready()

        async def is_asked() -> bool:
            [consumer] = await jetstream.consumers_info(STREAM)
            return bool(consumer.num_waiting)

        await eventually(is_asked)
        [consumer] = await jetstream.consumers_info(STREAM)
        await jetstream.delete_consumer(STREAM, consumer.name)
        assert (await waiting).error is not None


@pytest.mark.parametrize(
    ("wish", "field"),
    [({"cursor": "x"}, "cursor"), ({"nouns": ["*"]}, "nouns[0]"), ({"max_events": -1}, "maxEvents")],
)
async def test_a_bad_wish_is_refused_by_its_field(
    wish: dict[str, object], field: str, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await read(monitoring, **wish)
    assert [violation.field for violation in from_rpc_error(failure.value).violations] == [field]


async def test_drivers_do_not_read_events(service: RunningService) -> None:
    stub = monitoring_grpc.MonitoringServiceStub(await service.channel("driver", driver_id=new_id()))
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await read(stub)
    assert failure.value.code() is grpc.StatusCode.PERMISSION_DENIED


class BrokenFeed:
    """A feed of which a fault of ours ends each reading after one item; before the first when it is `at_once`."""

    def __init__(self, *, at_once: bool = False) -> None:
        self._at_once = at_once

    @asynccontextmanager
    async def read(self, request: StreamRequest) -> AsyncIterator[AsyncIterator[StreamItem]]:
        if self._at_once:
            raise KeyError("a secret of ours")
        yield self._items()

    async def _items(self) -> AsyncIterator[StreamItem]:
        yield StreamItem(cursor=MESSAGE)
        raise KeyError("a secret of ours")


@pytest.mark.field_case("C18")
@pytest.mark.parametrize(("at_once", "cursors"), [(False, [MESSAGE, MESSAGE]), (True, [7])])
async def test_a_fault_of_ours_ends_the_stream_with_an_item_and_is_logged_once(
    at_once: bool, cursors: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    streams = EventStreams(BrokenFeed(at_once=at_once), 1)
    async with streams.open(stream_request("7", [], "", 0)) as items:
        found = [item async for item in items]
    assert [item.cursor for item in found] == cursors
    last = found[-1].error
    assert last is not None
    assert (last.kind, last.message) == (ErrorKind.INTERNAL, "internal error")
    assert [record.exc_info is not None for record in caplog.records if record.levelname == "ERROR"] == [True]


@pytest.mark.field_case("C18")
async def test_a_stream_says_so_before_the_time_of_its_call_is_over(
    service: RunningService, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    await publish_apart(service.bus, EVENTS[0])
    call = monitoring.StreamEvents(service_pb.StreamEventsRequest(cursor="0"), timeout=2.0)
    items = [item async for item in call]
    assert await call.code() is grpc.StatusCode.OK
    assert items[0].event.id == IDS[0]
    assert (items[-1].error.info.reason, items[-1].cursor) == ("DEADLINE_EXCEEDED", str(MESSAGE))
