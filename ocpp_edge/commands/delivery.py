"""Brings requests to connected charge points: commands in the words of their version, and raw ones. No gRPC in here."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from csms.edge.v1.edge_service_pb2 import DeliverCommandResponse
from csms.transaction.v1.command_pb2 import CommandBody, CommandCall
from ocpp_edge.backend.ports import Backend
from ocpp_edge.commands.dialect import Asked, Dialect
from ocpp_edge.commands.made_call import MadeCall, response_to, take_in_if_possible
from ocpp_edge.commands.parts import call_made, joined, note_unanswered
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.redaction import sets_password
from ocpp_edge.rpc.answers import Answered, answered, charge_point_timeout, lacks_feature, not_supported
from ocpp_edge.rpc.calls import FailureReason, Outcome, Priority
from ocpp_edge.rpc.connection import Connection
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.served import SERVED
from services.kernel.errors import DomainError, invalid
from services.kernel.redaction import redacted
from services.process import tracing

logger = logging.getLogger(__name__)

# What is answered by reports, and by which.
_REPORTS = {
    "GetBaseReport": "NotifyReport",
    "GetReport": "NotifyReport",
    "GetMonitoringReport": "NotifyMonitoringReport",
}


async def deliver(
    connection: Connection[Any], command_id: str, body: CommandBody, seconds: float, priority: Priority
) -> DeliverCommandResponse:
    """Send a command and wait up to `seconds` for the answer.

    Raises: INVALID_FIELD, NOT_SUPPORTED_BY_CHARGE_POINT, OCPP_SCHEMA_VIOLATION, OCPP_CALL_ERROR,
    CHARGE_POINT_TIMEOUT, QUEUE_FULL, UNAVAILABLE.
    """
    kind = body.WhichOneof("body")
    if kind is None:
        raise invalid("body", "must be set")
    dialect = SERVED[connection.context.version].dialect.get(kind)
    if dialect is None:
        raise not_supported(f"{kind} in OCPP {connection.context.version}")
    asked = getattr(body, kind)
    if dialect.completed is not None:
        asked = await dialect.completed(asked, connection.context, connection.backend)
    deadline = asyncio.get_running_loop().time() + seconds
    calls = await _fitting(connection, dialect, dialect.calls(asked, command_id), command_id)
    if len(calls) > 1:
        return await _ask_all(connection, dialect, calls, deadline, priority, command_id)
    response = await _ask(connection, dialect, calls[0], seconds, priority, command_id)
    left = deadline - asyncio.get_running_loop().time()
    if response.accepted or dialect.otherwise is None or left <= 0 or (other := dialect.otherwise(asked)) is None:
        return response
    return await _ask(connection, dialect, other, left, priority, command_id)


async def send(connection: Connection[Any], action: str, payload: Payload, seconds: float) -> Answered:
    """Send any request and wait up to `seconds` for the answer, in which secrets are masked. Raises as `deliver` does.

    The password by which the charge point logs in is not set like this: it would be locked out.
    """
    if sets_password(action, payload):
        raise invalid("payload", "sets the password of the charge point; use /charge-points/{id}/rotate-password")
    made = MadeCall(action, payload, connection.backend.clock.now())
    outcome = await _call(connection, made, seconds, Priority.NORMAL)
    answer = answered(outcome, action, connection.context)
    await take_in_if_possible(connection.backend, connection.context, made, answer)
    return answer._replace(sent=redacted(answer.sent), dropped=redacted(dict(answer.dropped)))


async def _fitting(connection: Connection[Any], dialect: Dialect, calls: list[Asked], command_id: str) -> list[Asked]:
    """The calls that carry a command, none longer than the charge point takes. Raises: INVALID_FIELD where that cannot
    be."""
    divisible = SERVED[connection.context.version].divisible
    if not any(map(divisible.is_limited, calls)):
        return calls
    backend: Backend = connection.backend
    # Whatever carries a command is of one action.
    component = divisible.component_of(calls[0][0])
    try:
        known = await backend.known_variables(connection.context.charge_point_id, component, divisible.text)
    except DomainError as error:
        logger.warning("the limits of a charge point are not known: %s", error.message)
        known = ()
    fitting: list[Asked] = []
    for call in calls:
        if divisible.is_limited(call):
            limits = divisible.limits(call[0], known).unless_forgiven(connection.context.forgives)
            fitting += divisible.parts(call, limits, command_id, dialect.item)
        else:
            fitting.append(call)
    return fitting


async def _ask_all(
    connection: Connection[Any],
    dialect: Dialect,
    calls: Sequence[Asked],
    deadline: float,
    priority: Priority,
    command_id: str,
) -> DeliverCommandResponse:
    """Send calls one after the other until one fails. Raises what that one raises when nothing was answered before."""
    divisible, loop = SERVED[connection.context.version].divisible, asyncio.get_running_loop()
    keys = [divisible.keys(call) for call in calls]
    responses: list[DeliverCommandResponse] = []
    made: list[CommandCall] = []
    for call, its_keys in zip(calls, keys, strict=True):
        try:
            left = deadline - loop.time()
            if left <= 0:
                raise charge_point_timeout(FailureReason.EXPIRED)
            response = await _ask(connection, dialect, call, left, priority, command_id, is_whole=False)
        except DomainError as error:
            if not responses:
                raise
            made.append(call_made(call, its_keys, error))
            break
        responses.append(response)
        made.append(call_made(call, its_keys, response))
    whole = joined(responses, made)
    note_unanswered(whole.result, [key for some in keys[len(responses) :] for key in some])
    return whole


async def _ask(
    connection: Connection[Any],
    dialect: Dialect,
    asked: Asked,
    seconds: float,
    priority: Priority,
    command_id: str,
    *,
    is_whole: bool = True,
) -> DeliverCommandResponse:
    action, payload = asked
    made = MadeCall(action, payload, connection.backend.clock.now(), command_id, dialect, is_whole)
    outcome = await _call(connection, made, seconds, priority)
    if lacks_feature(outcome):
        raise not_supported(f"the charge point does not know {action}")
    answer = answered(outcome, action, connection.context)
    await take_in_if_possible(connection.backend, connection.context, made, answer)
    return response_to(dialect, payload, answer)


async def _call(connection: Connection[Any], made: MadeCall, seconds: float, priority: Priority) -> Outcome:
    action, payload, context = made.action, made.payload, connection.context
    _solicit(context, action, payload, made.ask_time)
    about = {"csms.charge_point_id": context.charge_point_id, "ocpp.version": str(context.version)}
    with tracing.span(f"OCPP {action}", tracing.Kind.CLIENT, about) as span:
        try:
            # One limit for waiting and being answered; a request that was sent keeps its place until it is answered.
            async with asyncio.timeout(seconds):
                outcome = await connection.call(
                    action,
                    payload,
                    timeout_seconds=seconds,
                    expires_in_seconds=seconds,
                    priority=priority,
                    about=made,
                )
        except TimeoutError:
            raise charge_point_timeout() from None
        span.note({"ocpp.outcome": type(outcome).__name__})
        return outcome


def _solicit(context: ChargerContext, action: str, payload: Payload, now: datetime) -> None:
    """What a request makes a station send is welcome even while it waits to be accepted."""
    if action == "TriggerMessage":
        context.solicit(str(payload.get("requestedMessage")))
    elif action in _REPORTS:
        context.solicit(_REPORTS[action])
        if isinstance(request_id := payload.get("requestId"), int):
            context.ask_report(request_id, now)
