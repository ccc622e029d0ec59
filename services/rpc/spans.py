"""Calls as spans: what surrounds an RPC that is served or made, and the headers by which a trace goes along with it.

While traces are off, an RPC that is served is not even wrapped.
"""

from asyncio import CancelledError
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from services.kernel.tenancy import current_tenant
from services.process import tracing
from services.process.logging import current_context
from services.process.tracing import Attributes, Kind, Span

# Services pass them on to each other; callers may bring them.
_TRACE_KEYS = frozenset({tracing.PARENT_KEY, tracing.STATE_KEY})

# Asked for by the clock, of everybody by everybody: what led to what is not to be had from that.
_UNTRACED = "/csms.health.v1."

_Context = grpc.aio.ServicerContext[Any, Any]
_STATUS = "rpc.response.status_code"
_OK = "OK"
# What of a server's answers is a fault of the server.
_FAULTS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})


def served(method: str, call: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
    """What handles the RPC `method`, with a span around each call."""
    if not _is_traced(method):
        return call

    async def traced(request: Any, context: _Context) -> Any:
        with _serving(method, context) as span:
            try:
                response = await call(request, context)
            except BaseException as error:
                _note_end(span, context, error)
                raise
            _note_end(span, context, None)
            return response

    return traced


def served_stream(
    method: str, call: Callable[[Any, Any], AsyncIterator[Any]]
) -> Callable[[Any, Any], AsyncIterator[Any]]:
    """The same for an RPC that answers with a stream: the span ends with it."""
    if not _is_traced(method):
        return call

    async def traced(request: Any, context: _Context) -> AsyncIterator[Any]:
        with _serving(method, context) as span:
            try:
                async for response in call(request, context):
                    yield response
            except BaseException as error:
                _note_end(span, context, error)
                raise
            _note_end(span, context, None)

    return traced


def made(method: str) -> Span:
    """A span for a call to another process."""
    if not _is_traced(method):
        return tracing.NOT_TRACED
    return tracing.span(_name(method), Kind.CLIENT, _attributes(method))


def note_status(span: Span, code: grpc.StatusCode) -> None:
    """Note what became of a call to another process."""
    span.note({_STATUS: code.name})


def _is_traced(method: str) -> bool:
    return tracing.is_on() and not method.startswith(_UNTRACED)


def _serving(method: str, context: _Context) -> Span:
    brought = {key: str(value) for key, value in context.invocation_metadata() or () if key in _TRACE_KEYS}
    return tracing.span(_name(method), Kind.SERVER, _attributes(method), parent=brought)


def _note_end(span: Span, context: _Context, error: BaseException | None) -> None:
    """Note what became of an RPC, and what has been found out about its caller."""
    status = _OK if error is None else _status(context, error)
    noted = {_STATUS: status}
    if request_id := current_context().get("request_id"):
        noted["csms.request_id"] = request_id
    if tenant_id := current_tenant():
        noted["csms.tenant_id"] = tenant_id
    span.note(noted)
    if status in _FAULTS:
        span.fail(status)


def _status(context: _Context, error: BaseException) -> str:
    if isinstance(error, CancelledError | GeneratorExit):
        return "CANCELLED"
    code = context.code()
    return code.name if isinstance(code, grpc.StatusCode) else "UNKNOWN"


def _name(method: str) -> str:
    return method.removeprefix("/")


def _attributes(method: str) -> Attributes:
    return {"rpc.system.name": "grpc", "rpc.method": _name(method)}
