"""Good tokens of late, so that whoever authorizes and then starts is decided about once.

Only kept while changes of tokens are heard of: a blocked card must stop working at once. Without the event bus, or
after a gap in what was heard, everybody asks the driver service anew. Refusals are never kept.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from google.protobuf.message import DecodeError

from csms.driver.v1.driver_pb2 import TokenDecision
from csms.event.v1.domain_event_pb2 import DomainEvent
from services.kernel.clock import Clock
from services.kernel.tokens import bare
from services.messaging.event_batches import unpack
from services.messaging.event_bus import EventBus
from services.messaging.subjects import subjects
from services.rpc.protobuf import read_time

logger = logging.getLogger(__name__)

# Bounds what a change that got lost on its way can do.
KEPT_SECONDS = 10.0
_MOST = 50_000
# Value and type of a token, and the tenant at whose charge point it is: two tenants may have cards of one value.
_Key = tuple[str, ...]
_CHANGES = subjects("token_changed")


class Decisions:
    """Decisions by token. `hearing` numbers the stretches in which every change is heard of; 0 when none is.

    `monotonic` counts seconds.
    """

    def __init__(self, hearing: Callable[[], int], monotonic: Callable[[], float], clock: Clock) -> None:
        self._hearing = hearing
        self._monotonic = monotonic
        self._clock = clock
        # By values without separators: a change tells the value of a card, which may be written with or without.
        self._kept: dict[str, dict[_Key, tuple[TokenDecision, float]]] = {}
        self._stretch = 0
        self._changes = 0

    def find(self, token: _Key) -> TokenDecision | None:
        """The decision about a token (value, type, tenant), if it was made of late and nothing has changed since."""
        self._listen()
        alike = self._kept.get(bare(token[0]))
        kept = alike.get(token) if alike else None
        return kept[0] if kept is not None and self._monotonic() < kept[1] else None

    def asking(self) -> tuple[int, int]:
        """To be called before the driver service is asked, and handed to `keep` with the answer."""
        self._listen()
        return self._stretch, self._changes

    def keep(self, token: _Key, decision: TokenDecision, asked: tuple[int, int]) -> None:
        """Keep a decision, unless some token has changed while it was under way."""
        if decision.status != TokenDecision.ACCEPTED or asked != self.asking() or not self._stretch:
            return
        if decision.HasField("expiry_time") and self._expires_soon(read_time(decision.expiry_time)):
            return
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept.setdefault(bare(token[0]), {})[token] = decision, self._monotonic() + KEPT_SECONDS

    def forget(self, value: str) -> None:
        """Tokens of this value, or what they may do, have changed."""
        self._changes += 1
        self._kept.pop(bare(value), None)

    def _listen(self) -> None:
        """Whoever did not listen for a while knows nothing any more."""
        stretch = self._hearing()
        if stretch != self._stretch:
            self._stretch = stretch
            self._kept.clear()

    def _expires_soon(self, time: datetime) -> bool:
        return time <= self._clock.now() + timedelta(seconds=KEPT_SECONDS)


class TokenChanges:
    """Listens for changes of tokens and has the decisions about them forgotten."""

    def __init__(self, bus: EventBus, monotonic: Callable[[], float], clock: Clock) -> None:
        self._bus = bus
        self._subscribed = False
        self.decisions = Decisions(self._stretch, monotonic, clock)

    async def run(self) -> None:
        """Listen until cancelled; waits for the event bus."""
        async with self._bus.subscribe_live(*_CHANGES) as messages:
            self._subscribed = True
            async for message in messages:
                try:
                    for payload in unpack(message.payload):
                        self.decisions.forget(DomainEvent.FromString(payload).token_changed.token.value)
                except DecodeError:
                    logger.warning("a change of a token cannot be read: %s", message.subject)

    def _stretch(self) -> int:
        return self._bus.connection_number if self._subscribed else 0
