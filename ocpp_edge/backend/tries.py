"""Edge nodes tell each other of tries in vain, so that somebody who tries does not begin anew at each of them.

Live messages: one that is lost costs nothing but that somebody may try once more.
"""

import asyncio
import logging
from contextlib import suppress

from google.protobuf.message import DecodeError

from csms.station.v1.connectivity_service_pb2 import RefusedHandshakes, ReportRefusalsRequest
from ocpp_edge.admission.password_guard import WrongTries
from services.messaging.event_bus import EventBus

logger = logging.getLogger(__name__)

_SUBJECT = "csms.live.wrong_tries"
_MOST_WAITING = 1_000
_MOST_IN_MESSAGE = 100


class SharedTries:
    """Tells the other nodes, and listens to them. `node` is how this one is called."""

    def __init__(self, bus: EventBus, node: str, tries: WrongTries) -> None:
        self._bus = bus
        self._node = node
        self._tries = tries
        self._waiting: asyncio.Queue[RefusedHandshakes] = asyncio.Queue(_MOST_WAITING)

    def tell(self, identity: str, address: str, guess: bytes) -> None:
        """Hand on a try in vain. Never waits; when too many come, some are not told of."""
        with suppress(asyncio.QueueFull):
            self._waiting.put_nowait(RefusedHandshakes(identity=identity, remote_address=address, guess=guess))

    async def run_telling(self) -> None:
        """Tell until cancelled."""
        while True:
            request = ReportRefusalsRequest(node=self._node, refusals=[await self._waiting.get()])
            while not self._waiting.empty() and len(request.refusals) < _MOST_IN_MESSAGE:
                request.refusals.append(self._waiting.get_nowait())
            await self._bus.publish_live(_SUBJECT, request.SerializeToString())

    async def run_listening(self) -> None:
        """Listen until cancelled; waits for the event bus."""
        async with self._bus.subscribe_live(_SUBJECT) as messages:
            async for message in messages:
                try:
                    self._hear(ReportRefusalsRequest.FromString(message.payload))
                except DecodeError:
                    logger.warning("tries in vain of another node cannot be read")

    def _hear(self, request: ReportRefusalsRequest) -> None:
        if request.node == self._node:
            return
        for one in request.refusals:
            self._tries.note(one.identity, one.remote_address, one.guess)
