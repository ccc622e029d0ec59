import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms.event.v1.domain_event_pb2 import DomainEvent
from services.kernel.errors import unavailable
from services.messaging.event_batches import OutgoingEvent
from services.messaging.event_bus import EventBus
from services.messaging.inbox import Handler, consume, consume_batches
from services.messaging.outbox import OutboxRelay
from services.postgres.database import Database
from services.process import tracing
from tests.fixtures.background import eventually, running
from tests.fixtures.nats import OwnNats
from tests.fixtures.otlp import Receiver
from tests.fixtures.sample.events import ALL, append, apply, effects, event_about, parked

CONSUMER = "sample-effects"


class Faulty:
    """A handler that leaves its trace and then fails as often as `failures` tells for an entity."""

    def __init__(self, failures: dict[str, int], error: type[Exception] | Exception = RuntimeError) -> None:
        self.calls: Counter[str] = Counter()
        self._failures = failures
        self._error = error

    async def __call__(self, connection: AsyncConnection, event: DomainEvent) -> None:
        await apply(connection, event)
        entity = event.token_changed.token.value
        self.calls[entity] += 1
        if self.calls[entity] <= self._failures.get(entity, 0):
            raise self._error


async def _consume(bus: EventBus, database: Database, handler: Handler = apply, attempts: int = 10) -> None:
    await consume(bus, database, CONSUMER, [ALL], handler, attempts=attempts, first_delay_seconds=0.01)


async def _all_effects(database: Database, *entities: str) -> None:
    async def happened() -> bool:
        return len(await effects(database)) >= len(entities)

    await eventually(happened)
    assert await effects(database) == sorted(entities)


async def _all_acknowledged(bus: EventBus) -> None:
    jetstream = await bus.ready()

    async def acknowledged() -> bool:
        info = await jetstream.consumer_info("CSMS_EVENTS", CONSUMER)
        return (info.num_pending, info.num_ack_pending) == (0, 0)

    await eventually(acknowledged)


async def test_every_event_has_its_effect(database: Database, bus: EventBus) -> None:
    names = [f"e{number:03d}" for number in range(150)]
    await append(database, *names)
    async with running(OutboxRelay(database, bus).run(), _consume(bus, database)):
        await _all_effects(database, *names)
        await append(database, "later")
        await _all_effects(database, *names, "later")
        await _all_acknowledged(bus)


async def test_a_lone_event_is_handled_at_once(database: Database, bus: EventBus) -> None:
    relay = OutboxRelay(database, bus)
    async with running(relay.run(), _consume(bus, database)):
        await append(database, "warm up")
        await _all_effects(database, "warm up")
        loop = asyncio.get_running_loop()
        began = loop.time()
        await append(database, "lone")
        relay.wake()
        await _all_effects(database, "warm up", "lone")
        # The library's own batched fetch would have held it back for seconds.
        assert loop.time() - began < 1.0


async def test_an_event_that_is_in_the_stream_twice_has_its_effect_once(database: Database, bus: EventBus) -> None:
    event = event_about("a")
    # Other message ids, as if the second came after the stream had forgotten the first.
    copies = [OutgoingEvent(f"copy {number}", event.subject, event.SerializeToString()) for number in range(3)]
    # Two of them in one message, the third in another.
    assert await bus.publish(copies[:2]) == [True, True]
    assert await bus.publish(copies[2:]) == [True]
    async with running(_consume(bus, database)):
        await _all_effects(database, "a")
        await _all_acknowledged(bus)
        last = event_about("last")
        await bus.publish([copies[0], OutgoingEvent(last.id, last.subject, last.SerializeToString())])
        await _all_effects(database, "a", "last")
        await _all_acknowledged(bus)
    assert await parked(database) == []


async def test_an_event_whose_id_is_written_in_two_ways_has_its_effect_once(database: Database, bus: EventBus) -> None:
    for number, write in enumerate((str.upper, str.lower, "urn:uuid:{}".format)):
        event = event_about("a")
        event.id = write("018f2f6e-7b3c-7abc-8def-0123456789ab")
        await bus.publish([OutgoingEvent(f"copy {number}", event.subject, event.SerializeToString())])
    async with running(_consume(bus, database)):
        await _all_effects(database, "a")
        await _all_acknowledged(bus)
    assert await effects(database) == ["a"]
    assert await parked(database) == []


async def test_two_consumers_have_their_own_effects(database: Database, bus: EventBus) -> None:
    await append(database, "a")
    other = consume(bus, database, "sample-other", ["csms.event.sample.card.*"], apply)
    async with running(OutboxRelay(database, bus).run(), _consume(bus, database), other):
        await _all_effects(database, "a", "a")


async def test_a_consumer_is_given_its_own_subjects_only(database: Database, bus: EventBus) -> None:
    foreign = event_about("foreign")
    foreign.subject = "csms.event.other.card.changed.foreign"
    await bus.publish([OutgoingEvent(foreign.id, foreign.subject, foreign.SerializeToString())])
    await append(database, "own")
    async with running(OutboxRelay(database, bus).run(), _consume(bus, database)):
        await _all_effects(database, "own")
        await _all_acknowledged(bus)


async def test_an_event_whose_handler_fails_first_has_its_effect_once(database: Database, bus: EventBus) -> None:
    handler = Faulty({"b": 1})
    await append(database, "a", "b", "c")
    async with running(OutboxRelay(database, bus).run(), _consume(bus, database, handler)):
        await _all_effects(database, "a", "b", "c")
        await _all_acknowledged(bus)
    assert await parked(database) == []


async def test_a_poison_event_is_parked_and_the_others_go_on(database: Database, bus: EventBus) -> None:
    handler = Faulty({"poison": 1000}, ValueError("cannot stomach this"))
    await append(database, "a", "poison", "b")
    async with running(OutboxRelay(database, bus).run(), _consume(bus, database, handler, attempts=4)):
        await _all_effects(database, "a", "b")
        await append(database, "c")
        await _all_effects(database, "a", "b", "c")
        await eventually(lambda: _has_parked(database))
        await _all_acknowledged(bus)
    assert await parked(database) == [("poison", 4, "ValueError: cannot stomach this")]


async def test_events_that_are_consumed_together_are_one_span_that_says_how_many_failed(
    database: Database, bus: EventBus, receiver: Receiver
) -> None:
    # With the others, with one of them, and alone; the fourth time it is well.
    handler = Faulty({"poison": 3})
    await append(database, "a", "poison", "b")
    async with tracing.traced("sample", receiver.endpoint):
        async with running(OutboxRelay(database, bus).run(), _consume(bus, database, handler)):
            await _all_effects(database, "a", "b", "poison")
            await _all_acknowledged(bus)
    first, again = receiver.spans("events consumed")
    assert first.attributes == {"csms.consumer": CONSUMER, "csms.events": 3, "csms.failed": 1}
    assert again.attributes == {"csms.consumer": CONSUMER, "csms.events": 3, "csms.failed": 0}
    assert (first.status, again.status, first.parent_id) == ("1 of 3", "", "")


async def test_a_parked_event_gets_another_try_after_a_restart(database: Database, bus: EventBus) -> None:
    await append(database, "poison")
    faulty = Faulty({"poison": 1000})
    async with running(OutboxRelay(database, bus).run(), _consume(bus, database, faulty, attempts=1)):
        await eventually(lambda: _has_parked(database))
    async with running(_consume(bus, database, faulty, attempts=1)):
        await eventually(lambda: _called(faulty, "poison", 2))
    assert (await effects(database), len(await parked(database))) == ([], 1)
    async with running(_consume(bus, database)):
        await _all_effects(database, "poison")
    assert await parked(database) == []


async def test_an_event_is_not_parked_for_the_absence_of_others(database: Database, bus: EventBus) -> None:
    handler = Faulty({"a": 5}, unavailable("the billing service does not answer"))
    await append(database, "a")
    async with running(OutboxRelay(database, bus).run(), _consume(bus, database, handler, attempts=2)):
        await _all_effects(database, "a")
    assert (handler.calls["a"], await parked(database)) == (6, [])


async def test_what_has_failed_often_enough_is_parked_while_others_are_tried_again(
    database: Database, bus: EventBus
) -> None:
    calls: Counter[str] = Counter()

    async def handle(connection: AsyncConnection, event: DomainEvent) -> None:
        await apply(connection, event)
        entity = event.token_changed.token.value
        calls[entity] += 1
        if entity == "poison":
            raise ValueError("cannot stomach this")
        if entity == "early" and calls[entity] < 6:
            raise unavailable("the billing service does not answer")

    await append(database, "early", "poison")
    async with running(OutboxRelay(database, bus).run(), _consume(bus, database, handle, attempts=2)):
        await _all_effects(database, "early")
        await _all_acknowledged(bus)
    assert await parked(database) == [("poison", 2, "ValueError: cannot stomach this")]


@pytest.mark.parametrize("payload", [b"", b"\xff\xff", DomainEvent(id="no uuid").SerializeToString()])
async def test_what_is_no_event_is_parked_at_once_and_takes_no_others_along(
    database: Database, bus: EventBus, payload: bytes
) -> None:
    good = event_about("good")
    reported = [(good.id, good.SerializeToString()), ("garbage", payload)]
    await bus.publish([OutgoingEvent(event_id, good.subject, data) for event_id, data in reported])
    async with running(_consume(bus, database)):
        await _all_effects(database, "good")
        await eventually(lambda: _has_parked(database))
        await _all_acknowledged(bus)
    [(_, attempts, error)] = await parked(database)
    assert (attempts, error.split(":")[0]) == (1, "_NotAnEvent")


@pytest.mark.parametrize("data", [b"", b"\xff\xff", b'{"id": 1}'])
async def test_a_message_of_somebody_else_is_parked_at_once(database: Database, bus: EventBus, data: bytes) -> None:
    await (await bus.ready()).publish("csms.event.sample.card.changed", data)
    await append(database, "a")
    async with running(OutboxRelay(database, bus).run(), _consume(bus, database)):
        await _all_effects(database, "a")
        await eventually(lambda: _has_parked(database))
        await _all_acknowledged(bus)
    async with database.read() as connection:
        rows = (await connection.execute(text("SELECT event_id, subject, payload FROM parked_events"))).all()
    assert [tuple(row) for row in rows] == [("stream:1.0", "csms.event.sample.card.changed", data)]


async def test_replicas_share_the_events_and_each_has_its_effect_once(
    database: Database, database_url: str, bus: EventBus, nats_url: str
) -> None:
    other_database, other_bus = Database(database_url), await EventBus.connect(nats_url)
    handlers = [Faulty({}), Faulty({})]
    names = [f"e{number:03d}" for number in range(400)]
    events = [event_about(name) for name in names]
    # Many messages, of which each replica is given some.
    for begin in range(0, len(events), 4):
        portion = events[begin : begin + 4]
        await bus.publish([OutgoingEvent(event.id, event.subject, event.SerializeToString()) for event in portion])
    replicas = (_consume(bus, database, handlers[0]), _consume(other_bus, other_database, handlers[1]))
    async with running(*replicas):
        await _all_effects(database, *names)
        await _all_acknowledged(bus)
    assert all(handler.calls for handler in handlers)
    await other_bus.close()
    await other_database.close()


async def test_consumers_outlive_the_absence_of_nats(database: Database, own_nats: OwnNats) -> None:
    bus = EventBus(own_nats.url)
    await append(database, "before")
    async with running(OutboxRelay(database, bus).run(), _consume(bus, database)):
        await asyncio.sleep(0)
        own_nats.start()
        await _all_effects(database, "before")
        own_nats.stop()
        await append(database, "meanwhile")
        own_nats.start()
        await _all_effects(database, "before", "meanwhile")
        own_nats.stop()
        own_nats.lose_disk()
        own_nats.start()
        await append(database, "after the loss")
        await _all_effects(database, "before", "meanwhile", "after the loss")
    await bus.close()


async def test_the_loss_of_the_database_in_the_middle_of_an_event_is_no_failed_attempt(
    database: Database, bus: EventBus
) -> None:
    calls: list[str] = []

    async def handle(connection: AsyncConnection, event: DomainEvent) -> None:
        await apply(connection, event)
        calls.append(event.id)
        if len(calls) < 3:
            async with database.transaction() as other:
                pid = await connection.scalar(text("SELECT pg_backend_pid()"))
                await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        elif len(calls) == 3:
            raise RuntimeError("the first failure of its own")

    await append(database, "a")
    async with running(OutboxRelay(database, bus).run(), _consume(bus, database, handle, attempts=2)):
        await _all_effects(database, "a")
        await _all_acknowledged(bus)
    assert (len(calls), await parked(database)) == (4, [])


async def test_a_consumer_that_was_deleted_is_made_again_and_repeats_nothing(database: Database, bus: EventBus) -> None:
    await append(database, "a")
    async with running(OutboxRelay(database, bus).run(), _consume(bus, database)):
        await _all_effects(database, "a")
        await (await bus.ready()).delete_consumer("CSMS_EVENTS", CONSUMER)
        await append(database, "b")
        await _all_effects(database, "a", "b")
        await _all_acknowledged(bus)


async def test_events_do_not_wait_when_a_request_for_them_expires(
    database: Database, bus: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.messaging.deliveries._EXPIRES_SECONDS", 0.3)
    monkeypatch.setattr("services.messaging.deliveries._HEARTBEAT_SECONDS", 0.1)
    relay = OutboxRelay(database, bus)
    loop = asyncio.get_running_loop()
    names, slowest = [f"e{number}" for number in range(10)], 0.0
    async with running(relay.run(), _consume(bus, database)):
        for count, name in enumerate(names, start=1):
            began = loop.time()
            await append(database, name)
            relay.wake()
            await _all_effects(database, *names[:count])
            slowest = max(slowest, loop.time() - began)
            await asyncio.sleep(0.1)  # lets several requests expire in the course of the test
    assert slowest < 1.5


async def test_a_process_that_dies_in_its_work_leaves_it_to_the_next(
    database: Database, bus: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.messaging.deliveries.ACK_WAIT_SECONDS", 1)
    reached = asyncio.Event()

    async def hang(connection: AsyncConnection, event: DomainEvent) -> None:
        await apply(connection, event)
        reached.set()
        await asyncio.Event().wait()

    await append(database, "a")
    async with running(OutboxRelay(database, bus).run()):
        async with running(_consume(bus, database, hang)):
            await asyncio.wait_for(reached.wait(), 10)
        async with running(_consume(bus, database)):
            await _all_effects(database, "a")


async def _has_parked(database: Database) -> bool:
    return len(await parked(database)) > 0


async def _called(handler: Faulty, entity: str, times: int) -> bool:
    return handler.calls[entity] >= times


async def test_events_that_came_together_are_handled_together(database: Database, bus: EventBus) -> None:
    batches: list[list[str]] = []

    async def handler(connection: AsyncConnection, events: Sequence[DomainEvent]) -> None:
        batches.append([event.token_changed.token.value for event in events])
        for event in events:
            await apply(connection, event)
        if len(events) > 1 and "bad" in batches[-1]:
            raise RuntimeError

    names = [f"e{number}" for number in range(20)]
    await append(database, *names)
    relay = OutboxRelay(database, bus)
    async with running(relay.run()):
        await _all_published(database)
        async with running(consume_batches(bus, database, CONSUMER, [ALL], handler, first_delay_seconds=0.01)):
            await _all_effects(database, *names)
            assert batches[0] == names[: len(batches[0])]
            assert len(batches) < len(names)
        # One that fails makes them come again in halves.
        await append(database, "bad", "good")
        await _all_published(database)
        batches.clear()
        async with running(consume_batches(bus, database, CONSUMER, [ALL], handler, first_delay_seconds=0.01)):
            await _all_effects(database, *names, "bad", "good")
    assert batches == [["bad", "good"], ["bad"], ["good"]]


async def test_of_those_that_came_with_it_only_the_one_that_fails_comes_again(
    database: Database, bus: EventBus
) -> None:
    batches: list[list[str]] = []

    async def handler(connection: AsyncConnection, events: Sequence[DomainEvent]) -> None:
        for event in events:
            await apply(connection, event)
        # Those among them that were handled before have failed by now.
        batches.append([event.token_changed.token.value for event in events])
        if "bad" in batches[-1] and batches.count(["bad"]) < 3:
            raise RuntimeError

    await append(database, "a", "b", "c", "d", "e", "bad", "f", "g")
    async with running(OutboxRelay(database, bus).run()):
        await _all_published(database)
        async with running(consume_batches(bus, database, CONSUMER, [ALL], handler, first_delay_seconds=0.01)):
            await _all_effects(database, *"abcdefg", "bad")
            await _all_acknowledged(bus)
    assert batches == [
        ["a", "b", "c", "d", "e", "bad", "f", "g"],
        ["a", "b", "c", "d"],
        ["e", "bad", "f", "g"],
        ["e", "bad"],
        ["e"],
        ["bad"],
        ["f", "g"],
        ["bad"],
        ["bad"],
    ]


async def test_messages_gather_between_batches_and_a_lone_one_is_handled_at_once(
    database: Database, bus: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.messaging.deliveries.PACE_SECONDS", 2.0)
    batches: list[list[str]] = []

    async def handler(connection: AsyncConnection, events: Sequence[DomainEvent]) -> None:
        batches.append([event.token_changed.token.value for event in events])
        for event in events:
            await apply(connection, event)

    async with running(consume_batches(bus, database, CONSUMER, [ALL], handler)):
        began = asyncio.get_running_loop().time()
        await _publish(bus, event_about("first"))
        await _all_effects(database, "first")
        assert asyncio.get_running_loop().time() - began < 2.0
        await _publish(bus, event_about("second"))
        await _publish(bus, event_about("third"))
        await _all_effects(database, "first", "second", "third")
    assert batches == [["first"], ["second", "third"]]


async def test_large_messages_follow_each_other_without_a_pause(
    database: Database, bus: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.messaging.deliveries._RETRY_SECONDS", 3600)
    monkeypatch.setattr("services.messaging.deliveries._SILENCE_SECONDS", 3600)
    events = [event_about(f"e{number}") for number in range(8)]
    for event in events:
        event.token_changed.rfid_card_id = "x" * 900_000
        await _publish(bus, event)
    async with running(_consume(bus, database)):
        await _all_effects(database, *(event.token_changed.token.value for event in events))
        await _all_acknowledged(bus)


async def test_a_batch_is_kept_while_work_on_it_goes_on(
    database: Database, bus: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.messaging.deliveries.ACK_WAIT_SECONDS", 1)
    monkeypatch.setattr("services.messaging.inbox.ACK_WAIT_SECONDS", 1)
    calls: Counter[str] = Counter()

    async def slow(connection: AsyncConnection, event: DomainEvent) -> None:
        await apply(connection, event)
        entity = event.token_changed.token.value
        calls[entity] += 1
        await asyncio.sleep(0.25)
        if entity == "bad":
            raise RuntimeError

    names = [f"e{number}" for number in range(3)]
    await append(database, *names, "bad")
    async with running(OutboxRelay(database, bus).run(), _consume(bus, database, slow, attempts=1)):
        await eventually(lambda: _has_parked(database))
        await _all_acknowledged(bus)
    # A message that had been given up on would have been delivered a second time.
    assert await parked(database) == [("bad", 1, "RuntimeError: ")]


async def _publish(bus: EventBus, event: DomainEvent) -> None:
    assert await bus.publish([OutgoingEvent(event.id, event.subject, event.SerializeToString())]) == [True]


async def _all_published(database: Database) -> None:
    async def published() -> bool:
        async with database.read() as connection:
            return not await connection.scalar(text("SELECT count(*) FROM outbox WHERE publish_time IS NULL"))

    await eventually(published)
