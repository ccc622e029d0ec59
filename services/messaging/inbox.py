"""Handles domain events: the effect of each is committed exactly once, together with the note that it was handled.

What an event means is the handler's business. An event that fails again and again is parked in `parked_events`, and
the others go on.
"""

import asyncio
import logging
import uuid
from asyncio import sleep
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import nats.errors
import psycopg
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from csms.event.v1.domain_event_pb2 import DomainEvent
from services.kernel.errors import DomainError, ErrorKind
from services.kernel.ids import is_id
from services.messaging.deliveries import ACK_WAIT_SECONDS, Deliveries
from services.messaging.event_batches import MAX_EVENTS, unpack
from services.messaging.event_bus import EventBus
from services.postgres.database import Database, DatabaseUnavailable, constraint_of
from services.postgres.gathering import GatheringTransactions, fetch, put_off
from services.postgres.recordset import array
from services.postgres.shared_tables import PARKED_EVENTS
from services.process import tracing
from services.process.heartbeats import heartbeat
from services.process.stirring import stir

_log = logging.getLogger(__name__)

Handler = Callable[[AsyncConnection, DomainEvent], Awaitable[None]]
"""Applies one event. Has no effect but through its connection, because it is called again after a rollback: also for
an event that was handled before, which may show at its first statement only."""

BatchHandler = Callable[[AsyncConnection, Sequence[DomainEvent]], Awaitable[None]]
"""The same for the events that came together, in their order: one statement may do for many of them."""

_LONGEST_DELAY_SECONDS = 60.0
_DATABASE_RETRY_SECONDS = 1.0
_PARKED_AT_ONCE = 1000
_LONGEST_ERROR = 2000
# Sorted, so that replicas that are given the same events again do not lock each other out.
_CLAIM = b"INSERT INTO consumed_events (consumer, event_id) SELECT %s, id FROM unnest(%s::uuid[]) AS id ORDER BY id"
_CLAIM_UNHANDLED = _CLAIM + b" ON CONFLICT DO NOTHING RETURNING event_id::text"
_HANDLED_BEFORE = "consumed_events_pkey"


async def consume(
    bus: EventBus,
    database: Database,
    durable: str,
    subjects: Sequence[str],
    handler: Handler,
    *,
    attempts: int = 10,
    first_delay_seconds: float = 0.5,
) -> None:
    """Give every event on `subjects` to `handler`, until cancelled; replicas with the same `durable` share the work.

    Subjects are those of the stream, `csms.event.<service>.<noun>.<verb>`. Order is that of the stream but for events
    that are tried again, so a handler must cope with events that come late. A failing event is tried again after
    `first_delay_seconds`, then twice as long each time up to a minute, and parked after `attempts`; as long as it fails
    with UNAVAILABLE or DEADLINE_EXCEEDED it is never parked. Those that came with it do not wait for it. While the
    database is away everything waits. Parked events get another try when this begins, that is after a restart with
    mended code.
    """

    async def one_by_one(connection: AsyncConnection, events: Sequence[DomainEvent]) -> None:
        for event in events:
            await handler(connection, event)

    await consume_batches(
        bus, database, durable, subjects, one_by_one, attempts=attempts, first_delay_seconds=first_delay_seconds
    )


async def consume_batches(
    bus: EventBus,
    database: Database,
    durable: str,
    subjects: Sequence[str],
    handler: BatchHandler,
    *,
    attempts: int = 10,
    first_delay_seconds: float = 0.5,
) -> None:
    """The same as `consume` for a handler of many events. When it fails, it gets them again in halves, down to one."""
    transactions = GatheringTransactions(database)
    consumer = _Consumer(database, transactions, durable, handler, attempts, first_delay_seconds)
    deliveries = Deliveries(bus, durable, subjects)
    try:
        await consumer.retry_parked()
        while True:
            batch = await deliveries.next_batch()
            try:
                await consumer.settle(batch)
            except nats.errors.Error as error:
                # The acknowledgements are lost: the events come again, are found handled and are acknowledged then.
                _log.info("consumer %s could not acknowledge: %s", durable, error or type(error).__name__)
    finally:
        await deliveries.close()
        await transactions.close()


@dataclass(frozen=True, slots=True)
class _Arrival:
    """An event and the message that brought it."""

    message: Msg
    payload: bytes
    event: DomainEvent


@dataclass(frozen=True, slots=True)
class _Failure:
    """What could not be handled, and why. `event_id` is the place in the stream of what is no event."""

    message: Msg
    event_id: str
    subject: str
    payload: bytes
    error: Exception


@dataclass(frozen=True)
class _Consumer:
    database: Database
    transactions: GatheringTransactions
    durable: str
    handler: BatchHandler
    attempts: int
    first_delay_seconds: float

    async def settle(self, batch: Sequence[Msg]) -> None:
        """Handle the events of a batch; each message is acknowledged when none of its events has to come again."""
        with tracing.span("events consumed") as span:
            events, failed = await self._settle(batch)
            span.note({"csms.consumer": self.durable, "csms.events": events, "csms.failed": failed})
            if failed:
                span.fail(f"{failed} of {events}")

    async def _settle(self, batch: Sequence[Msg]) -> tuple[int, int]:
        """How many events there were, and how many failed."""
        lease = _Lease(batch)
        arrivals, failures = _unpacked(batch)
        count = len(arrivals) + len(failures)
        waiting = iter(arrivals)
        while portion := list(islice(waiting, MAX_EVENTS)):
            failures += await self._handle(portion, lease)
        for message in batch:
            if failed := [failure for failure in failures if failure.message is message]:
                await self._refuse(message, failed)
            else:
                await message.ack()
        if not failures:
            heartbeat().got_on()
        return count, len(failures)

    async def retry_parked(self) -> None:
        """Handle the parked events of this consumer again; those that still fail stay parked."""
        columns = PARKED_EVENTS.c
        query = select(columns.event_id, columns.payload).where(columns.consumer == self.durable)
        query = query.order_by(columns.create_time).limit(_PARKED_AT_ONCE)
        while True:
            try:
                async with self.database.read() as connection:
                    parked = (await connection.execute(query)).all()
                break
            except DatabaseUnavailable as error:
                heartbeat().failed(error)
                await sleep(_DATABASE_RETRY_SECONDS)
        for event_id, payload in parked:
            try:
                await self._unpark(event_id, payload)
            except Exception as error:  # whatever it was, it was logged when the event was parked
                _log.warning("event %s stays parked for %s: %s", event_id, self.durable, error)

    async def _unpark(self, event_id: str, payload: bytes) -> None:
        async with self.database.transaction() as connection:
            await self._apply_unhandled(connection, [_event(payload)])
            columns = PARKED_EVENTS.c
            await connection.execute(
                delete(PARKED_EVENTS).where(columns.consumer == self.durable, columns.event_id == event_id)
            )
        stir()

    async def _handle(self, arrivals: Sequence[_Arrival], lease: "_Lease") -> list[_Failure]:
        """Handle events in one transaction or, when that fails, in halves; returns those that fail by themselves."""
        while True:
            await lease.renew()
            try:
                await self._apply([arrival.event for arrival in arrivals])
                stir()
                return []
            except DatabaseUnavailable as error:
                # Not the events' fault: it does not count as an attempt.
                heartbeat().failed(error)
                await sleep(_DATABASE_RETRY_SECONDS)
            except Exception as error:  # one event must never stop the others
                if len(arrivals) == 1:
                    return [_failure(arrivals[0], error)]
                break
        middle = len(arrivals) // 2
        failed = await self._handle(arrivals[:middle], lease)
        return failed + await self._handle(arrivals[middle:], lease)

    async def _apply(self, events: Sequence[DomainEvent]) -> None:
        """Handle events in one transaction, but those that were handled before."""
        try:
            async with self.transactions() as connection:
                await put_off(connection, _CLAIM, self.durable, array(event.id for event in events))
                await self.handler(connection, events)
        except psycopg.errors.UniqueViolation as error:
            if constraint_of(error) != _HANDLED_BEFORE:
                raise
            # So seldom that to look for it each time would cost more.
            async with self.database.transaction() as connection:
                await self._apply_unhandled(connection, events)

    async def _apply_unhandled(self, connection: AsyncConnection, events: Sequence[DomainEvent]) -> None:
        claimed = await fetch(connection, _CLAIM_UNHANDLED, self.durable, array(event.id for event in events))
        unhandled = {event_id for (event_id,) in claimed}
        fresh = []
        for event in events:
            if event.id in unhandled:
                unhandled.remove(event.id)
                fresh.append(event)
        if fresh:
            await self.handler(connection, fresh)

    async def _refuse(self, message: Msg, failures: Sequence[_Failure]) -> None:
        """Park those that have failed often enough and have the message delivered again for the others."""
        attempt = message.metadata.num_delivered
        again = [failure for failure in failures if not await self._gave_up(failure, attempt)]
        if not again:
            # The others go on without them.
            heartbeat().got_on()
            await message.ack()
            return
        heartbeat().failed(again[0].error)
        delay = min(self.first_delay_seconds * 2 ** min(attempt - 1, 16), _LONGEST_DELAY_SECONDS)
        _log.warning(
            "consumer %s failed on %d events of %s (attempt %d, again in %.1f s), the first of them %s: %s",
            *(self.durable, len(again), message.subject, attempt, delay),
            *(again[0].event_id, again[0].error or type(again[0].error).__name__),
        )
        await message.nak(delay)

    async def _gave_up(self, failure: _Failure, attempt: int) -> bool:
        """Park what no further attempt will help, or what has had enough of them; whether it is parked now."""
        error = failure.error
        if not isinstance(error, _NotAnEvent) and (attempt < self.attempts or _may_pass(error)):
            return False
        row = {
            "consumer": self.durable,
            "event_id": failure.event_id,
            "subject": failure.subject,
            "payload": failure.payload,
            "attempts": attempt,
            "error": f"{type(error).__name__}: {error}"[:_LONGEST_ERROR].replace("\0", ""),
        }
        try:
            async with self.database.transaction() as connection:
                parked = await connection.execute(insert(PARKED_EVENTS).values(row).on_conflict_do_nothing())
        except DomainError:  # the database is away, or takes too long
            return False
        # It is tried once more, and is parked already, when the message comes again for the sake of others.
        if parked.rowcount:
            _log.error(
                "consumer %s parked event %s after attempt %d", self.durable, failure.event_id, attempt, exc_info=error
            )
        return True


class _Lease:
    """Keeps a batch from being delivered to others while work on it goes on, however long it takes."""

    def __init__(self, batch: Sequence[Msg]) -> None:
        self._batch = batch
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + ACK_WAIT_SECONDS / 3

    async def renew(self) -> None:
        """Call this at each step: who hangs in one of them loses the batch."""
        if self._loop.time() >= self._due:
            self._due = self._loop.time() + ACK_WAIT_SECONDS / 3
            for message in self._batch:
                await message.in_progress()


class _NotAnEvent(Exception):
    """Something on an event subject that no later try will make an event of."""


def _unpacked(batch: Sequence[Msg]) -> tuple[list[_Arrival], list[_Failure]]:
    arrivals, failures = [], []
    for message in batch:
        try:
            payloads = unpack(message.data)
        except DecodeError:
            payloads = ()
        # What holds no event at all is taken for one that cannot be read.
        for number, payload in enumerate(payloads or (message.data,)):
            try:
                arrivals.append(_Arrival(message, payload, _event(payload)))
            except _NotAnEvent as error:
                failures.append(_foreign(message, number, payload, error))
    return arrivals, failures


def _event(payload: bytes) -> DomainEvent:
    try:
        event = DomainEvent.FromString(payload)
        if not is_id(event.id):
            event.id = str(uuid.UUID(event.id))
    except (DecodeError, ValueError) as error:
        raise _NotAnEvent(str(error)) from error
    return event


def _failure(arrival: _Arrival, error: Exception) -> _Failure:
    return _Failure(arrival.message, arrival.event.id, arrival.event.subject, arrival.payload, error)


def _foreign(message: Msg, number: int, payload: bytes, error: Exception) -> _Failure:
    return _Failure(message, f"stream:{message.metadata.sequence.stream}.{number}", message.subject, payload, error)


def _may_pass(error: Exception) -> bool:
    return isinstance(error, DomainError) and error.kind in (ErrorKind.UNAVAILABLE, ErrorKind.DEADLINE_EXCEEDED)
