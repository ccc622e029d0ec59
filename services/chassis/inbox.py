"""Handles domain events: the effect of each is committed exactly once, together with the note that it was handled.

What an event means is the handler's business. An event that fails again and again is parked in `parked_events`, and
the others go on.
"""

import logging
import uuid
from asyncio import sleep
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import nats.errors
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from csms.event.v1.domain_event_pb2 import DomainEvent
from services.chassis.database import Database, DatabaseUnavailable
from services.chassis.deliveries import Deliveries
from services.chassis.events import EventBus
from services.chassis.recordset import array
from services.chassis.shared_tables import PARKED_EVENTS
from services.kernel.errors import DomainError, ErrorKind
from services.kernel.ids import is_id

_log = logging.getLogger(__name__)

Handler = Callable[[AsyncConnection, DomainEvent], Awaitable[None]]
"""Applies one event. Has no effect but through its connection, because it is called again after a rollback."""

BatchHandler = Callable[[AsyncConnection, Sequence[DomainEvent]], Awaitable[None]]
"""The same for the events that came together, in their order: one statement may do for many of them."""

_LONGEST_DELAY_SECONDS = 60.0
_DATABASE_RETRY_SECONDS = 1.0
_PARKED_AT_ONCE = 1000
_LONGEST_ERROR = 2000
# Sorted, so that replicas that are given the same events again do not lock each other out.
_CLAIM = text(
    "INSERT INTO consumed_events (consumer, event_id)"
    " SELECT :consumer, id FROM unnest(CAST(:ids AS uuid[])) AS id ORDER BY id"
    " ON CONFLICT DO NOTHING RETURNING CAST(event_id AS text)"
)


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

    Order is that of the stream but for events that are tried again, so a handler must cope with events that come
    late. A failing event is tried again after `first_delay_seconds`, then twice as long each time up to a minute, and
    parked after `attempts`; as long as it fails with UNAVAILABLE or DEADLINE_EXCEEDED it is never parked. While the
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
    """The same as `consume` for a handler of many events. When it fails, it gets them again one at a time."""
    consumer = _Consumer(database, durable, handler, attempts, first_delay_seconds)
    await consumer.retry_parked()
    deliveries = Deliveries(bus, durable, subjects)
    try:
        while True:
            batch = await deliveries.next_batch()
            try:
                await consumer.settle(batch)
            except nats.errors.Error as error:
                # The acknowledgements are lost: the events come again, are found handled and are acknowledged then.
                _log.info("consumer %s could not acknowledge: %s", durable, error or type(error).__name__)
    finally:
        await deliveries.close()


@dataclass(frozen=True)
class _Consumer:
    database: Database
    durable: str
    handler: BatchHandler
    attempts: int
    first_delay_seconds: float

    async def settle(self, batch: Sequence[Msg]) -> None:
        """Handle the events of a batch and acknowledge them: in one transaction or, when that fails, one by one."""
        if len(batch) > 1 and await self._applied_together(batch):
            for message in batch:
                await message.ack()
            return
        for message in batch:
            await self._settle_one(message)

    async def retry_parked(self) -> None:
        """Handle the parked events of this consumer again; those that still fail stay parked."""
        columns = PARKED_EVENTS.c
        wanted = select(columns.event_id, columns.payload).where(columns.consumer == self.durable)
        wanted = wanted.order_by(columns.create_time).limit(_PARKED_AT_ONCE)
        while True:
            try:
                async with self.database.read() as connection:
                    parked = (await connection.execute(wanted)).all()
                break
            except DatabaseUnavailable:
                await sleep(_DATABASE_RETRY_SECONDS)
        for event_id, payload in parked:
            try:
                await self._unpark(event_id, payload)
            except Exception as error:  # whatever it was, it was logged when the event was parked
                _log.warning("event %s stays parked for %s: %s", event_id, self.durable, error)

    async def _unpark(self, event_id: str, payload: bytes) -> None:
        async with self.database.transaction() as connection:
            await self._apply(connection, [_event(payload)])
            columns = PARKED_EVENTS.c
            await connection.execute(
                delete(PARKED_EVENTS).where(columns.consumer == self.durable, columns.event_id == event_id)
            )

    async def _applied_together(self, batch: Sequence[Msg]) -> bool:
        try:
            events = [_event(message.data) for message in batch]
            async with self.database.transaction() as connection:
                await self._apply(connection, events)
        except Exception:  # which event it was, and what to do about it, is found out one by one
            return False
        return True

    async def _settle_one(self, message: Msg) -> None:
        while True:
            try:
                event = _event(message.data)
                async with self.database.transaction() as connection:
                    await self._apply(connection, [event])
                await message.ack()
            except DatabaseUnavailable:
                # Not the event's fault: it does not count as an attempt.
                await message.in_progress()
                await sleep(_DATABASE_RETRY_SECONDS)
                continue
            except (nats.errors.Error, OSError):
                raise
            except Exception as error:  # one event must never stop the others
                await self._refuse(message, error)
            return

    async def _apply(self, connection: AsyncConnection, events: Sequence[DomainEvent]) -> None:
        ids = [event.id if is_id(event.id) else str(uuid.UUID(event.id)) for event in events]
        claimed = await connection.scalars(_CLAIM, {"consumer": self.durable, "ids": array(ids)})
        unhandled = set(claimed.all())
        fresh = []
        for event_id, event in zip(ids, events, strict=True):
            if event_id in unhandled:
                unhandled.remove(event_id)
                fresh.append(event)
        if fresh:
            await self.handler(connection, fresh)

    async def _refuse(self, message: Msg, error: Exception) -> None:
        attempt = message.metadata.num_delivered
        if isinstance(error, _NotAnEvent) or (attempt >= self.attempts and not _may_pass(error)):
            await self._park(message, error, attempt)
            return
        delay = min(self.first_delay_seconds * 2 ** min(attempt - 1, 16), _LONGEST_DELAY_SECONDS)
        _log.warning(
            "consumer %s failed on %s (attempt %d, again in %.1f s): %s",
            *(self.durable, message.subject, attempt, delay, error or type(error).__name__),
        )
        await message.nak(delay)

    async def _park(self, message: Msg, error: Exception, attempt: int) -> None:
        row = {
            "consumer": self.durable,
            "event_id": _id_of(message),
            "subject": message.subject,
            "payload": message.data,
            "attempts": attempt,
            "error": f"{type(error).__name__}: {error}"[:_LONGEST_ERROR].replace("\0", ""),
        }
        try:
            async with self.database.transaction() as connection:
                await connection.execute(insert(PARKED_EVENTS).values(row).on_conflict_do_nothing())
        except DatabaseUnavailable:
            await message.nak(self.first_delay_seconds)
            return
        _log.error(
            "consumer %s parked event %s after attempt %d", self.durable, row["event_id"], attempt, exc_info=error
        )
        await message.term()


class _NotAnEvent(Exception):
    """A message on an event subject that no later try will make an event of."""


def _event(payload: bytes) -> DomainEvent:
    try:
        event = DomainEvent.FromString(payload)
        if not is_id(event.id):
            uuid.UUID(event.id)
    except (DecodeError, ValueError) as error:
        raise _NotAnEvent(str(error)) from error
    return event


def _id_of(message: Msg) -> str:
    """The id of the event, or the place in the stream of what is none."""
    try:
        return _event(message.data).id
    except _NotAnEvent:
        return f"stream:{message.metadata.sequence.stream}"


def _may_pass(error: Exception) -> bool:
    return isinstance(error, DomainError) and error.kind in (ErrorKind.UNAVAILABLE, ErrorKind.DEADLINE_EXCEEDED)
