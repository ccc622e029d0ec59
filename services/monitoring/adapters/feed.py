"""The stream of domain events for readers who come and go: an ephemeral, ordered consumer for each of them.

A reader holds at most one batch in memory and asks for the next one when it has read that: a slow one slows only
itself. Any disturbance ends the reading with an error; the reader resumes where it was.

A message of the stream holds several events, so a cursor has two parts: the number of the last message that was read to
its end, and how many events of the next one were read.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress

import nats.errors
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from csms.event.v1.domain_event_pb2 import DomainEvent
from services.kernel.errors import DomainError, invalid, unavailable
from services.kernel.tenancy import DEFAULT_TENANT
from services.messaging.event_batches import unpack
from services.messaging.event_bus import PREFIX, STREAM, EventBus, entity_of
from services.messaging.pulls import Pull, Word
from services.monitoring.domain.stream import StreamItem, StreamRequest

SIGN_OF_LIFE_SECONDS = 15.0
# REST readers see nothing, not even that they are heard, before the first item.
FIRST_SIGN_SECONDS = 0.5

_HEARTBEAT_SECONDS = 2.0
# Two heartbeats missed: the request is lost.
_SILENCE_SECONDS = 5.0
_LOOK_SECONDS = 1.0
_ANSWER_SECONDS = 3.0
# A consumer whose process died is removed by the server after this.
_INACTIVE_SECONDS = 60.0
# A cursor is the number of a message times this, plus a number of events; a message never holds as many.
_RADIX = 1024


class JetStreamFeed:
    """Satisfies ports.EventFeed."""

    def __init__(self, bus: EventBus, sign_of_life_seconds: float = SIGN_OF_LIFE_SECONDS) -> None:
        self._bus = bus
        self._sign_of_life_seconds = sign_of_life_seconds

    @asynccontextmanager
    async def read(self, request: StreamRequest) -> AsyncIterator[AsyncIterator[StreamItem]]:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                jetstream, client = await self._bus.ready(), await self._bus.client()
                after = await _checked_start(jetstream, request.after)
                config = _consumer(after // _RADIX, _filters(request.nouns))
                consumer = (await jetstream.add_consumer(STREAM, config)).name
        except (nats.errors.Error, TimeoutError, OSError) as error:
            if isinstance(error, NotFoundError):
                self._bus.stream_missing()
            raise _lost() from None
        try:
            async with _listening(Pull(client, consumer)) as pull:
                yield _Reading(self._bus, jetstream, pull, after, request, self._sign_of_life_seconds)
        finally:
            with suppress(nats.errors.Error, TimeoutError, OSError):
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await jetstream.delete_consumer(STREAM, consumer)


class _Reading:
    """The items for one reader."""

    def __init__(
        self,
        bus: EventBus,
        jetstream: JetStreamContext,
        pull: Pull,
        cursor: int,
        request: StreamRequest,
        sign_of_life_seconds: float,
    ) -> None:
        self._bus = bus
        self._jetstream = jetstream
        self._pull = pull
        self._cursor = self._began = cursor
        self._wish = request
        self._sign_of_life_seconds = sign_of_life_seconds
        self._patience_seconds = min(FIRST_SIGN_SECONDS, sign_of_life_seconds)
        self._loop = asyncio.get_running_loop()
        self._sign_due = self._loop.time() + self._patience_seconds
        # Those of one message.
        self._items: deque[StreamItem] = deque()
        self._delivered = 0
        self._is_idle = True
        # Everything up to here is certain to have been delivered when the request under way times out idle.
        self._horizon = cursor

    def __aiter__(self) -> AsyncIterator[StreamItem]:
        return self

    async def __anext__(self) -> StreamItem:
        while not self._items:
            if self._pull.is_over:
                await self._request()
            message = await self._next_message()
            word = self._pull.heed(message)
            if word is None:
                self._take(message)
            elif word is Word.TIMED_OUT:
                if self._is_idle:
                    self._show_life(max(self._cursor, self._horizon))
                self._is_idle = True
            elif word is Word.LOST:
                raise _lost()
        self._sign_due = self._loop.time() + self._sign_of_life_seconds
        item = self._items.popleft()
        self._cursor = item.cursor
        return item

    def _show_life(self, cursor: int) -> None:
        self._items.append(StreamItem(cursor=cursor))

    def _take(self, message: Msg) -> None:
        place = message.metadata.sequence
        if place.consumer != self._delivered + 1:
            raise _lost()
        self._delivered = place.consumer
        self._items.extend(self._requested(place.stream, message.data))
        if self._items:
            self._is_idle = False
            return
        self._cursor = _cursor(place.stream)
        if self._loop.time() >= self._sign_due:
            self._show_life(self._cursor)

    def _requested(self, number: int, payload: bytes) -> Iterator[StreamItem]:
        """The events in message `number` that the reader wants and has not read yet."""
        try:
            events = unpack(payload)
        except DecodeError:  # somebody else's
            return
        for count, event in enumerate(events, start=1):
            cursor = _cursor(number) if count == len(events) else _cursor(number - 1, count)
            if cursor > self._began and _is_requested(event, self._wish):
                yield StreamItem(cursor=cursor, event=event)

    async def _request(self) -> None:
        expires_seconds = self._patience_seconds
        self._patience_seconds = self._sign_of_life_seconds
        try:
            if self._is_idle:
                self._horizon = _cursor((await self._jetstream.stream_info(STREAM)).state.last_seq)
            await self._pull.ask(expires_seconds, min(_HEARTBEAT_SECONDS, expires_seconds / 3))
        except (nats.errors.Error, TimeoutError, OSError):
            raise _lost() from None

    async def _next_message(self) -> Msg:
        give_up_at = self._loop.time() + _SILENCE_SECONDS
        while True:
            try:
                return await self._pull.next(_LOOK_SECONDS)
            except TimeoutError:
                if not self._bus.is_ready or self._loop.time() >= give_up_at:
                    raise _lost() from None


@asynccontextmanager
async def _listening(pull: Pull) -> AsyncIterator[Pull]:
    try:
        await pull.listen()
    except (nats.errors.Error, OSError):
        raise _lost() from None
    try:
        yield pull
    finally:
        await pull.close()


async def _checked_start(jetstream: JetStreamContext, after: int | None) -> int:
    """Where to begin. Raises: INVALID_FIELD when events after that are gone, or it lies ahead of the stream."""
    state = (await jetstream.stream_info(STREAM)).state
    if after is None:
        return _cursor(state.last_seq)
    if after > _cursor(state.last_seq):
        raise invalid("cursor", "lies ahead of the stream, which was made anew; begin again without it")
    if 0 < after < _cursor(state.first_seq - 1):
        raise invalid("cursor", "is older than the events that are kept; begin with 0 for the oldest of them")
    return after


def _cursor(messages: int, events: int = 0) -> int:
    """After that many messages of the stream, and so many events of the next one."""
    return messages * _RADIX + min(events, _RADIX - 1)


def _is_requested(payload: bytes, wish: StreamRequest) -> bool:
    """Whether an event is of the tenant and the entity that are wished for; one that cannot be read is of no entity,
    and the default tenant's."""
    if wish.tenant_id is None and not wish.entity_id:
        return True
    try:
        event = DomainEvent.FromString(payload)
    except DecodeError:
        event = DomainEvent()
    is_theirs = wish.tenant_id in (None, event.tenant_id or DEFAULT_TENANT)
    return is_theirs and (not wish.entity_id or entity_of(event.subject) == wish.entity_id)


def _consumer(messages_read: int, filters: Sequence[str]) -> ConsumerConfig:
    return ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=messages_read + 1,
        ack_policy=AckPolicy.NONE,
        filter_subjects=list(filters),
        inactive_threshold=_INACTIVE_SECONDS,
        mem_storage=True,
        num_replicas=1,
    )


def _filters(nouns: Sequence[str]) -> list[str]:
    """The subjects asked for; the server refuses one that is there twice."""
    return [f"{PREFIX}.*.{noun}.*" for noun in sorted(set(nouns)) or ["*"]]


def _lost() -> DomainError:
    return unavailable("the event stream does not answer; resume with the cursor of the last item")
