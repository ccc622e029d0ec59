"""Our own calls to one charge point: queued, sent one at a time, answered, expired.

Spares the charge point what it could not parse, and hands on its own bad answers with what is wrong with them.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.leniency.rules import LASTING_NAMES
from ocpp_edge.rpc.calls import Failed, FailureReason, OutboundCall, Outcome, Priority, QueueFull, Result
from ocpp_edge.rpc.environment import Environment
from ocpp_edge.rpc.errors import Fault, error_code
from ocpp_edge.rpc.events import LateAnswer, Resolved
from ocpp_edge.rpc.frame_log import Wire
from ocpp_edge.rpc.frames import MessageType
from ocpp_edge.rpc.schemas import Schemas, Violation
from ocpp_edge.rpc.session import Session, SessionClosed
from services.kernel.errors import DomainError, ErrorKind, FieldViolation, failed_precondition
from services.kernel.ids import new_id


class Outbound:
    """The calls of one connection. `progress` is called when one of them is over."""

    __slots__ = ("_context", "_environment", "_progress", "_retired", "_schemas", "_session", "_wire")

    def __init__(
        self,
        context: ChargerContext,
        schemas: Schemas,
        session: Session,
        wire: Wire,
        environment: Environment[Any],
        progress: Callable[[], None],
    ) -> None:
        self._context = context
        self._schemas = schemas
        self._session = session
        self._wire = wire
        self._environment = environment
        self._progress = progress
        self._retired = False

    @property
    def idle(self) -> bool:
        """Whether no call is under way."""
        return not self._session.has_calls

    async def call(
        self,
        action: str,
        payload: Mapping[str, Any],
        *,
        timeout_seconds: float,
        expires_in_seconds: float,
        priority: Priority,
        about: Any = None,
    ) -> Outcome:
        """As Connection.call."""
        check_call(self._schemas, action, payload)
        if self._retired:
            return Failed(FailureReason.SHUTTING_DOWN)
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        try:
            call = self._session.call(
                new_id(),
                action,
                payload,
                response_timeout=timeout_seconds,
                expires_at=self._environment.monotonic() + expires_in_seconds,
                priority=priority,
                tag=answer,
                about=about,
            )
        except SessionClosed as closed:
            return Failed(closed.reason)
        except QueueFull as full:
            message = "too many calls wait for this charge point"
            raise DomainError(ErrorKind.RESOURCE_EXHAUSTED, "QUEUE_FULL", message) from full
        self._environment.watch(self)
        self._send_next()
        try:
            return await answer
        except asyncio.CancelledError:
            self._session.cancel(call)
            raise

    def retire(self) -> None:
        """Take no more calls; those under way go on."""
        self._retired = True

    def fail_all(self, reason: FailureReason) -> None:
        """End the session: nothing is under way any more."""
        in_flight = self._session.in_flight
        _resolve(self._session.close(reason))
        if in_flight is not None:
            self._wire.call_given_up(in_flight)

    def answered(self, resolved: Resolved, raw: bytes) -> None:
        """Hand an answer to its caller, and send the next call."""
        call, outcome = resolved
        self._wire.call_answered(call, raw, outcome)
        _resolve([Resolved(call, self._judged(call, outcome))])
        self._send_next()
        self._progress()

    def answered_late(self, late: LateAnswer, raw: bytes) -> None:
        """Report an answer whose caller has gone; a call may have waited for this one's place."""
        call, outcome = late
        self._environment.counters.late_answers.add()
        self._wire.call_answered(call, raw, outcome)
        self._send_next()
        self._progress()
        self._environment.late_answer(self._context, call, self._judged(call, outcome))

    def expire_calls(self, now: float) -> bool:
        """End calls that waited too long. False when there is nothing left to watch."""
        in_flight = self._session.in_flight
        _resolve(self._session.expire(now))
        if in_flight is not None and self._session.in_flight is not in_flight:
            self._wire.call_given_up(in_flight)
        self._send_next()
        self._progress()
        return self._session.has_calls

    def _send_next(self) -> None:
        call = self._session.next_call(self._environment.monotonic())
        if call is not None:
            self._wire.call(call)

    def _judged(self, call: OutboundCall, outcome: Outcome) -> Outcome:
        # A bad result is not thrown away: the charge point may have done as it was told.
        if not isinstance(outcome, Result):
            return outcome
        violations = self._schemas.responses[call.action].first_violation(outcome.payload)
        if not violations:
            return outcome
        objection = self._session.object_to(call, Fault.FORMAT, f"{violations[0].path}: {violations[0].message}")
        if objection is not None:
            code = error_code(self._context.version, Fault.FORMAT)
            self._wire.send(objection, MessageType.CALL_RESULT_ERROR, call.message_id, call.action, outcome=code)
        return outcome._replace(violations=violations)


def check_call(schemas: Schemas, action: str, payload: Mapping[str, Any]) -> None:
    """Whether this may be sent at all.

    Raises DomainError: NOT_SUPPORTED_BY_CHARGE_POINT for an action that the version lacks, OCPP_SCHEMA_VIOLATION.
    """
    schema = schemas.requests.get(action)
    if schema is None or action not in schemas.responses:
        message = f"OCPP {schemas.version} has no request {action}"
        raise failed_precondition("NOT_SUPPORTED_BY_CHARGE_POINT", message, detail=message)
    violations = [one for one in schema.violations(payload) if not _is_its_own_name(one)]
    if violations:
        raise DomainError(
            ErrorKind.INVALID_ARGUMENT,
            "OCPP_SCHEMA_VIOLATION",
            f"{action}: {violations[0].path} {violations[0].message}",
            violations=[FieldViolation(f"payload.{v.path}", v.message) for v in violations],
        )


def _is_its_own_name(violation: Violation) -> bool:
    """Whether it is about a name that only a charge point can have given: it will know it, however long."""
    return violation.keyword == "maxLength" and violation.location[-1] in LASTING_NAMES


def _resolve(ended: Iterable[Resolved]) -> None:
    for call, outcome in ended:
        answer: asyncio.Future[Outcome] = call.tag
        if not answer.done():
            answer.set_result(outcome)
