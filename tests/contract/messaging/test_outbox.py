import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import text

from services.messaging import outbox
from services.messaging.event_batches import OutgoingEvent
from services.messaging.event_bus import STREAM, EventBus
from services.messaging.inbox import consume
from services.messaging.outbox import OutboxRelay
from services.postgres.database import Database
from services.postgres.roundtrip import RoundTrips
from services.postgres.shared_tables import sweep
from services.process.prometheus import render
from tests.fixtures.background import eventually, running
from tests.fixtures.events import relayed
from tests.fixtures.nats import OwnNats
from tests.fixtures.sample import events as sample
from tests.fixtures.sample.events import (
    ALL,
    append,
    apply,
    effects,
    event_about,
    forget_publication,
    unpublished,
)


async def _stored(bus: EventBus) -> list[str]:
    """The entity of every event in the stream, in order."""
    return [event.token_changed.token.value for message in await relayed(bus) for event in message]


async def _have_effects(database: Database, count: int) -> bool:
    return len(await effects(database)) >= count


async def _all_published(database: Database) -> None:
    async def published() -> bool:
        return await unpublished(database) == 0

    await eventually(published)


async def test_committed_events_are_published_in_order(database: Database, bus: EventBus) -> None:
    await append(database, "a", "b")
    async with running(OutboxRelay(database, bus).run()):
        await _all_published(database)
        await append(database, "c")
        await _all_published(database)
    assert await _stored(bus) == ["a", "b", "c"]


async def test_events_that_go_along_with_others_are_the_same_as_appended_ones(database: Database) -> None:
    event = event_about("sent along")
    async with database.raw() as connection:
        await RoundTrips(connection).run(outbox.appending([event]))
    async with database.transaction() as connection:
        await outbox.append(connection, [event])
        await outbox.append(connection, [])
        rows = (await connection.execute(text("SELECT id, subject, payload, create_time FROM outbox"))).all()
    assert rows[0] == rows[1]
    assert rows[0].payload == event.SerializeToString()


async def test_events_of_a_rolled_back_transaction_are_not_published(database: Database, bus: EventBus) -> None:
    async with database.transaction() as connection:
        await outbox.append(connection, [event_about("lost")])
        await connection.rollback()
    await append(database, "kept")
    async with running(OutboxRelay(database, bus).run()):
        await _all_published(database)
    assert await _stored(bus) == ["kept"]


async def test_a_woken_relay_does_not_wait_for_its_poll(
    database: Database, bus: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.messaging.outbox.POLL_SECONDS", 3600)
    relay = OutboxRelay(database, bus)
    async with running(relay.run()):
        await append(database, "first")
        relay.wake()
        await _all_published(database)
        await append(database, "second")
        relay.wake()
        await _all_published(database)
    assert await _stored(bus) == ["first", "second"]


async def test_what_another_replica_commits_does_not_wait_for_the_poll(
    database: Database, database_url: str, bus: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.messaging.outbox.POLL_SECONDS", 3600)
    monkeypatch.setattr("services.messaging.outbox._STANDBY_SECONDS", 3600)
    other = Database(database_url)
    leader, standby = OutboxRelay(database, bus), OutboxRelay(other, bus)
    async with running(leader.run()):
        await append(database, "first")
        leader.wake()
        await _all_published(database)
        async with running(standby.run()):
            for name in ("second", "third"):
                await append(other, name)
                standby.wake()
                await _all_published(database)
    await other.close()
    assert await _stored(bus) == ["first", "second", "third"]


async def test_a_backlog_larger_than_a_round_is_drained_without_a_pause(
    database: Database, bus: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.messaging.outbox.POLL_SECONDS", 3600)
    names = [f"e{number:04d}" for number in range(2 * outbox.BATCH + 1)]
    await append(database, *names)
    async with running(OutboxRelay(database, bus).run()):
        await _all_published(database)
    assert await _stored(bus) == names
    assert [len(message) for message in await relayed(bus)] == [256, 256, 256, 256, 1]


async def test_events_gather_between_rounds_and_a_lone_one_goes_at_once(
    database: Database, bus: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.messaging.outbox.PACE_SECONDS", 2.0)
    relay = OutboxRelay(database, bus)
    async with running(relay.run()):
        await append(database, "first")
        began = asyncio.get_running_loop().time()
        relay.wake()
        await _all_published(database)
        assert asyncio.get_running_loop().time() - began < 2.0
        for name in ("second", "third"):
            await append(database, name)
            relay.wake()
        await _all_published(database)
    assert [[event.token_changed.token.value for event in message] for message in await relayed(bus)] == [
        ["first"],
        ["second", "third"],
    ]


async def test_what_is_published_again_with_others_has_its_effect_once(database: Database, bus: EventBus) -> None:
    await append(database, "a")
    async with running(OutboxRelay(database, bus).run()):
        await _all_published(database)
    await forget_publication(database)
    await append(database, "b")
    async with running(OutboxRelay(database, bus).run(), consume(bus, database, "sample", [ALL], apply)):
        await _all_published(database)
        await eventually(lambda: _have_effects(database, 2))
        await append(database, "last")
        await eventually(lambda: _have_effects(database, 3))
    # The stream cannot know that it has one of the two already; what must not happen is that it drops the other.
    assert await _stored(bus) == ["a", "a", "b", "last"]
    assert await effects(database) == ["a", "b", "last"]


async def test_what_is_published_twice_is_in_the_stream_once(database: Database, bus: EventBus) -> None:
    await append(database, "a", "b")
    async with running(OutboxRelay(database, bus).run()):
        await _all_published(database)
        await forget_publication(database)
        await _all_published(database)
    assert await _stored(bus) == ["a", "b"]


async def test_events_wait_for_an_absent_server(database: Database, own_nats: OwnNats) -> None:
    await append(database, "a")
    bus = EventBus(own_nats.url)
    async with running(OutboxRelay(database, bus).run()):
        await append(database, "b")
        assert await unpublished(database) == 2
        own_nats.start()
        await _all_published(database)
        own_nats.stop()
        await append(database, "c")
        own_nats.start()
        await _all_published(database)
    assert await _stored(bus) == ["a", "b", "c"]
    await bus.close()


async def test_a_server_that_lost_its_disk_gets_a_new_stream(database: Database, own_nats: OwnNats) -> None:
    own_nats.start()
    bus = EventBus(own_nats.url)
    async with running(OutboxRelay(database, bus).run()):
        await append(database, "lost with the disk")
        await _all_published(database)
        own_nats.stop()
        own_nats.lose_disk()
        own_nats.start()
        await append(database, "next")
        await _all_published(database)
    assert await _stored(bus) == ["next"]
    await bus.close()


async def test_a_stream_that_was_deleted_is_made_again(database: Database, bus: EventBus) -> None:
    jetstream = await bus.ready()
    await jetstream.delete_stream(STREAM)
    await append(database, "a")
    async with running(OutboxRelay(database, bus).run()):
        await _all_published(database)
    assert await _stored(bus) == ["a"]


async def test_what_a_process_published_before_it_died_is_published_again_by_the_next(
    database: Database, database_url: str, bus: EventBus, nats_url: str
) -> None:
    await append(database, "a", "b")
    program = Path(sample.__file__).with_name("relay_that_dies.py")
    process = await asyncio.create_subprocess_exec(sys.executable, str(program), database_url, nats_url)
    assert await process.wait() == 9
    assert (await _stored(bus), await unpublished(database)) == (["a", "b"], 2)
    async with running(OutboxRelay(database, bus).run(), consume(bus, database, "sample", [ALL], apply)):
        await _all_published(database)
        await append(database, "last")
        await eventually(lambda: _have_effects(database, 3))
    assert await _stored(bus) == ["a", "b", "last"]
    assert await effects(database) == ["a", "b", "last"]


class _WatchedBus(EventBus):
    """Counts publications under way on all buses, and lets others run in the middle of each."""

    under_way = 0
    most_under_way = 0
    rounds = 0

    async def publish(self, events: Sequence[OutgoingEvent]) -> list[bool]:
        watched = _WatchedBus
        watched.under_way += 1
        watched.rounds += 1
        watched.most_under_way = max(watched.most_under_way, watched.under_way)
        await asyncio.sleep(0.005)
        try:
            return await super().publish(events)
        finally:
            watched.under_way -= 1


async def test_two_relays_never_publish_at_the_same_time(
    database: Database, database_url: str, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.messaging.outbox._STANDBY_SECONDS", 0.01)
    monkeypatch.setattr("services.messaging.outbox.PACE_SECONDS", 0)
    other_database = Database(database_url)
    buses = [_WatchedBus(nats_url), _WatchedBus(nats_url)]
    relays = [OutboxRelay(database, buses[0]), OutboxRelay(other_database, buses[1])]
    names = [f"e{number:02d}" for number in range(30)]
    async with running(*(relay.run() for relay in relays)):
        for name in names:
            await append(database, name)
            for relay in relays:
                relay.wake()
            await asyncio.sleep(0.01)
        await _all_published(database)
    assert _WatchedBus.most_under_way == 1
    assert _WatchedBus.rounds > 5
    assert await _stored(buses[0]) == names
    await other_database.close()
    for bus in buses:
        await bus.close()


async def test_a_standby_takes_over_when_the_connection_of_the_leader_breaks(
    database: Database, database_url: str, bus: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.messaging.outbox._STANDBY_SECONDS", 0.01)
    monkeypatch.setattr("services.messaging.outbox._RETRY_SECONDS", 3600)
    other_database = Database(database_url)
    relays = [OutboxRelay(database, bus), OutboxRelay(other_database, bus)]
    async with running(*(relay.run() for relay in relays)):
        await append(database, "a")
        await _all_published(database)
        assert await _cut_off_the_leader(database) == 1
        await append(database, "b")
        await _all_published(database)
    assert await _stored(bus) == ["a", "b"]
    await other_database.close()


async def _cut_off_the_leader(database: Database) -> int:
    async with database.transaction() as connection:
        holders = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        own = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        cut = await connection.scalars(text(f"SELECT pg_terminate_backend(pid) FROM ({holders} AND {own}) AS leader"))
        return sum(cut.all())


async def test_published_events_are_kept_for_a_day_and_unpublished_ones_for_ever(database: Database) -> None:
    for entity, create_age, publish_age in (
        ("published long ago", "26 hours", "25 hours"),
        ("published lately", "26 hours", "23 hours"),
        ("never published", "1000 hours", None),
    ):
        await append(database, entity)
        async with database.transaction() as connection:
            await connection.execute(
                text(
                    "UPDATE outbox SET create_time = now() - CAST(:create_age AS interval),"
                    " publish_time = now() - CAST(:publish_age AS interval)"
                    " WHERE seq = (SELECT max(seq) FROM outbox)"
                ),
                {"create_age": create_age, "publish_age": publish_age},
            )
    async with database.raw() as raw:
        assert await sweep(raw) == 1
    async with database.read() as connection:
        subjects = (await connection.scalars(text("SELECT subject FROM outbox ORDER BY seq"))).all()
    assert [subject.rsplit(".", 1)[-1] for subject in subjects] == ["published%20lately", "never%20published"]


@pytest.mark.parametrize(
    "subject",
    [
        "csms.live.meter.changed.x",
        "",
        "csms.event.a.b.c.",
        "csms.event.a..c.x",
        "csms.event.a.b.c.d e",
        "csms.event.a.b.c",
    ],
)
async def test_an_event_that_the_stream_would_refuse_is_not_committed(database: Database, subject: str) -> None:
    event = event_about("x")
    event.subject = subject
    with pytest.raises(ValueError, match="cannot be published"):
        async with database.transaction() as connection:
            await outbox.append(connection, [event])


async def test_an_event_that_is_too_large_is_not_committed(database: Database) -> None:
    event = event_about("x")
    event.token_changed.token.value = "x" * 1_000_000
    with pytest.raises(ValueError, match="cannot be published"):
        async with database.transaction() as connection:
            await outbox.append(connection, [event])


async def test_the_backlog_is_a_number_that_can_be_watched(
    database: Database, own_nats: OwnNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.messaging.outbox._COUNT_SECONDS", 0.01)
    await append(database, "a", "b", "c")

    async def reported() -> bool:
        return "\ncsms_outbox_waiting 3.0\n" in render()

    async with running(OutboxRelay(database, EventBus(own_nats.url)).run()):
        await eventually(reported)
