"""Traces: which pieces of work belong together, also across processes, and how long each took. Off unless started.

While they are off nothing of OpenTelemetry is imported, and a span is one object that does nothing. A span is for what
somebody asked for, or for a batch; never for one message of a charge point.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from enum import Enum
from types import TracebackType
from typing import Any, Protocol, Self

from services.process.service_name import service_name

Attributes = Mapping[str, str | int]
Origin = Any
"""Where in a trace something came from; kept to link to it."""

PARENT_KEY, STATE_KEY = "traceparent", "tracestate"
"""The headers of W3C Trace Context; the first is enough to find what something is a part of."""

_NO_HEADERS: Mapping[str, str] = {}


class Kind(Enum):
    """Which side of a call a span is, if any."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"


class Span:
    """A piece of work, while the block runs that it is entered for; here one of those that nobody looks at.

    The spans that are started in the block, also by tasks that begin there, become parts of it. It counts as failed
    when the block raises; but the server's side of a call: what its caller is told may be no fault of it.
    """

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None

    def note(self, attributes: Attributes) -> None:
        """Add what became known meanwhile. No secrets, and no words of people: ids, names, counts."""

    def fail(self, reason: str) -> None:
        """Mark the work as failed, though the block does not raise."""


class Tracing(Protocol):
    """What makes spans while traces are on."""

    def span(
        self,
        name: str,
        kind: Kind,
        attributes: Attributes,
        parent: Mapping[str, str] | None,
        links: Iterable[Origin | None],
    ) -> Span:
        """See `span` below."""

    def headers(self) -> Mapping[str, str]:
        """See `headers` below."""

    def here(self) -> Origin | None:
        """See `here` below."""


NOT_TRACED = Span()
"""What every span is while traces are off."""
_tracing_of: dict[str, Tracing] = {}


@asynccontextmanager
async def traced(service: str, endpoint: str | None, share: float = 1.0) -> AsyncIterator[None]:
    """Send the traces of this service to `endpoint`, a URL for OTLP over gRPC, while the block runs; None: make none.

    `share`, from 0 to 1, is of how many of those that begin here; whoever calls has decided about the others. Whatever
    becomes of them, it holds up nothing: at its end the block waits 2 seconds at most for those not sent yet.
    Raises ValueError when a setting of the exporter's own cannot be used.
    """
    if endpoint is None:
        yield
        return
    # Costs a fifth of a second, and memory, that nobody shall pay for who does not look.
    from services.process.otlp import sending

    name = service_name()
    async with sending(service, endpoint, share) as _tracing_of[name]:
        try:
            yield
        finally:
            del _tracing_of[name]


def is_on() -> bool:
    """Whether anybody looks at the spans of this service."""
    return bool(_tracing_of) and service_name() in _tracing_of


def span(
    name: str,
    kind: Kind = Kind.INTERNAL,
    attributes: Attributes = _NO_HEADERS,
    *,
    parent: Mapping[str, str] | None = None,
    links: Iterable[Origin | None] = (),
) -> Span:
    """A span to be entered: part of the current one, or of the one in another process that `parent` names by headers.

    `links` names others that it has to do with: those whose items a batch is made of. None among them is passed over.
    """
    return _tracing_of[service_name()].span(name, kind, attributes, parent, links) if is_on() else NOT_TRACED


def headers() -> Mapping[str, str]:
    """By what a process that is called knows the current span (W3C Trace Context); empty without one."""
    return _tracing_of[service_name()].headers() if is_on() else _NO_HEADERS


def here() -> Origin | None:
    """The current span, to link to it later; None without one."""
    return _tracing_of[service_name()].here() if is_on() else None
