import asyncio
from collections.abc import AsyncIterator

import pytest

from services.messaging import event_bus
from services.messaging.event_batches import OutgoingEvent, unpack
from services.messaging.event_bus import EventBus, LiveMessage
from services.process import metrics
from tests.fixtures.background import eventually
from tests.fixtures.nats import OwnNats


async def test_live_messages_reach_those_who_listen(bus: EventBus, nats_url: str) -> None:
    other = await EventBus.connect(nats_url)
    async with other.subscribe_live("csms.live.meter.*", "csms.live.status.>") as messages:
        await bus.publish_live("csms.live.meter.CP1", b"1")
        await bus.publish_live("csms.live.other.CP1", b"2")
        await bus.publish_live("csms.live.status.CP1.2", b"3")
        received = [await _next(messages), await _next(messages)]
    expected = [LiveMessage("csms.live.meter.CP1", b"1"), LiveMessage("csms.live.status.CP1.2", b"3")]
    # Subscriptions keep no order among each other.
    assert sorted(received, key=lambda message: message.payload) == expected
    await other.close()


async def test_domain_events_can_be_listened_to_live(bus: EventBus) -> None:
    async with bus.subscribe_live("csms.event.driver.card.*") as messages:
        reported = [
            OutgoingEvent(str(number), f"csms.event.driver.card.{verb}.A%2EB", str(number).encode())
            for number, verb in enumerate(("changed", "deleted", "changed"))
        ]
        assert await bus.publish(reported) == [True, True, True]
        received = [await _next(messages), await _next(messages)]
    assert [(message.subject, unpack(message.payload)) for message in received] == [
        ("csms.event.driver.card.changed", [b"0", b"2"]),
        ("csms.event.driver.card.deleted", [b"1"]),
    ]


async def test_events_that_no_stream_takes_are_not_held_to_be_published(bus: EventBus) -> None:
    subjects = ["csms.event.a.b.c.1", "csms.other.a.b.c.2", "csms.event.a.b.c.3", "csms.event.d.e.f.4"]
    reported = [OutgoingEvent(subject, subject, b"") for subject in subjects]
    assert await bus.publish(reported) == [True, False, True, True]


async def test_a_slow_listener_loses_what_it_has_no_room_for(bus: EventBus) -> None:
    async def lost() -> bool:
        return metrics.counter("csms_live_messages_dropped_total", "").value == before + 3

    before = metrics.counter("csms_live_messages_dropped_total", "").value
    async with bus.subscribe_live("csms.live.x", limit=2) as messages:
        for number in range(5):
            await bus.publish_live("csms.live.x", str(number).encode())
        await eventually(lost)
        assert [(await _next(messages)).payload, (await _next(messages)).payload] == [b"0", b"1"]


async def test_live_messages_are_dropped_while_the_server_is_away(own_nats: OwnNats) -> None:
    bus = EventBus(own_nats.url)
    await bus.publish_live("csms.live.x", b"never connected")
    own_nats.start()
    await bus.ready()
    async with bus.subscribe_live("csms.live.x") as messages:
        own_nats.stop()
        await eventually(lambda: _is_away(bus))
        await bus.publish_live("csms.live.x", b"away")
        own_nats.start()
        await bus.ready()
        await bus.publish_live("csms.live.x", b"back")
        assert (await _next(messages)).payload == b"back"
    await bus.close()


async def test_who_begins_to_listen_while_the_server_goes_away_waits_for_it(own_nats: OwnNats) -> None:
    own_nats.start()
    bus = await EventBus.connect(own_nats.url)
    # The bus learns of it only when it asks the server for what it has subscribed to.
    own_nats.stop()
    listening = asyncio.create_task(_first(bus, "csms.live.x"))
    await eventually(lambda: _is_away(bus))
    own_nats.start()
    async with asyncio.timeout(30):
        while not listening.done():
            await bus.publish_live("csms.live.x", b"back")
            await asyncio.wait({listening}, timeout=0.1)
    assert listening.result() == LiveMessage("csms.live.x", b"back")
    await bus.close()


async def test_a_live_message_may_not_enter_the_event_stream(bus: EventBus) -> None:
    with pytest.raises(ValueError, match="belongs to the event stream"):
        await bus.publish_live("csms.event.driver.card.changed.x", b"")


async def test_a_bus_waits_for_its_server(own_nats: OwnNats) -> None:
    connecting = asyncio.create_task(EventBus.connect(own_nats.url))
    await asyncio.sleep(0)
    assert not connecting.done()
    own_nats.start()
    async with asyncio.timeout(10):
        bus = await connecting
    assert bus.is_ready
    await bus.close()
    assert not bus.is_ready


async def test_a_bus_knows_several_servers(own_nats: OwnNats) -> None:
    own_nats.start()
    async with asyncio.timeout(10):
        bus = await EventBus.connect(f"nats://127.0.0.1:1, {own_nats.url}")
    assert await bus.publish([OutgoingEvent("1", "csms.event.a.b.c.d", b"")]) == [True]
    await bus.close()


async def test_a_stream_that_is_there_is_left_as_it_is(bus: EventBus, nats_url: str) -> None:
    jetstream = await bus.ready()
    config = (await jetstream.stream_info(event_bus.STREAM)).config
    await jetstream.update_stream(config.evolve(max_age=3600))
    another = await EventBus.connect(nats_url)
    await another.close()
    assert (await jetstream.stream_info(event_bus.STREAM)).config.max_age == 3600


async def _next(messages: AsyncIterator[LiveMessage]) -> LiveMessage:
    async with asyncio.timeout(10):
        return await anext(messages)


async def _first(bus: EventBus, subject: str) -> LiveMessage:
    async with bus.subscribe_live(subject) as messages:
        return await anext(messages)


async def _is_away(bus: EventBus) -> bool:
    return not bus.is_ready
