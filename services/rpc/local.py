"""Calls between services that share a process: the same handlers, checks, deadlines and errors, but no connection.

An address is local when the process has said that it will serve there. A call is handed over as bytes, as a connection
would: neither side sees what the other does to its messages. It runs in the context of who serves, so that its log
lines, numbers and traces are those of the callee. Streams go by a connection, also here.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

import grpc
import grpc.aio

Metadata = tuple[tuple[str, str | bytes], ...]
# Quoted: generic for the type checker only.
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Found: TypeAlias = "Awaitable[grpc.RpcMethodHandler[Any, Any] | None]"
_Intercept = Callable[[Callable[[grpc.HandlerCallDetails], _Found], grpc.HandlerCallDetails], _Found]
_NOWHERE = "the service that shares this process does not serve now"

_expected: set[str] = set()
_servers: dict[str, "LocalServer"] = {}


@contextmanager
def expected(addresses: Iterable[str]) -> Iterator[None]:
    """Say that this process serves, or will serve, at these addresses (`host:port`), until the block ends."""
    _expected.update(addresses)
    try:
        yield
    finally:
        _expected.clear()


def is_local(address: str) -> bool:
    """Whether who is called at `address` shares this process."""
    return address in _expected


@contextmanager
def serving(address: str, server: "LocalServer") -> Iterator[None]:
    """Let `server` answer the calls to `address`, if that is local, until the block ends; then see `drain`."""
    if not is_local(address):
        yield
        return
    _servers[address] = server
    try:
        yield
    finally:
        del _servers[address]


async def call(
    address: str, method: str, request: bytes, metadata: Iterable[tuple[str, str | bytes]], timeout: float | None
) -> bytes:
    """Make a unary call to a local address. Raises grpc.aio.AioRpcError, as a connection would."""
    server = _servers.get(address)
    if server is None:
        raise _error(grpc.StatusCode.UNAVAILABLE, _NOWHERE)
    return await server.call(method, request, tuple(metadata), timeout)


class LocalServer:
    """What answers at one address: the handlers of a server, behind its interceptor."""

    def __init__(self, intercept: _Intercept, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        self._intercept = intercept
        self._handlers = list(handlers)
        self._known: dict[str, _Handler | None] = {}
        # Whatever is made here is of the service that serves.
        self._context = copy_context()
        self._under_way: set[asyncio.Task[bytes]] = set()

    async def call(self, method: str, request: bytes, metadata: Metadata, timeout: float | None) -> bytes:
        """See `call` above."""
        task = asyncio.create_task(self._answer(method, request, metadata, timeout), context=self._context.copy())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            async with asyncio.timeout(timeout):
                return await _outcome(task)
        except TimeoutError:
            raise _error(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded") from None

    async def drain(self, seconds: float) -> None:
        """Wait for the calls under way; those that take longer are cancelled."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=seconds)
            for task in late:
                task.cancel()

    async def _answer(self, method: str, request: bytes, metadata: Metadata, timeout: float | None) -> bytes:
        handler = await self._find(method, metadata)
        if handler is None or handler.unary_unary is None:
            raise _error(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
        read, write = handler.request_deserializer, handler.response_serializer
        assert read is not None
        assert write is not None
        deadline = None if timeout is None else time.monotonic() + timeout
        context: Any = _LocalContext(metadata, deadline)
        try:
            return write(await handler.unary_unary(read(request), context))
        except _Ended as end:
            raise grpc.aio.AioRpcError(
                end.code, grpc.aio.Metadata(), grpc.aio.Metadata(*end.trailing), end.details
            ) from None
        except Exception:
            # The interceptor has told it to the log, and would have ended the call.
            raise _error(grpc.StatusCode.UNKNOWN, "internal error") from None

    async def _find(self, method: str, metadata: Metadata) -> "_Handler | None":
        if method not in self._known:
            self._known[method] = await self._intercept(self._handler, _Details(method, metadata))
        return self._known[method]

    async def _handler(self, details: grpc.HandlerCallDetails) -> "_Handler | None":
        return next((found for each in self._handlers if (found := each.service(details)) is not None), None)


async def _outcome(task: asyncio.Task[bytes]) -> bytes:
    """What a call comes to; one that is given up by who serves has failed, and its caller is not cancelled by it."""
    caller = asyncio.current_task()
    try:
        return await task
    except asyncio.CancelledError:
        if caller is not None and caller.cancelling():
            raise
        raise _error(grpc.StatusCode.UNAVAILABLE, _NOWHERE) from None


class _Ended(grpc.aio.AbortError):
    """A handler has ended its call with an error."""

    def __init__(self, code: grpc.StatusCode, details: str, trailing: Metadata) -> None:
        super().__init__(details)
        self.code = code
        self.details = details
        self.trailing = trailing


@dataclass(frozen=True, slots=True)
class _Details(grpc.HandlerCallDetails):
    method: str
    invocation_metadata: Metadata


@dataclass(slots=True)
class _LocalContext:
    """The part of grpc.aio.ServicerContext that handlers use."""

    _metadata: Metadata
    _deadline: float | None
    _code: grpc.StatusCode | None = field(default=None, init=False)

    def invocation_metadata(self) -> Metadata:
        return self._metadata

    def time_remaining(self) -> float | None:
        return None if self._deadline is None else max(self._deadline - time.monotonic(), 0.0)

    def peer(self) -> str:
        return "ipv4:127.0.0.1:0"

    def code(self) -> grpc.StatusCode | None:
        return self._code

    async def send_initial_metadata(self, metadata: Metadata) -> None:
        """What is said to callers of REST, of whom there are none here."""

    async def abort_with_status(self, status: grpc.Status) -> NoReturn:
        self._code = status.code
        raise _Ended(status.code, status.details, tuple(status.trailing_metadata or ()))


def _error(code: grpc.StatusCode, details: str) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details)
