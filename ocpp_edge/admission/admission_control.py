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

from ocpp_edge.admission.handshake import Admission
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
class Welcome:
    """A charge point is let in. `epoch` fences everything this connection will do.

    `version` is the one of its offers that it shall speak; None for the preferred one. `profile` is what is known of it
    so far. `tenant_id` is whose it is, empty for the default tenant.
    """

    epoch: int
    state: ChargePointState
    heartbeat_interval_seconds: int
    station_id: str = ""
    version: Version | None = None
    profile: Profile = UNKNOWN
    tenant_id: str = ""


@dataclass(frozen=True, slots=True)
class Departure:
    """A connection that was welcome has ended."""

    charge_point_id: str
    epoch: int
    reason: str


# Decides about an admission: authenticates, and makes a new epoch. May raise; that counts as unavailable.
Admit = Callable[[Admission], Awaitable[Welcome | Refusal]]
# Told once of the end of every welcome. Must not raise for a stale epoch.
Leave = Callable[[Departure], Awaitable[None]]


class Doorkeeper:
    """Bounds the admissions under way and sees that every welcome is either used or given back."""

    def __init__(
        self,
        admit: Admit,
        leave: Leave,
        *,
        max_pending: int,
        timeout_seconds: float,
        closed: Callable[[], bool] = lambda: False,
    ) -> None:
        """`closed` says whether nobody is let in for the moment."""
        self._admit = admit
        self._leave = leave
        self._closed = closed
        self._max_pending = max_pending
        self._timeout = timeout_seconds
        # Every admission and departure under way; held here, since the loop keeps weak references only.
        self._pending: set[asyncio.Task[Welcome | Refusal]] = set()
        self._leaving: set[asyncio.Task[None]] = set()
        self._settling = asyncio.Event()
        self._overload = metrics.counter("ocpp_handshakes_overload_total", "Handshakes turned away with 503.")
        metrics.gauge("ocpp_handshakes_pending", "Handshakes waiting for a decision.").read_from(
            lambda: len(self._pending)
        )

    async def ask(self, admission: Admission) -> Welcome | Refusal:
        """Welcome or Refusal. Cancelling this leaves no epoch behind: a welcome that comes too late is given back."""
        if len(self._pending) >= self._max_pending:
            return self.overloaded("too many handshakes at a time")
        if self._closed():
            return self.overloaded("too much to do")
        deciding = asyncio.ensure_future(self._decide(admission))
        self._pending.add(deciding)
        deciding.add_done_callback(self._pending.discard)
        try:
            done, _ = await asyncio.wait((deciding,), timeout=self._timeout)
        except asyncio.CancelledError:
            self._return_when_decided(admission, deciding)
            raise
        if done:
            return deciding.result()
        self._return_when_decided(admission, deciding)
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

    def depart(self, departure: Departure) -> None:
        """Report the end of a welcome, without waiting for it; again and again while nobody can be told."""
        leaving = asyncio.ensure_future(self._report(departure))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def settle(self) -> None:
        """Wait until every departure so far has been reported; one that cannot be is told by the end of our lease."""
        self._settling.set()
        while self._leaving or self._pending:
            await asyncio.wait([*self._leaving, *self._pending])

    async def _decide(self, admission: Admission) -> Welcome | Refusal:
        try:
            return await self._admit(admission)
        except DomainError as error:
            about = {"charge_point_id": admission.charge_point_id}
            logger.warning("cannot decide now who comes in: %s", error.message, extra=about)
            return self._come_back(Rule.PLATFORM_UNAVAILABLE, "the platform is not available")
        except Exception:
            logger.exception("admission failed", extra={"charge_point_id": admission.charge_point_id})
            return self._come_back(Rule.PLATFORM_UNAVAILABLE, "the platform is not available")

    def _return_when_decided(self, admission: Admission, deciding: asyncio.Task[Welcome | Refusal]) -> None:
        def give_back(decided: asyncio.Task[Welcome | Refusal]) -> None:
            if decided.cancelled():
                return
            answer = decided.result()
            if isinstance(answer, Welcome):
                self.depart(Departure(admission.charge_point_id, answer.epoch, "left before it was let in"))

        deciding.add_done_callback(give_back)

    async def _report(self, departure: Departure) -> None:
        pause, about = _REPORT_AGAIN_SECONDS, {"charge_point_id": departure.charge_point_id}
        while True:
            is_last = self._settling.is_set()
            try:
                await self._leave(departure)
                return
            except DomainError as error:
                # A charge point that never comes back would count as connected for as long as this node lives.
                if is_last or error.kind not in _PASSING:
                    logger.warning("departure not reported: %s", error.message, extra=about)
                    return
            except Exception:
                logger.exception("departure not reported", extra=about)
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._settling.wait()
            pause = min(2 * pause, _LONGEST_REPORT_PAUSE_SECONDS)
