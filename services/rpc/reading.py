"""Reads the bytes of calls as messages, so that bytes that are none become a refusal instead of a failure of ours.

What grpc.aio (1.80) does when a deserializer raises: a traceback in the log, and UNKNOWN or INTERNAL with the name of
the Python class for the caller.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from grpc_status import rpc_status

from services.kernel.errors import DomainError, ErrorKind
from services.rpc.status import to_status

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a request whose bytes are no message."""

    def refusal(self) -> DomainError:
        """What its caller is told."""
        message = "the bytes of the request are no message of its type"
        return DomainError(ErrorKind.INVALID_ARGUMENT, "UNREADABLE_REQUEST", message)


_UNREADABLE = Unreadable()


def reader(deserialize: Callable[[bytes], Any] | None) -> Callable[[bytes], Any]:
    """`deserialize`, but that it answers Unreadable instead of raising."""
    if deserialize is None:
        raise TypeError("a request has no message type")

    def read(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            return _UNREADABLE

    return read


def guarded(handler: _Handler) -> _Handler:
    """A handler of gRPC's own (health, reflection), which knows nothing of Unreadable."""
    serialization: dict[str, Any] = {
        "request_deserializer": reader(handler.request_deserializer),
        "response_serializer": handler.response_serializer,
    }
    if handler.request_streaming and handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler(_talk(handler.stream_stream), **serialization)
    if handler.request_streaming:
        raise TypeError("gRPC's own services have no call that takes a stream and gives one answer")
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(_one(handler.unary_stream), **serialization)
    return grpc.unary_unary_rpc_method_handler(_one(handler.unary_unary), **serialization)


def _one(behavior: Any) -> Any:
    async def call(request: Any, context: _Context) -> Any:
        await _refuse_unreadable(request, context)
        return await behavior(request, context)

    return call


def _talk(behavior: Any) -> Any:
    async def readable(requests: AsyncIterator[Any], context: _Context) -> AsyncIterator[Any]:
        async for request in requests:
            await _refuse_unreadable(request, context)
            yield request

    async def call(requests: AsyncIterator[Any], context: _Context) -> AsyncIterator[Any]:
        async for response in behavior(readable(requests, context), context):
            yield response

    return call


async def _refuse_unreadable(request: Any, context: _Context) -> None:
    if isinstance(request, Unreadable):
        await context.abort_with_status(rpc_status.to_status(to_status(request.refusal())))
