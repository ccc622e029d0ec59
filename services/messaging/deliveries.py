"""Takes messages from the stream for one durable consumer, in batches as they arrive.

Keeps the consumer on the server and a request to it under way, whatever happens to either; pulls.py knows the protocol.
Decides nothing about a message; inbox.py does.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import ExitStack

import nats.errors
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from services.kernel.errors import unavailable
from services.messaging.event_bus import STREAM, EventBus, heed_cancellation
from services.messaging.pulls import BATCH, Pull, Word
from services.process.heartbeats import heartbeat

_log = logging.getLogger(__name__)

# A delivered message that is neither confirmed nor refused for so long is delivered again, to any replica.
ACK_WAIT_SECONDS = 30
# A batch costs its consumer nearly the same whatever its size (some 3 ms and a commit): messages gather between two. A
# lone one is handed out at once.
PACE_SECONDS = 0.4

_EXPIRES_SECONDS = 120
_HEARTBEAT_SECONDS = 10
# Two heartbeats missed: the request is lost, in a way that neither server nor connection has told of.
_SILENCE_SECONDS = 25.0
_RETRY_SECONDS = 0.5


class Deliveries:
    """One replica's share of the messages of a durable consumer, which all replicas with the same `durable` divide.

    The consumer begins with the oldest message that the stream has and lives on the server until somebody deletes it.
    """

    def __init__(self, bus: EventBus, durable: str, subjects: Sequence[str]) -> None:
        self._bus = bus
        self._durable = durable
        self._subjects = list(subjects)
        self._pull: Pull | None = None
        self._is_set_up = False
        self._until_closed = ExitStack()
        self._next_start = 0.0

    async def next_batch(self) -> list[Msg]:
        """Wait for messages; returns the 1 to 64 that have arrived, in order, each to be acked, naked or terminated.

        One that is not full comes no sooner than 0.4 s after the one before.
        """
        while True:
            heed_cancellation()
            try:
                pull = await self._ready()
                if pull.is_over:
                    await pull.ask(_EXPIRES_SECONDS, _HEARTBEAT_SECONDS)
                first = await pull.next(_SILENCE_SECONDS)
                heartbeat().alive()
            except TimeoutError:
                self._is_set_up = False
            except nats.errors.Error as error:
                heartbeat().failed(unavailable(f"consumer {self._durable} cannot be served now"))
                _log.info("consumer %s cannot be served now: %s", self._durable, error or type(error).__name__)
                self._is_set_up = False
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                await self._let_gather(pull)
                if batch := self._take(pull, first):
                    self._next_start = asyncio.get_running_loop().time() + PACE_SECONDS
                    return batch
                if not self._is_set_up:
                    await asyncio.sleep(_RETRY_SECONDS)

    async def close(self) -> None:
        """Stop asking. What was delivered but not acknowledged goes to another replica, or comes again."""
        self._until_closed.close()
        if self._pull is not None:
            await self._pull.close()

    async def _ready(self) -> Pull:
        """What to ask the consumer with, which is there as far as known."""
        if self._pull is None or not self._is_set_up:
            await self._set_up_consumer()
            if self._pull is None:
                pull = Pull(await self._bus.client(), self._durable)
                await pull.listen()
                self._until_closed.enter_context(self._bus.noticing_reconnections(pull.break_off))
                self._pull = pull
            # What was asked of it before is lost.
            self._pull.give_up()
            self._is_set_up = True
        return self._pull

    async def _set_up_consumer(self) -> None:
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

    async def _let_gather(self, pull: Pull) -> None:
        pause = self._next_start - asyncio.get_running_loop().time()
        if pause > 0 and pull.waiting + 1 < BATCH:
            await asyncio.sleep(pause)

    def _take(self, pull: Pull, first: Msg) -> list[Msg]:
        messages = [first]
        while len(messages) < BATCH and pull.waiting:
            messages.append(pull.next_at_once())
        return [message for message in messages if self._is_event(pull, message)]

    def _is_event(self, pull: Pull, message: Msg) -> bool:
        """Whether a message is no word of the server, which is heeded."""
        word = pull.heed(message)
        if word is Word.LOST:
            # Look after the consumer before it is asked again.
            self._is_set_up = False
        return word is None
