"""What the connections of a process share, and what they need of a socket.

Interfaces and plain data; nothing here does anything.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ocpp_edge.admission.refusal import RefusalNote, RefusalSink
from ocpp_edge.counters import Counters
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.journal import JournalSink
from ocpp_edge.rpc.calls import OutboundCall, Outcome
from services.kernel.clock import Clock

B = TypeVar("B")


class Transport(Protocol):
    """A socket as a connection sees it. Nothing here waits or raises, and after the end nothing has an effect."""

    def write(self, frame: bytes) -> None:
        """Send one text message."""
        ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def probe(self) -> None:
        """Send a ping; whatever comes back is a sign of life."""
        ...

    def hang_up(self, code: int, reason: str) -> None:
        """Start the closing handshake."""
        ...

    def abort(self) -> None:
        """Drop the socket without a word."""
        ...


class Watched(Protocol):
    """Something with calls under way."""

    def expire_calls(self, now: float) -> bool:
        """End calls that waited too long. False when there is nothing left to watch."""
        ...


# Told of an answer that came after its caller had gone, to be put with the record of the command; `OutboundCall.about`
# is what the caller said of the call.
LateAnswerSink = Callable[[ChargerContext, OutboundCall, Outcome], None]


def _nobody_listens(_refused: RefusalNote) -> None: ...


@dataclass(frozen=True, slots=True)
class Environment(Generic[B]):
    """What all connections share. `monotonic` counts seconds, and so do all limits.

    `watch` is told of a connection with a call under way; it asks `expire_calls` now and then until that says no.
    """

    backend: B
    clock: Clock
    monotonic: Callable[[], float]
    journal: JournalSink
    counters: Counters
    watch: Callable[[Watched], None]
    late_answer: LateAnswerSink
    refused: RefusalSink = _nobody_listens
    handling_limit_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Liveness:
    """When a silent peer is probed and when it is given up, in seconds since anything was heard of it.

    `speechless_after_seconds` is what one that is not accepted has for its first message: it answers our pings, and yet
    has nothing to do here but to boot. One that is accepted may have nothing to say for hours.
    """

    ping_after_seconds: float = 60.0
    dead_after_seconds: float = 120.0
    speechless_after_seconds: float = 120.0
