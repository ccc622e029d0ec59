"""What surrounds every handler: context and metrics, who may call, what the contract demands, and errors as status.

Knows no RPC by name: it acts on what the contracts declare.
"""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc
import grpc.aio
from google.protobuf.message import Message
from grpc_status import rpc_status

from services.kernel.errors import RETRY_AFTER_KEY, ErrorKind
from services.kernel.ids import new_id
from services.kernel.tenancy import DEFAULT_TENANT
from services.process import metrics
from services.process.logging import REQUEST_ID_KEY, bind
from services.rpc import bounds, fields, http, json_answers, spans, tenants, values, visibility
from services.rpc.access import AccessRule, access_rule, check_response, require_permission, restrict_request
from services.rpc.auth import ANONYMOUS, AUTHORIZATION_KEY, Caller, TokenVerifier, set_caller, unauthenticated
from services.rpc.calls import Call, set_call
from services.rpc.http import HEAD_KEY
from services.rpc.idempotency_key import IDEMPOTENCY_KEY, read_key
from services.rpc.json_answers import ANSWER_KEY, JSON, JsonAnswer
from services.rpc.reading import Unreadable, guarded, reader
from services.rpc.status import describe, http_status_of, to_status
from services.rpc.tenants import TENANT_KEY, Tenants

_BEARER = "bearer "
_MAX_REQUEST_ID = 100
_OK = "OK"
_log = logging.getLogger(__name__)

_Context = grpc.aio.ServicerContext[Any, Any]
# Quoted: generic for the type checker only.
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


@dataclass(slots=True)
class _Method:
    """What is known of an RPC before it is called."""

    name: str
    rule: AccessRule
    seconds: metrics.Histogram
    outcomes: dict[str, metrics.Counter] = field(default_factory=dict)

    def count(self, outcome: str, started: float) -> None:
        self.seconds.observe(time.perf_counter() - started)
        if outcome not in self.outcomes:
            self.outcomes[outcome] = metrics.counter(
                "rpc_handled_total", "Calls answered, by outcome.", method=self.name, code=outcome
            )
        self.outcomes[outcome].add()


class ServerStack(grpc.aio.ServerInterceptor):
    """The one interceptor of every server, for RPCs with one request and one response or a stream of them.

    A handler may raise DomainError at any time; whatever else it raises is logged here, once, and told as INTERNAL.
    """

    def __init__(self, verifier: TokenVerifier, known_tenants: Tenants) -> None:
        self._verifier = verifier
        self._tenants = known_tenants
        self._wrapped: dict[str, tuple[_Handler, _Handler]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["_Handler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "_Handler | None":
        handler = await continuation(handler_call_details)
        name = handler_call_details.method
        if handler is None:
            return None
        known = self._wrapped.get(name)
        if known is None or known[0] is not handler:
            known = self._wrapped[name] = handler, self._wrap(name, handler)
        return known[1]

    def _wrap(self, name: str, handler: _Handler) -> _Handler:
        if name.startswith("/grpc."):
            return guarded(handler)
        if handler.request_streaming:
            raise TypeError(f"{name} takes a stream of requests, which this stack does not check")
        seconds = metrics.histogram("rpc_seconds", "Time from request to last response.", method=name)
        method = _Method(name, access_rule(name), seconds)
        serialization: dict[str, Any] = {
            "request_deserializer": reader(handler.request_deserializer),
            "response_serializer": json_answers.serializer(handler.response_serializer),
        }
        if handler.response_streaming:
            answers = spans.served_stream(name, self._streaming(method, handler.unary_stream))
            return grpc.unary_stream_rpc_method_handler(answers, **serialization)
        return grpc.unary_unary_rpc_method_handler(
            spans.served(name, self._unary(method, handler.unary_unary)), **serialization
        )

    def _unary(self, method: _Method, behavior: Any) -> Any:
        async def call(request: Message, context: _Context) -> Message | JsonAnswer:
            started = time.perf_counter()
            try:
                caller = self._admit(method, request, context)
                await self._check_tenant(caller)
                response: Message | JsonAnswer = await behavior(request, context)
                if not isinstance(response, JsonAnswer):
                    check_response(method.rule, caller, request, response)
                    visibility.hide(response, caller)
            except Exception as error:
                await _fail(method, error, started, context)
                raise
            method.count(_OK, started)
            return response

        return call

    def _streaming(self, method: _Method, behavior: Any) -> Any:
        async def call(request: Message, context: _Context) -> AsyncIterator[Message]:
            started = time.perf_counter()
            try:
                caller = self._admit(method, request, context)
                await self._check_tenant(caller)
                if _wants_head_only(context):
                    method.count(_OK, started)
                    return
                async for response in behavior(request, context):
                    await self._check_tenant(caller)
                    check_response(method.rule, caller, request, response)
                    visibility.hide(response, caller)
                    yield response
            except Exception as error:
                await _fail(method, error, started, context)
                raise
            method.count(_OK, started)

        return call

    def _admit(self, method: _Method, request: Message | Unreadable, context: _Context) -> Caller:
        request_id, token, tenant_id, keys, wants_json = _read_metadata(context)
        bind(request_id=request_id, rpc=method.name)
        rule = method.rule
        caller = ANONYMOUS if rule.public else self._authenticate(token)
        set_caller(caller)
        require_permission(rule, caller)
        tenants.narrow(rule, caller, tenant_id)
        if isinstance(request, Unreadable):
            raise request.refusal()
        restrict_request(rule, caller, request)
        if keys:
            read_key(request, keys)
        if not rule.internal:
            values.check(request)
        fields.enforce(request)
        if not rule.internal:
            bounds.enforce(request)
        # Whose an answer is, only a message tells.
        set_call(Call(method.name, caller.name, request, wants_json and not rule.driver_response_field))
        return caller

    async def _check_tenant(self, caller: Caller) -> None:
        # Nobody is asked for the default one, of which services are, too.
        if caller.tenant_id != DEFAULT_TENANT:
            await self._tenants.check(caller.tenant_id)

    def _authenticate(self, token: str) -> Caller:
        if not token:
            raise unauthenticated("the call carries no token")
        return self._verifier.verify(token)


def _read_metadata(context: _Context) -> tuple[str, str, str, Sequence[str], bool]:
    """The request id, made here when the caller brought none, the bearer token or nothing, the tenant that a service
    asks for, idempotency keys, and whether Envoy asks for JSON."""
    wants_json = False
    request_id = token = tenant_id = ""
    keys: tuple[str, ...] = ()
    for key, value in context.invocation_metadata() or ():
        if key == REQUEST_ID_KEY:
            request_id = str(value)[:_MAX_REQUEST_ID]
        elif key == AUTHORIZATION_KEY and isinstance(value, str) and value[: len(_BEARER)].lower() == _BEARER:
            token = value[len(_BEARER) :].strip()
        elif key == TENANT_KEY:
            tenant_id = str(value)
        elif key == IDEMPOTENCY_KEY:
            keys = (*keys, str(value))
        elif key == ANSWER_KEY:
            wants_json = value == JSON
    return request_id or new_id(), token, tenant_id, keys, wants_json


def _wants_head_only(context: _Context) -> bool:
    return any(key == HEAD_KEY for key, _ in context.invocation_metadata() or ())


async def _fail(method: _Method, error: Exception, started: float, context: _Context) -> None:
    """End the call with the status of `error`; returns only when the handler has ended it already."""
    if isinstance(error, grpc.aio.AbortError):
        method.count(context.code().name, started)
        return
    described = describe(error)
    method.count(described.kind.value, started)
    if described.kind is ErrorKind.INTERNAL:
        _log.error("unhandled error", exc_info=error)
    elif described.kind is ErrorKind.UNAVAILABLE:
        _log.warning("%s (%s)", described.message, type(error.__cause__ or error).__name__)
    await http.failure(context, http_status_of(described.reason), described.metadata.get(RETRY_AFTER_KEY))
    await context.abort_with_status(rpc_status.to_status(to_status(described)))
