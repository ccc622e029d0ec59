"""Makes spans by OpenTelemetry and sends them by OTLP over gRPC. The only module that imports OpenTelemetry.

Imported when traces are on only; everybody else speaks to tracing.py. Sent is from a thread of its own: the exporter
waits for its receiver, and the event loop waits for neither.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar, Token
from functools import cache
from types import TracebackType
from typing import Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_NAMESPACE, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.kernel.errors import DomainError
from services.kernel.ids import new_id
from services.process import metrics
from services.process.tracing import Attributes, Kind, Origin, Span

_log = logging.getLogger(__name__)

# Some 2 KB each: what waits while the receiver is slow. Beyond it the newest are dropped.
_MOST_WAITING = 2048
# A batch is encoded in some milliseconds, in which the event loop gets its turn.
_AT_ONCE = 128
_GATHER_SECONDS = 1.0
_FLUSH_SECONDS = 2.0
_COMPLAIN_SECONDS = 60.0

_KINDS = {
    Kind.INTERNAL: trace.SpanKind.INTERNAL,
    Kind.SERVER: trace.SpanKind.SERVER,
    Kind.CLIENT: trace.SpanKind.CLIENT,
}
_PROPAGATOR = TraceContextTextMapPropagator()
_NOWHERE = Context()
_current: ContextVar["_MadeSpan | None"] = ContextVar("span", default=None)


@asynccontextmanager
async def sending(service: str, endpoint: str, share: float) -> AsyncIterator["OtlpTracing"]:
    """Send the spans of this process to `endpoint` while the block runs. Raises ValueError as tracing.traced does."""
    try:
        exporter = OTLPSpanExporter(endpoint=endpoint)
        provider = TracerProvider(ParentBasedTraceIdRatio(share), _resource(service), shutdown_on_exit=False)
    except Exception as error:  # of whatever kind, what it does not understand is a variable that it has read
        raise ValueError(f"{type(error).__name__}: {error}") from error
    sender = Sender(exporter, _complaints().heard)
    provider.add_span_processor(sender)
    try:
        yield OtlpTracing(provider.get_tracer("csms"))
    finally:
        await sender.close()


class OtlpTracing:
    """Satisfies tracing.Tracing."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def span(
        self,
        name: str,
        kind: Kind,
        attributes: Attributes,
        parent: Mapping[str, str] | None,
        links: Iterable[Origin | None],
    ) -> Span:
        within = _current.get()
        context = within.context if within is not None else _NOWHERE
        if parent is not None:
            context = _PROPAGATOR.extract(parent, _NOWHERE)
        made = self._tracer.start_span(
            name,
            context,
            kind=_KINDS[kind],
            attributes=attributes,
            links=list({origin.span_id: trace.Link(origin) for origin in links if origin is not None}.values()),
        )
        return _MadeSpan(made, fails_by_raising=kind is not Kind.SERVER)

    def headers(self) -> Mapping[str, str]:
        carrier: dict[str, str] = {}
        if (within := _current.get()) is not None:
            _PROPAGATOR.inject(carrier, within.context)
        return carrier

    def here(self) -> Origin | None:
        within = _current.get()
        return None if within is None else within.origin


class _MadeSpan(Span):
    __slots__ = ("_fails_by_raising", "_made", "_token", "context")

    def __init__(self, made: trace.Span, *, fails_by_raising: bool) -> None:
        self._made = made
        self._fails_by_raising = fails_by_raising
        self._token: Token[_MadeSpan | None] | None = None
        self.context = trace.set_span_in_context(made, _NOWHERE)

    @property
    def origin(self) -> trace.SpanContext:
        return self._made.get_span_context()

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and self._fails_by_raising:
            # Not its message: that may be about a person.
            self.fail(error.reason if isinstance(error, DomainError) else type(error).__name__)
        self._made.end()
        if self._token is not None:
            # A generator may be closed by another task than the one that ran it.
            with suppress(ValueError):
                _current.reset(self._token)

    def note(self, attributes: Attributes) -> None:
        self._made.set_attributes(attributes)

    def fail(self, reason: str) -> None:
        self._made.set_status(trace.Status(trace.StatusCode.ERROR, reason))


class Sender(SpanProcessor):
    """Takes spans as they end, from the event loop, and hands them to `exporter` in batches, in a thread of its own.

    Bounded: when too many wait, those that come are dropped, and counted. Says once a minute that some were, and `why`
    according to the exporter. Made inside a running event loop.
    """

    def __init__(self, exporter: SpanExporter, why: Callable[[], str]) -> None:
        self._exporter = exporter
        self._why = why
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._waiting: deque[ReadableSpan] = deque()
        self._wake = threading.Event()
        self._stopping = self._given_up = False
        # Each is written by one thread only.
        self._taken = self._refused = self._sent = self._failed = 0
        self._complained, self._complain_at = 0, 0.0
        metrics.counter("csms_trace_spans_sent_total", "Spans of traces that the receiver has.").read_from(
            lambda: self._sent
        )
        metrics.counter("csms_trace_spans_dropped_total", "Spans of traces lost: receiver away or too slow.").read_from(
            lambda: self._dropped
        )
        threading.Thread(target=self._run, name="traces", daemon=True).start()

    def on_end(self, span: ReadableSpan) -> None:
        context = span.get_span_context()
        if context is None or not context.trace_flags.sampled:
            return
        if len(self._waiting) >= _MOST_WAITING:
            self._refused += 1
            return
        self._taken += 1
        self._waiting.append(span)
        if len(self._waiting) >= _AT_ONCE:
            self._wake.set()

    async def close(self) -> None:
        """Send what waits, for 2 seconds at most, and end."""
        self._stopping = True
        self._wake.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_SECONDS):
                await self._ended.wait()
        if left := self._taken - self._sent - self._failed:
            _log.warning("%d spans of traces were not sent before the end", left)
        # What is under way is cut off, and nothing follows it.
        self._given_up = True
        self._exporter.shutdown()

    @property
    def _dropped(self) -> int:
        return self._refused + self._failed

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(_GATHER_SECONDS)
            self._wake.clear()
            self._send_waiting()
            self._complain()
        self._send_waiting()
        # The loop may be over by now.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended.set)

    def _send_waiting(self) -> None:
        while self._waiting and not self._given_up:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _AT_ONCE))]
            try:
                is_sent = self._exporter.export(batch) is SpanExportResult.SUCCESS
            except Exception as error:  # one that cannot be told must not end the thread
                _log.error("spans of traces cannot be sent", exc_info=error)
                is_sent = False
            if is_sent:
                self._sent += len(batch)
            else:
                self._failed += len(batch)
                self._complain()

    def _complain(self) -> None:
        dropped, now = self._dropped, time.monotonic()
        if dropped > self._complained and now >= self._complain_at and not self._stopping:
            _log.warning("traces are dropped, %d spans so far: %s", dropped, self._why() or "too many at a time")
            self._complained, self._complain_at = dropped, now + _COMPLAIN_SECONDS


class _LastWords(logging.Handler):
    """Keeps what the exporter has complained of last."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._text = ""

    def emit(self, record: logging.LogRecord) -> None:
        # Of headers that cannot be read the library complains as well; these are a caller's matter.
        if record.name.startswith("opentelemetry.exporter"):
            self._text = record.getMessage()

    def heard(self) -> str:
        return self._text


@cache
def _complaints() -> _LastWords:
    """Takes the lines of the library, one for each attempt; the sender has one a minute, with the last of them."""
    library, kept = logging.getLogger("opentelemetry"), _LastWords()
    library.addHandler(kept)
    library.propagate = False
    return kept


def _resource(service: str) -> Resource:
    """Who sends, beside what OTEL_RESOURCE_ATTRIBUTES says: that is the same for all processes of a machine."""
    named = {SERVICE_NAMESPACE: "csms", SERVICE_NAME: service, SERVICE_INSTANCE_ID: new_id()}
    return Resource.create(named)
