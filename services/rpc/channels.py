"""The way to another service: a channel that shows who is calling, gives every call a deadline and repeats safe ones.

To a service that shares our process it is no connection, and all the rest is the same.

A unary call that fails raises the DomainError that its service raised: nobody else translates. A stream that breaks
raises grpc.aio.AioRpcError.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import grpc
import grpc.aio

from services.kernel.tenancy import current_tenant
from services.process import tracing
from services.process.logging import REQUEST_ID_KEY, current_context
from services.process.settings import addresses_of
from services.rpc import local, spans
from services.rpc.access import is_safe_to_repeat
from services.rpc.auth import AUTHORIZATION_KEY
from services.rpc.service_identity import ServiceIdentity
from services.rpc.status import from_rpc_error
from services.rpc.tenants import TENANT_KEY

_Answer = TypeVar("_Answer")

DEADLINE_SECONDS = 5.0
_ATTEMPTS = 3
_BACKOFF_SECONDS = 0.05
# How a call ends that no handler has answered. Cancelled by the peer is what came in after a server had begun to stop
# and before this side heard of it: grpc-core takes such a call and drops it without a word.
_NOT_ANSWERED = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})

_OPTIONS: tuple[tuple[str, str | int], ...] = (
    # A name with several addresses is several replicas; a lost one is left out at once.
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
    ("grpc.max_receive_message_length", 32 * 1024 * 1024),
    # A peer that vanished without a word is noticed within half a minute.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # A service that restarts is found again quickly.
    ("grpc.initial_reconnect_backoff_ms", 100),
    # How long a connection may take to be made, whatever the name says: a busy server must not be given up.
    ("grpc.min_reconnect_backoff_ms", 1_000),
    # Within the time that a stopping replica still serves, so that replicas can be restarted one after the other.
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


def channel(url: str, callee: str, identity: ServiceIdentity) -> grpc.aio.Channel:
    """A channel to `url` (`host:port`, `http://host:port` or several, see settings), where the service `callee` is.

    Its calls show the token that `identity` has for that service. Unary calls without a timeout get one of 5 seconds;
    streams have none. Of the RPCs that are safe to repeat, a call that fails with UNAVAILABLE, or that a stopping
    server drops, is tried up to three times within its deadline.
    """
    address, shown = addresses_of(url), _Shown(callee, identity)
    connected = grpc.aio.insecure_channel(
        _target(address),
        options=_OPTIONS,
        interceptors=[_UnaryCalls(shown), _StreamCalls(shown)],
    )
    return cast(grpc.aio.Channel, _LocalChannel(address, shown, connected)) if local.is_local(address) else connected


def _target(addresses: str) -> str:
    # The resolver of names takes one name; a list has a scheme of its own.
    return f"ipv4:{addresses}" if "," in addresses else f"dns:///{addresses}"


class _Shown:
    """Completes what a caller said of a call."""

    def __init__(self, callee: str, identity: ServiceIdentity) -> None:
        self._callee = callee
        self._identity = identity

    def details(self, given: grpc.aio.ClientCallDetails, timeout: float | None) -> grpc.aio.ClientCallDetails:
        metadata = grpc.aio.Metadata(*(given.metadata or ()))
        metadata.add(AUTHORIZATION_KEY, f"Bearer {self._identity.token_for(self._callee)}")
        if tenant_id := current_tenant():
            metadata.add(TENANT_KEY, tenant_id)
        request_id = current_context().get("request_id")
        if request_id:
            metadata.add(REQUEST_ID_KEY, request_id)
        for key, value in tracing.headers().items():
            metadata.add(key, value)
        return _with_timeout(given, timeout, metadata)


class _UnaryCalls(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, shown: _Shown) -> None:
        self._shown = shown

    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Awaitable[grpc.aio.UnaryUnaryCall[Any, Any]]],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> grpc.aio.UnaryUnaryCall[Any, Any]:
        async def tried(details: grpc.aio.ClientCallDetails) -> grpc.aio.UnaryUnaryCall[Any, Any]:
            call = await continuation(details, request)
            # One that this side takes back, or whose channel it closes, raises CancelledError: no failure.
            await call
            return call

        return await _called(self._shown, client_call_details, tried)


class _LocalChannel:
    """The part of grpc.aio.Channel that stubs use, to a service in this process; streams go by `connected`."""

    def __init__(self, address: str, shown: _Shown, connected: grpc.aio.Channel) -> None:
        self._address = address
        self._shown = shown
        self._connected = connected
        self.unary_stream = connected.unary_stream
        self.close = connected.close

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes],
        response_deserializer: Callable[[bytes], Any],
        _registered_method: bool | None = False,
    ) -> Callable[..., Awaitable[Any]]:
        """The call of one RPC, as a stub has it."""

        async def call(request: Any, *, timeout: float | None = None, metadata: grpc.aio.Metadata | None = None) -> Any:
            async def tried(details: grpc.aio.ClientCallDetails) -> bytes:
                sent = details.metadata or ()
                return await local.call(self._address, method, data, sent, details.timeout)

            data = request_serializer(request)
            given = grpc.aio.ClientCallDetails(method, timeout, metadata, None, None)
            return response_deserializer(await _called(self._shown, given, tried))

        return call


async def _called(
    shown: _Shown,
    given: grpc.aio.ClientCallDetails,
    tried: Callable[[grpc.aio.ClientCallDetails], Awaitable[_Answer]],
) -> _Answer:
    """What `tried` answers, which makes a call of these details and raises AioRpcError when it fails."""
    method = _name(given.method)
    with spans.made(method) as span:
        timeout = DEADLINE_SECONDS if given.timeout is None else given.timeout
        details = shown.details(given, timeout)
        deadline = asyncio.get_running_loop().time() + timeout
        attempts = _ATTEMPTS if is_safe_to_repeat(method) else 1
        attempt = 1
        while True:
            try:
                answer = await tried(details)
            except grpc.aio.AioRpcError as error:
                failure = error
            else:
                spans.note_status(span, grpc.StatusCode.OK)
                return answer
            # Spread, so that the callers of a service that comes back do not come back all at once.
            pause = _BACKOFF_SECONDS * 2**attempt * random.uniform(0.5, 1.5)
            left = deadline - asyncio.get_running_loop().time() - pause
            if attempt == attempts or failure.code() not in _NOT_ANSWERED or left <= 0:
                spans.note_status(span, failure.code())
                raise from_rpc_error(failure) from failure
            await asyncio.sleep(pause)
            details = _with_timeout(details, left, details.metadata)
            attempt += 1


class _StreamCalls(grpc.aio.UnaryStreamClientInterceptor):
    def __init__(self, shown: _Shown) -> None:
        self._shown = shown

    async def intercept_unary_stream(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Awaitable[grpc.aio.UnaryStreamCall[Any, Any]]],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> grpc.aio.UnaryStreamCall[Any, Any]:
        details = self._shown.details(client_call_details, client_call_details.timeout)
        return await continuation(details, request)


def _with_timeout(
    given: grpc.aio.ClientCallDetails, timeout: float | None, metadata: grpc.aio.Metadata | None
) -> grpc.aio.ClientCallDetails:
    return grpc.aio.ClientCallDetails(given.method, timeout, metadata, given.credentials, given.wait_for_ready)


def _name(method: str | bytes) -> str:
    # Annotated as text, handed over as bytes.
    return method.decode() if isinstance(method, bytes) else method
