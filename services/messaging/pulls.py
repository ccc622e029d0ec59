"""JetStream's pull protocol: a consumer of the stream is asked for so many messages, and what it says is understood.

Spoken directly: the client library's `fetch` makes a lone message wait for its batch to fill or time out. Neither makes
consumers nor decides about messages: deliveries.py does for consumers that replicas share, and whoever reads the stream
for himself does.
"""

import asyncio
import json
from contextlib import suppress
from enum import Enum

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from services.messaging.event_bus import STREAM

# Enough to share out what a batch costs whatever its size also when each holds a single event, few enough to be handled
# well before they are delivered again. The bytes bound what waits in memory; the largest message fits in.
BATCH = 64
_BATCH_BYTES = 2 * 1024 * 1024

_NANOSECONDS = 1_000_000_000
_IDLE_HEARTBEAT, _TIMED_OUT, _CONFLICT = "100", "408", "409"
# None of the server's.
_BROKEN_OFF = "broken off"
_TOO_LARGE, _COMPLETED = "Exceeds MaxBytes", "Batch Completed"


class Word(Enum):
    """What the server says of a request."""

    GOES_ON = "goes on"
    """Heartbeat, or late news of the request before."""
    TIMED_OUT = "timed out"
    """As long as it was made for: ask again."""
    FULL = "full"
    """The next message is one too many for its bytes: ask again."""
    LOST = "lost"
    """The consumer is gone, or nobody serves it now."""


class Pull:
    """One request at a time to a consumer, and the messages that it brought: at most 64, or 2 MiB, wait to be taken.

    Methods that talk to the server raise nats.errors.Error and OSError.
    """

    def __init__(self, client: Client, consumer: str) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{consumer}"
        self._inbox = client.new_inbox()
        self._subscription: Subscription | None = None
        # Bounded by what is asked for.
        self._arrived: asyncio.Queue[Msg] = asyncio.Queue()
        # How many messages the request under way still allows.
        self._allowance = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of what was asked for: ask again."""
        return self._allowance <= 0

    @property
    def waiting(self) -> int:
        """How many have arrived and were not taken, statuses among them."""
        return self._arrived.qsize()

    async def listen(self) -> None:
        """Hear the answers to the requests to come."""
        self._subscription = await self._client.subscribe(self._inbox, cb=self._arrived.put)

    async def ask(self, expires_seconds: float, heartbeat_seconds: float) -> None:
        """Ask for a batch; a request that brings nothing shows each `heartbeat_seconds` that it is not lost.

        The server wants two heartbeats in the time after which the request expires.
        """
        request = {
            "batch": BATCH,
            "max_bytes": _BATCH_BYTES,
            "expires": int(expires_seconds * _NANOSECONDS),
            "idle_heartbeat": int(heartbeat_seconds * _NANOSECONDS),
        }
        self._allowance = BATCH
        await self._client.publish(self._subject, json.dumps(request).encode(), reply=self._inbox)

    def break_off(self) -> None:
        """The request under way is lost, with the connection that it was made on: whoever waits for what it brings
        hears so."""
        self._arrived.put_nowait(Msg(self._client, headers={"Status": _BROKEN_OFF}))

    def give_up(self) -> None:
        """Expect nothing more of the request under way."""
        self._allowance = 0

    async def next(self, seconds: float) -> Msg:
        """The next message, or the server's word. Raises: TimeoutError when none comes in `seconds`."""
        async with asyncio.timeout(seconds):
            return await self._arrived.get()

    def next_at_once(self) -> Msg:
        """The next of those that are `waiting`. Raises: asyncio.QueueEmpty."""
        return self._arrived.get_nowait()

    def heed(self, message: Msg) -> Word | None:
        """What the server says of the request under way by `message`; None for a message of the stream.

        Call it once for each that was taken: they are counted here.
        """
        headers = message.headers or {}
        status, description = headers.get("Status"), headers.get("Description", "")
        if status is None:
            self._allowance -= 1
            return None
        # What is said of a request that is complete may come when the next one is under way.
        if status == _IDLE_HEARTBEAT or _COMPLETED in description:
            return Word.GOES_ON
        self._allowance = 0
        if status == _TIMED_OUT:
            return Word.TIMED_OUT
        return Word.FULL if status == _CONFLICT and _TOO_LARGE in description else Word.LOST

    async def close(self) -> None:
        """Hear no more. What was delivered and not acknowledged goes to whoever shares the consumer, or comes again."""
        if self._subscription is not None:
            with suppress(nats.errors.Error, OSError):
                await self._subscription.unsubscribe()
