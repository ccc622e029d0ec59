"""The outbox: events are committed with the change they tell of, and relayed to the stream afterwards.

`append` belongs to the caller's transaction, `OutboxRelay` to a background task. Delivery is at least once; consumers
make it exactly once (inbox.py). Knows no payload.
"""

import asyncio
import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from csms.event.v1.domain_event_pb2 import DomainEvent
from services.kernel.errors import unavailable
from services.kernel.ids import is_id
from services.messaging.event_batches import MAX_PAYLOAD_BYTES, OutgoingEvent
from services.messaging.event_bus import PREFIX, EventBus, heed_cancellation
from services.postgres.database import Database, RawConnection
from services.postgres.gathering import put_off
from services.postgres.recordset import array
from services.postgres.shared_tables import sweep
from services.process.heartbeats import heartbeat
from services.process.metrics import counter, gauge
from services.process.stirring import Rest, stir
from services.rpc.protobuf import read_time

BATCH = 512
# Between looks at an outbox of which nobody has said anything: while something is done in this service, and at rest.
POLL_SECONDS = 0.5
REST_SECONDS = 20.0
# A round costs nearly the same for one event as for twenty (some 3 ms of this process, PostgreSQL and NATS), and so it
# does at every consumer: events gather between rounds. A lone one goes at once. Who reads the stream live has promised
# what he does with it within a second.
PACE_SECONDS = 0.4

_LOCK = 0x6353_4D53_0002
_LISTEN, _NOTIFY = "LISTEN outbox", "NOTIFY outbox"
_STANDBY_SECONDS = 1.0
_RETRY_SECONDS = 1.0
_COUNT_SECONDS = 10.0
_SWEEP_SECONDS = 600.0

_COLUMNS = ("id", "subject", "payload", "create_time")
_INSERT = (
    f"INSERT INTO outbox ({', '.join(_COLUMNS)}) SELECT id, subject, decode(payload, 'base64'), create_time"
    " FROM json_to_recordset(%s) AS event (id uuid, subject text, payload text, create_time timestamptz)"
).encode()
_UNPUBLISHED = (
    f"SELECT seq, id::text, subject, payload FROM outbox WHERE publish_time IS NULL ORDER BY seq LIMIT {BATCH}"
)
_COUNT = "SELECT count(*) FROM outbox WHERE publish_time IS NULL"
_MARK = "UPDATE outbox SET publish_time = now() WHERE seq = ANY(%s::bigint[]) AND publish_time IS NULL"

_SUBJECT = re.compile(rf"{re.escape(PREFIX)}(\.[^\s.*>]+){{4}}")


async def append(connection: AsyncConnection, events: Iterable[DomainEvent]) -> None:
    """Put events into the outbox, in order, in the caller's transaction; call `OutboxRelay.wake` after its commit.

    Events of one kind about one entity are relayed in the order of their commits as long as the transactions that
    append them lock the entity's row before.

    Raises: ValueError for an event that could never be published (id no UUID, subject outside the stream, too large).
    """
    if events := list(events):
        statement, parameters = appending(events)
        await put_off(connection, statement, *parameters)


def appending(events: Iterable[DomainEvent]) -> tuple[bytes, tuple[str]]:
    """The statement that does the same, and its parameter, for who sends it along with others (roundtrip.py). At least
    one event. Raises: ValueError as `append` does."""
    rows = [_row(event) for event in events]
    # As JSON, which costs the client a fraction of what arrays or single rows do.
    records = [(event_id, subject, b64encode(payload).decode(), time) for event_id, subject, payload, time in rows]
    return _INSERT, (orjson.dumps([dict(zip(_COLUMNS, row, strict=True)) for row in records]).decode(),)


class OutboxRelay:
    """Publishes the outbox of one database. Every replica runs one; a lock in the database lets one work at a time. The
    others notify that one of what their replicas have committed, at most once in the time of a round.

    A relay that loses its connection, and with it the lock, cannot mark anything as published; what it published
    meanwhile is published again by its successor under the same ids.
    """

    def __init__(self, database: Database, bus: EventBus) -> None:
        self._database = database
        self._bus = bus
        self._rest = Rest()
        # Whether there may be more in the outbox than one look shows.
        self._is_behind = True
        self._next_round = self._next_count = self._next_sweep = 0.0
        self._waiting = gauge("csms_outbox_waiting", "Events in the outbox that the stream does not have yet")
        self._published = counter("csms_outbox_published_total", "Events relayed from the outbox to the stream")

    def wake(self) -> None:
        """Say that a transaction with events has been committed, so that the relay need not find out by itself."""
        self._rest.hurry()
        stir()

    async def run(self) -> None:
        """Relay until cancelled; waits out the database and the event bus when they are away."""
        while True:
            try:
                async with self._database.raw() as connection:
                    await self._lead(connection)
            except Exception as error:  # whatever it is, events must go out some day; it is logged and shown
                heartbeat().failed(error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _lead(self, connection: RawConnection) -> None:
        # Asked again and again, because a waiting lock request would hold back vacuum for as long as it waits.
        while not await _has_lock(connection):
            heartbeat().got_on()
            await self._stand_by(connection)
        connection.add_notify_handler(lambda _: self._rest.hurry())
        await connection.execute(_LISTEN)
        while True:
            heed_cancellation()
            await self._keep_house(connection)
            if not self._bus.is_ready:
                await self._await_bus(connection)
            self._rest.begin_look()
            if not await self._relay_round(connection):
                await self._pause(connection)

    async def _stand_by(self, connection: RawConnection) -> None:
        """Pass on that there are events to the relay that works, until it is time to ask for its place again."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _STANDBY_SECONDS
        while (left := until - loop.time()) > 0:
            if await self._rest.hurried(left):
                self._rest.begin_look()
                await connection.execute(_NOTIFY)
                await asyncio.sleep(PACE_SECONDS)

    async def _await_bus(self, connection: RawConnection) -> None:
        self._is_behind = True
        waiting = asyncio.create_task(self._bus.ready())
        try:
            while not (await asyncio.wait({waiting}, timeout=_COUNT_SECONDS))[0]:
                await self._keep_house(connection)
        finally:
            waiting.cancel()

    async def _relay_round(self, connection: RawConnection) -> bool:
        """Publish the oldest unpublished events; whether more are waiting that can be published at once."""
        rows = await (await connection.execute(_UNPUBLISHED)).fetchall()
        self._is_behind = len(rows) == BATCH
        if not rows:
            self._waiting.set(0)
            heartbeat().got_on()
            return False
        self._next_round = asyncio.get_running_loop().time() + PACE_SECONDS
        confirmed = await self._bus.publish(
            [OutgoingEvent(event_id, subject, payload) for _, event_id, subject, payload in rows]
        )
        published = [row[0] for row, is_confirmed in zip(rows, confirmed, strict=True) if is_confirmed]
        await connection.execute(_MARK, (array(published),))
        self._published.add(len(published))
        if not self._is_behind:
            self._waiting.set(len(rows) - len(published))
        if published:
            heartbeat().got_on()
        else:
            heartbeat().failed(unavailable("the event stream confirms nothing"))
        return len(published) == BATCH

    async def _pause(self, connection: RawConnection) -> None:
        """Wait to be woken, or for the next look, and in any case until the next round is due."""
        loop, socket = asyncio.get_running_loop(), connection.fileno()
        # Something to read is a notification, which the next look takes in, or the server's goodbye.
        loop.add_reader(socket, self._rest.hurry)
        try:
            await self._rest.pause(REST_SECONDS, POLL_SECONDS)
        finally:
            loop.remove_reader(socket)
        await asyncio.sleep(self._next_round - loop.time())

    async def _keep_house(self, connection: RawConnection) -> None:
        now = asyncio.get_running_loop().time()
        if self._is_behind and now >= self._next_count:
            self._next_count = now + _COUNT_SECONDS
            row = await (await connection.execute(_COUNT)).fetchone()
            self._waiting.set(row[0] if row else 0)
        if now >= self._next_sweep:
            self._next_sweep = now + _SWEEP_SECONDS
            await sweep(connection)


async def _has_lock(connection: RawConnection) -> bool:
    row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,))).fetchone()
    return row is not None and bool(row[0])


def _row(event: DomainEvent) -> tuple[Any, ...]:
    payload = event.SerializeToString()
    if not _SUBJECT.fullmatch(event.subject) or len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"event {event.id} cannot be published: {len(payload)} bytes on subject {event.subject!r}")
    if not is_id(event.id):
        raise ValueError(f"{event.id!r} is no id of an event")
    return event.id, event.subject, payload, read_time(event.create_time)
