"""What a handler can say to REST callers beyond its message: the status of success and where the new thing is.

The facade reads it from the initial metadata and callers of native gRPC do not notice. Errors have the status that
belongs to theirs, but for the reasons of which the contract says otherwise.
"""

from typing import Any

import grpc.aio

STATUS_KEY = "x-http-code"
# The facade's word that a caller of REST asks by HEAD: whether there would be an answer, without one.
HEAD_KEY = "x-csms-head"


async def created(context: grpc.aio.ServicerContext[Any, Any], location: str) -> None:
    """Answer 201 with `location`, the REST path of what was made. Once a call, before the handler returns."""
    await context.send_initial_metadata(((STATUS_KEY, "201"), ("location", location)))


async def no_content(context: grpc.aio.ServicerContext[Any, Any]) -> None:
    """Answer 204 without a body. Once a call, before the handler returns."""
    await context.send_initial_metadata(((STATUS_KEY, "204"),))


async def service_unavailable(context: grpc.aio.ServicerContext[Any, Any]) -> None:
    """Answer 503 with the message as body. Once a call, before the handler returns."""
    await context.send_initial_metadata(((STATUS_KEY, "503"),))


async def failure(
    context: grpc.aio.ServicerContext[Any, Any], status: int | None, retry_after_seconds: str | None
) -> None:
    """Fail with this status, and say when to come back, as far as there is something to say.

    Once a call, before the call is ended with its error.
    """
    values = {STATUS_KEY: status and str(status), "retry-after": retry_after_seconds}
    if metadata := tuple((key, value) for key, value in values.items() if value):
        await context.send_initial_metadata(metadata)


async def attachment(context: grpc.aio.ServicerContext[Any, Any], file_name: str) -> None:
    """Let browsers save the body under this name. Once a call, before the handler returns."""
    await context.send_initial_metadata((("content-disposition", f'attachment; filename="{file_name}"'),))
