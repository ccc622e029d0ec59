"""Asks whether a charge point may come in, within bounds: so many at a time, so long each, and nobody forgotten.

Knows neither sockets nor who decides.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from ocpp_edge.admission.handshake import ConnectionRequest
from ocpp_edge.admission.refusal import Refusal
from ocpp_edge.facts.context import ChargePointState
from ocpp_edge.quirks import UNKNOWN, Profile
from ocpp_edge.versions import Version
from services.kernel.errors import DomainError, ErrorKind
from services.kernel.refusal import Rule
from services.process import metrics

logger = logging.getLogger(__name__)

# Stations come back without jitter of their own, so we spread them.
_RETRY_SECONDS = (5, 30)
_REPORT_AGAIN_SECONDS, _LONGEST_REPORT_PAUSE_SECONDS = 1.0, 30.0
_PASSING = (ErrorKind.UNAVAILABLE, ErrorKind.DEADLINE_EXCEEDED)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A charge point is let in. `epoch` fences everything this connection will do.

    `version` is the one of its offers that it shall speak; None for the preferred one. `profile` is what is known of it
    so far. `tenant_id` is whose it is, empty for the default tenant. `cost_currency` is that in which it shows what a
    transaction costs: `XXX` when it does not say, empty when it shows nothing.
    """

    epoch: int
    state: ChargePointState
    heartbeat_interval_seconds: int
    station_id: str = ""
    version: Version | None = None
    profile: Profile = UNKNOWN
    tenant_id: str = ""
    cost_currency: str = ""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """A connection that was accepted has ended."""

    charge_point_id: str
    epoch: int
    reason: str


# Decides about a connection request: authenticates, and makes a new epoch. May raise; that counts as unavailable.
Admit = Callable[[ConnectionRequest], Awaitable[Accepted | Refusal]]
# Told once of the end of every accepted connection. Must not raise for a stale epoch.
ReportDisconnect = Callable[[Disconnect], Awaitable[None]]


class AdmissionControl:
    """Bounds the requests under way and sees that every accepted one is either used or given back."""

    def __init__(
        self,
        admit: Admit,
        report_disconnect: ReportDisconnect,
        *,
        max_pending: int,
        timeout_seconds: float,
        closed: Callable[[], bool] = lambda: False,
    ) -> None:
        """`closed` says whether nobody is let in for the moment."""
        self._admit = admit
        self._report_disconnect = report_disconnect
        self._closed = closed
        self._max_pending = max_pending
        self._timeout = timeout_seconds
        # Every request and disconnect under way; held here, since the loop keeps weak references only.
        self._pending: set[asyncio.Task[Accepted | Refusal]] = set()
        self._reporting: set[asyncio.Task[None]] = set()
        self._settling = asyncio.Event()
        self._overload = metrics.counter("ocpp_handshakes_overload_total", "Handshakes turned away with 503.")
        metrics.gauge("ocpp_handshakes_pending", "Handshakes waiting for a decision.").read_from(
            lambda: len(self._pending)
        )

    async def ask(self, connection_request: ConnectionRequest) -> Accepted | Refusal:
        """Accepted or refused. Cancelling this leaves no epoch behind: what is accepted too late is given back."""
        if len(self._pending) >= self._max_pending:
            return self.overloaded("too many handshakes at a time")
        if self._closed():
            return self.overloaded("too much to do")
        deciding = asyncio.ensure_future(self._decide(connection_request))
        self._pending.add(deciding)
        deciding.add_done_callback(self._pending.discard)
        try:
            done, _ = await asyncio.wait((deciding,), timeout=self._timeout)
        except asyncio.CancelledError:
            self._return_when_decided(connection_request, deciding)
            raise
        if done:
            return deciding.result()
        self._return_when_decided(connection_request, deciding)
        return self._come_back(Rule.PLATFORM_UNAVAILABLE, "the decision takes too long")

    def overloaded(self, reason: str) -> Refusal:
        """Come back later, each at another time."""
        return self._come_back(Rule.OVERLOADED, reason)

    def crowded(self) -> Refusal:
        """There are too many of its address already."""
        seconds, reason = random.randint(*_RETRY_SECONDS), "too many connections from this address"
        return Refusal(HTTPStatus.TOO_MANY_REQUESTS, Rule.TOO_MANY_CONNECTIONS, reason, seconds)

    def _come_back(self, rule: Rule, reason: str) -> Refusal:
        self._overload.add()
        return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, rule, reason, random.randint(*_RETRY_SECONDS))

    def report(self, disconnect: Disconnect) -> None:
        """Report the end of an accepted connection without waiting; again and again while nobody can be told."""
        reporting = asyncio.ensure_future(self._report(disconnect))
        self._reporting.add(reporting)
        reporting.add_done_callback(self._reporting.discard)

    async def settle(self) -> None:
        """Wait until every disconnect so far has been reported; one that cannot be is told by the end of our lease."""
        self._settling.set()
        while self._reporting or self._pending:
            await asyncio.wait([*self._reporting, *self._pending])

    async def _decide(self, connection_request: ConnectionRequest) -> Accepted | Refusal:
        try:
            return await self._admit(connection_request)
        except DomainError as error:
            about = {"charge_point_id": connection_request.charge_point_id}
            logger.warning("cannot decide now who comes in: %s", error.message, extra=about)
            return self._come_back(Rule.PLATFORM_UNAVAILABLE, "the platform is not available")
        except Exception:
            logger.exception("connection_request failed", extra={"charge_point_id": connection_request.charge_point_id})
            return self._come_back(Rule.PLATFORM_UNAVAILABLE, "the platform is not available")

    def _return_when_decided(
        self, connection_request: ConnectionRequest, deciding: asyncio.Task[Accepted | Refusal]
    ) -> None:
        def give_back(decided: asyncio.Task[Accepted | Refusal]) -> None:
            if decided.cancelled():
                return
            answer = decided.result()
            if isinstance(answer, Accepted):
                self.report(Disconnect(connection_request.charge_point_id, answer.epoch, "left before it was let in"))

        deciding.add_done_callback(give_back)

    async def _report(self, disconnect: Disconnect) -> None:
        pause, about = _REPORT_AGAIN_SECONDS, {"charge_point_id": disconnect.charge_point_id}
        while True:
            is_last = self._settling.is_set()
            try:
                await self._report_disconnect(disconnect)
                return
            except DomainError as error:
                # A charge point that never comes back would count as connected for as long as this node lives.
                if is_last or error.kind not in _PASSING:
                    logger.warning("disconnect not reported: %s", error.message, extra=about)
                    return
            except Exception:
                logger.exception("disconnect not reported", extra=about)
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._settling.wait()
            pause = min(2 * pause, _LONGEST_REPORT_PAUSE_SECONDS)
