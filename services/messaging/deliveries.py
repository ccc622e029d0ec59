"""Takes messages from the stream for one durable consumer, in batches as they arrive.

Speaks JetStream's pull protocol directly: the client library's `fetch` makes a lone message wait for its batch to
fill or time out. Decides nothing about a message; inbox.py does.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from contextlib import suppress

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from services.kernel.errors import unavailable
from services.messaging.event_bus import STREAM, EventBus, heed_cancellation
from services.process.heartbeats import heartbeat

_log = logging.getLogger(__name__)

# Enough to share out what a batch costs whatever its size also when each holds a single event, few enough to be handled
# well within the wait below. The bytes bound what waits in memory; the largest message fits in.
BATCH = 64
_BATCH_BYTES = 2 * 1024 * 1024
# A delivered message that is neither confirmed nor refused for so long is delivered again, to any replica.
ACK_WAIT_SECONDS = 30
# A batch costs its consumer nearly the same whatever its size (some 3 ms and a commit): messages gather between two. A
# lone one is handed out at once.
PACE_SECONDS = 0.2

_EXPIRES_SECONDS = 30
_HEARTBEAT_SECONDS = 1
# Two heartbeats missed: the request is lost (a reconnect, a restart of the server).
_SILENCE_SECONDS = 2.5
_RETRY_SECONDS = 0.5
_NANOSECONDS = 1_000_000_000
_REQUEST = json.dumps(
    {
        "batch": BATCH,
        "max_bytes": _BATCH_BYTES,
        "expires": _EXPIRES_SECONDS * _NANOSECONDS,
        "idle_heartbeat": _HEARTBEAT_SECONDS * _NANOSECONDS,
    }
).encode()
_IDLE_HEARTBEAT, _TIMED_OUT, _CONFLICT = "100", "408", "409"
_TOO_LARGE, _COMPLETED = "Exceeds MaxBytes", "Batch Completed"


class Deliveries:
    """One replica's share of the messages of a durable consumer, which all replicas with the same `durable` divide.

    The consumer begins with the oldest message that the stream has and lives on the server until somebody deletes it.
    """

    def __init__(self, bus: EventBus, durable: str, subjects: Sequence[str]) -> None:
        self._bus = bus
        self._durable = durable
        self._subjects = list(subjects)
        self._arrived: asyncio.Queue[Msg] = asyncio.Queue()
        self._subscription: Subscription | None = None
        self._inbox = ""
        # How many messages the outstanding request still allows: bounds `_arrived`. None left: ask for more.
        self._allowance = 0
        self._is_set_up = False
        self._next_start = 0.0

    async def next_batch(self) -> list[Msg]:
        """Wait for messages; returns the 1 to 64 that have arrived, in order, each to be acked, naked or terminated.

        One that is not full comes no sooner than 0.2 s after the one before.
        """
        while True:
            heed_cancellation()
            try:
                if not self._is_set_up:
                    await self._set_up()
                if self._allowance <= 0:
                    await self._request()
                async with asyncio.timeout(_SILENCE_SECONDS):
                    first = await self._arrived.get()
                heartbeat().alive()
            except TimeoutError:
                self._allowance, self._is_set_up = 0, False
            except nats.errors.Error as error:
                heartbeat().failed(unavailable(f"consumer {self._durable} cannot be served now"))
                _log.info("consumer %s cannot be served now: %s", self._durable, error or type(error).__name__)
                self._allowance, self._is_set_up = 0, False
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                await self._let_gather()
                if batch := self._take(first):
                    self._next_start = asyncio.get_running_loop().time() + PACE_SECONDS
                    return batch
                if not self._is_set_up:
                    await asyncio.sleep(_RETRY_SECONDS)

    async def close(self) -> None:
        """Stop asking. What was delivered but not acknowledged goes to another replica, or comes again."""
        if self._subscription is not None:
            with suppress(nats.errors.Error):
                await self._subscription.unsubscribe()

    async def _set_up(self) -> None:
        jetstream = await self._bus.ready()
        config = ConsumerConfig(
            name=self._durable,
            durable_name=self._durable,
            filter_subjects=self._subjects,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_SECONDS,
        )
        try:
            # Creates it, or brings the subjects of an older version up to date.
            await jetstream.add_consumer(STREAM, config)
        except nats.errors.Error:
            self._bus.stream_missing()
            raise
        if self._subscription is None:
            client = await self._bus.client()
            self._inbox = client.new_inbox()
            self._subscription = await client.subscribe(self._inbox, cb=self._arrived.put)
        self._is_set_up = True

    async def _request(self) -> None:
        client = await self._bus.client()
        self._allowance = BATCH
        await client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{self._durable}", _REQUEST, reply=self._inbox)

    async def _let_gather(self) -> None:
        pause = self._next_start - asyncio.get_running_loop().time()
        if pause > 0 and self._arrived.qsize() + 1 < BATCH:
            await asyncio.sleep(pause)

    def _take(self, first: Msg) -> list[Msg]:
        messages = [first]
        while len(messages) < BATCH and not self._arrived.empty():
            messages.append(self._arrived.get_nowait())
        return [message for message in messages if not self._is_status(message)]

    def _is_status(self, message: Msg) -> bool:
        """Whether a message is the server's word about the request under way, which is heeded then."""
        headers = message.headers or {}
        status, description = headers.get("Status"), headers.get("Description", "")
        if status is None:
            self._allowance -= 1
            return False
        # What is said of a request that is complete may come when the next one is under way.
        if status != _IDLE_HEARTBEAT and _COMPLETED not in description:
            self._allowance = 0
            # Expired, or full of bytes: ask again. Otherwise the consumer is gone, or nobody serves it: look first.
            is_full = status == _CONFLICT and _TOO_LARGE in description
            self._is_set_up = self._is_set_up and (status == _TIMED_OUT or is_full)
        return True
