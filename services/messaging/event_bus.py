"""The connection to NATS: the stream of domain events, and the live feeds beside it.

Knows subjects, not payloads, and no database: outbox.py brings events here, inbox.py takes them away. Everything
waits out an absent server; only live messages are dropped then.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, Header, PubAck, StorageType, StreamConfig
from nats.js.errors import NoStreamResponseError, NotFoundError

from services.messaging.event_batches import OutgoingEvent, pack
from services.process.metrics import counter

_log = logging.getLogger(__name__)

STREAM = "CSMS_EVENTS"
PREFIX = "csms.event"

# One who runs a cluster may raise limits and replicas with NATS' own tools: an existing stream is left as it is.
_STREAM_CONFIG = StreamConfig(
    name=STREAM,
    subjects=[f"{PREFIX}.>"],
    storage=StorageType.FILE,
    discard=DiscardPolicy.OLD,
    max_age=7 * 24 * 3600,
    max_bytes=2 * 1024**3,
    duplicate_window=600,
)
_PUBLISH_SECONDS = 10
_FLUSH_SECONDS = 2
_RETRY_SECONDS = 0.2
_LONGEST_RETRY_SECONDS = 2.0
_FIRST_PORT = 4222
_LOOK_AGAIN_SECONDS = 0.05
# Readable in a subject and without a meaning there; everything else outside letters, digits, - and _ is escaped.
_SAFE = "=:+|@"


@dataclass(frozen=True, slots=True)
class LiveMessage:
    """What a live subscription yields."""

    subject: str
    payload: bytes


def token_of(entity_id: str) -> str:
    """An id as the last word of a subject: percent-escaped where it could mean something to NATS.

    Raises: ValueError for an empty id.
    """
    if not entity_id:
        raise ValueError("an event needs the id of what it is about")
    return quote(entity_id, safe=_SAFE).replace(".", "%2E")


def entity_of(event_subject: str) -> str:
    """The id that a subject ends with."""
    return unquote(event_subject.rsplit(".", 1)[-1])


async def _end(reconnecting: "asyncio.Task[None]") -> None:
    """Cancel the library's reconnection until it ends: one cancellation can be lost, and it would go on for ever."""
    while not reconnecting.done():
        reconnecting.cancel()
        await asyncio.wait({reconnecting}, timeout=_LOOK_AGAIN_SECONDS)


def heed_cancellation() -> None:
    """Raise the CancelledError that the client library has swallowed; for endless loops that call it.

    A cancellation that comes together with the answer of the server is lost in it (asyncio.wait_for, up to Python 3.11,
    returns the answer then), and the loop would go on for ever.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class EventBus:
    """A connection to NATS that is made when first needed and mends itself; for one event loop.

    `url` may name several servers, separated by commas; `name` is how the server lists this client.
    """

    def __init__(self, url: str, name: str = "csms") -> None:
        self._servers = [server.strip() for server in url.split(",") if server.strip()]
        self._name = name
        self._client: Client | None = None
        self._jetstream: JetStreamContext | None = None
        self._connected = asyncio.Event()
        self._connections = 0
        self._reconnected: set[Callable[[], None]] = set()
        self._stream_exists = False
        self._getting_ready = asyncio.Lock()
        self._dropped = counter("csms_live_messages_dropped_total", "Live messages lost: server away, reader too slow")

    @classmethod
    async def connect(cls, url: str, name: str = "csms") -> "EventBus":
        """A bus that is ready; waits for the server as long as it takes."""
        bus = cls(url, name)
        await bus.ready()
        return bus

    @property
    def connection_number(self) -> int:
        """Counts the connections, from 1; 0 while there is none. What was published between two was not heard."""
        return self._connections if self._connected.is_set() else 0

    @contextmanager
    def noticing_reconnections(self, notice: Callable[[], None]) -> Iterator[None]:
        """Call `notice` whenever the connection was lost and is there again, until the block ends."""
        self._reconnected.add(notice)
        try:
            yield
        finally:
            self._reconnected.discard(notice)

    @property
    def is_ready(self) -> bool:
        """Whether `ready` would return at once: the server is reachable and has the stream, as far as known."""
        return self._connected.is_set() and self._stream_exists

    async def ready(self) -> JetStreamContext:
        """Wait until the server is reachable and the event stream exists."""
        async with self._getting_ready:
            pause = _RETRY_SECONDS
            while True:
                heed_cancellation()
                client = await self._dial()
                await self._connected.wait()
                self._jetstream = self._jetstream or client.jetstream()
                try:
                    if not self._stream_exists:
                        await _ensure_stream(self._jetstream)
                        self._stream_exists = True
                    return self._jetstream
                except (nats.errors.Error, TimeoutError) as error:
                    # A server that has just started accepts clients a moment before its streams are recovered.
                    _log.info("the event stream is not there yet: %s", error or type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_RETRY_SECONDS)

    async def client(self) -> Client:
        """The connected client beneath, for what this class has no method for; `ready` first."""
        await self.ready()
        return await self._dial()

    async def publish(self, events: Sequence[OutgoingEvent]) -> list[bool]:
        """Publish to the stream, all in flight together; tells of each whether the stream has it now.

        Events of one kind share messages (event_batches.py), in their order. The stream drops a message with the same
        events as one of the last ten minutes and confirms it all the same. Waits for an absent server. Never raises for
        a server that fails: what was not confirmed may or may not have arrived; publish it again.
        """
        if not events:
            return []
        jetstream = await self.ready()
        batches = pack(events)
        confirmations: list[asyncio.Future[PubAck]] = []
        try:
            for batch in batches:
                headers = {Header.MSG_ID: batch.id}
                future = await jetstream.publish_async(batch.subject, batch.payload, headers=headers)
                confirmations.append(future)
            await asyncio.wait(confirmations, timeout=_PUBLISH_SECONDS)
        except (nats.errors.Error, OSError) as error:
            _log.warning("publishing was cut short: %s", error or type(error).__name__)
        finally:
            # A confirmation that does not come would hold its place among the client's pending ones for ever.
            for future in confirmations:
                future.cancel()
        confirmed = [False] * len(events)
        for batch, future in zip(batches, confirmations, strict=False):
            if self._is_confirmed(future):
                for place in batch.places:
                    confirmed[place] = True
        return confirmed

    async def publish_live(self, live_subject: str, payload: bytes) -> None:
        """Send to whoever listens now, not on a subject of the stream; dropped and counted when the server is away."""
        if live_subject.startswith(f"{PREFIX}."):
            raise ValueError(f"{live_subject} belongs to the event stream")
        if self._client is None or not self._client.is_connected:
            self._dropped.add()
            return
        try:
            await self._client.publish(live_subject, payload)
        except nats.errors.Error:
            self._dropped.add()

    @asynccontextmanager
    async def subscribe_live(self, *subjects: str, limit: int = 1000) -> AsyncIterator[AsyncIterator[LiveMessage]]:
        """Listen to `subjects` (wildcards allowed, also those of domain events) from now on.

        Yields an endless iterator. Nothing is stored for the listener: what comes while the server is away, or while
        `limit` messages wait to be read, is lost to it (the latter is counted).
        """
        client = await self.client()
        waiting: asyncio.Queue[LiveMessage] = asyncio.Queue(limit)

        async def keep(message: Msg) -> None:
            try:
                waiting.put_nowait(LiveMessage(message.subject, message.data))
            except asyncio.QueueFull:
                self._dropped.add()

        subscriptions = [await client.subscribe(subject, cb=keep) for subject in subjects]
        try:
            await self._until_heard(client)
            yield _endless(waiting)
        finally:
            for subscription in subscriptions:
                with suppress(nats.errors.Error):
                    await subscription.unsubscribe()

    async def close(self) -> None:
        """Send what is still buffered, if the server is there, and hang up."""
        self._connected.clear()
        client, self._client, self._jetstream = self._client, None, None
        if client is not None:
            reconnecting = client._reconnection_task
            await client.close()
            if reconnecting is not None:
                await _end(reconnecting)

    async def _until_heard(self, client: Client) -> None:
        """Wait until the server knows all subscriptions, also when it goes away meanwhile: the client repeats them."""
        is_heard = False
        while not is_heard:
            await self._connected.wait()
            try:
                # The client may send the ping of its flush before the subscriptions, but not the ping of the next one.
                await client.flush(_FLUSH_SECONDS)
                await client.flush(_FLUSH_SECONDS)
                is_heard = True
            except nats.errors.ConnectionClosedError:
                raise
            except (nats.errors.Error, OSError) as error:
                _log.info("not heard by NATS yet: %s", error or type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)
            heed_cancellation()

    def stream_missing(self) -> None:
        """Tell the bus that the server does not know the stream (any more): `ready` makes it anew."""
        self._stream_exists = False

    def _is_confirmed(self, confirmation: "asyncio.Future[PubAck]") -> bool:
        if confirmation.cancelled():
            return False
        error = confirmation.exception()
        if isinstance(error, NoStreamResponseError):
            self.stream_missing()
        return error is None

    async def _dial(self) -> Client:
        """The client; connects it if there is none yet."""
        while self._client is None:
            heed_cancellation()
            await self._wait_for_port()
            client = Client()
            try:
                await client.connect(
                    self._servers,
                    name=self._name,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=_RETRY_SECONDS,  # type: ignore[arg-type]  # seconds, and fractions work
                    ping_interval=10,
                    flush_timeout=5,
                    error_cb=self._on_error,
                    disconnected_cb=self._on_disconnected,
                    reconnected_cb=self._on_connected,
                )
            except (nats.errors.Error, OSError, TimeoutError) as error:
                _log.warning("NATS refuses the connection: %s", error or type(error).__name__)
                await asyncio.sleep(_LONGEST_RETRY_SECONDS)
                continue
            self._client = client
            self._connections += 1
            self._connected.set()
        return self._client

    async def _wait_for_port(self) -> None:
        # The client itself pauses for two seconds after a refused first connection.
        pause = _RETRY_SECONDS
        while not any([await _accepts(server) for server in self._servers]):
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_RETRY_SECONDS)

    async def _on_disconnected(self) -> None:
        if self._connected.is_set():
            self._connected.clear()
            _log.warning("NATS is away; events wait in the outbox")

    async def _on_connected(self) -> None:
        self._connections += 1
        self._connected.set()
        for notice in tuple(self._reconnected):
            notice()
        _log.info("NATS is back")

    async def _on_error(self, error: Exception) -> None:
        # Each vain attempt to reconnect ends here; that the server is away has been said.
        _log.debug("NATS: %s", error or type(error).__name__)


async def _ensure_stream(jetstream: JetStreamContext) -> None:
    try:
        await jetstream.stream_info(STREAM)
    except NotFoundError:
        await jetstream.add_stream(_STREAM_CONFIG)


async def _accepts(server: str) -> bool:
    address = urlsplit(server if "//" in server else f"nats://{server}")
    try:
        async with asyncio.timeout(_LONGEST_RETRY_SECONDS):
            _, writer = await asyncio.open_connection(address.hostname, address.port or _FIRST_PORT)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def _endless(queue: asyncio.Queue[LiveMessage]) -> AsyncIterator[LiveMessage]:
    while True:
        yield await queue.get()
