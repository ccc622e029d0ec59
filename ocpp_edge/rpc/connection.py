"""One charge point, connected: takes frames from its socket and passes each to whoever has to do with it.

The reader (`frame_received`) never waits; business runs in the worker of the request queue (`run`). Knows its socket
only as a Transport, and ends every mishap in the frame that caused it.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any, Generic, TypeVar

from ocpp_edge.facts.context import ChargePointState, ChargerContext
from ocpp_edge.rpc.calls import FailureReason, Outcome, Priority, Result
from ocpp_edge.rpc.environment import Environment, Liveness, Transport
from ocpp_edge.rpc.errors import error_code
from ocpp_edge.rpc.events import (
    AnswerRefused,
    Duplicate,
    Ignored,
    LateAnswer,
    Notice,
    Rejected,
    Resolved,
    UnknownAnswer,
)
from ocpp_edge.rpc.frames import BAD_CHARACTERS, MessageType
from ocpp_edge.rpc.outbound import Outbound
from ocpp_edge.rpc.request_queue import RequestQueue
from ocpp_edge.rpc.requests import InboundRequest
from ocpp_edge.rpc.router import RouteTable
from ocpp_edge.rpc.session import MAX_OPEN_REQUESTS, Session
from ocpp_edge.rpc.trial import wire_on_trial

logger = logging.getLogger(__name__)

B = TypeVar("B")

# Reading stops at this many unhandled requests and goes on at the lower mark; TCP makes the charge point wait.
_PAUSE_AT = 16
_RESUME_AT = 4
_GOING_AWAY = 1001
_POLICY_VIOLATION = 1008


class Connection(Generic[B]):
    """One charge point, connected. Every method belongs to the event loop's thread."""

    __slots__ = (
        "_congested",
        "_environment",
        "_liveness",
        "_outbound",
        "_paused",
        "_probed",
        "_request_queue",
        "_retiring",
        "_session",
        "_transport",
        "_trial",
        "_wire",
        "began",
        "context",
        "ended",
        "last_seen",
    )

    def __init__(
        self,
        context: ChargerContext,
        routes: RouteTable[B],
        transport: Transport,
        environment: Environment[B],
        liveness: Liveness,
    ) -> None:
        self.context = context
        # Monotonic moments of its begin and of the last sign of life.
        self.last_seen = self.began = environment.monotonic()
        # Why the connection is over; None while it lives.
        self.ended: FailureReason | None = None
        self._transport = transport
        self._environment = environment
        self._liveness = liveness
        self._session = Session(context.version, context.forgives)
        self._wire, self._trial = wire_on_trial(context, transport, environment)
        self._request_queue = RequestQueue(context, routes, self._session, self._wire, environment, self._progress)
        self._outbound = Outbound(context, routes.schemas, self._session, self._wire, environment, self._progress)
        self._probed: float | None = None
        self._paused = False
        self._congested = False
        self._retiring = False

    def frame_received(self, raw: bytes) -> None:
        """Take in one message. Never raises."""
        now = self.last_seen = self._environment.monotonic()
        self._environment.counters.frames_in.add()
        try:
            event = self._session.receive(raw, now)
            _REACTIONS[type(event)](self, event, raw)
        except Exception:
            self._environment.counters.defects.add()
            logger.exception("a frame made the edge fail", extra=self._about())

    def heard(self) -> None:
        """Note a sign of life that is no message: a ping or a pong."""
        self.last_seen = self._environment.monotonic()

    def congested(self, full: bool) -> None:
        """The socket's write buffer has filled up or drained: who does not read shall not be read from."""
        self._congested = full
        self._adjust_reading()

    def lost(self, reason: FailureReason = FailureReason.CONNECTION_LOST) -> None:
        """The socket is gone. What was read is still handled; answers go nowhere. Idempotent."""
        if self.ended is None:
            self.ended = reason
            self._outbound.fail_all(reason)
            if not self._retiring:
                self._judge_version(is_over=True)
        self._request_queue.close()

    async def run(self) -> None:
        """Handle requests until the connection is over and nothing is left to handle."""
        await self._request_queue.run()

    async def call(
        self,
        action: str,
        payload: Mapping[str, Any],
        *,
        timeout_seconds: float = 30.0,
        expires_in_seconds: float = 30.0,
        priority: Priority = Priority.NORMAL,
        about: Any = None,
    ) -> Outcome:
        """Ask the charge point. `timeout_seconds` counts from the sending, `expires_in_seconds` limits the wait for it.

        A Result may come with violations of its schema. When the caller is cancelled, an unsent call is not sent. An
        answer that comes when it is over goes to `Environment.late_answer`, with `about` in its call.
        Raises DomainError: NOT_SUPPORTED_BY_CHARGE_POINT, OCPP_SCHEMA_VIOLATION, QUEUE_FULL.
        """
        return await self._outbound.call(
            action,
            payload,
            timeout_seconds=timeout_seconds,
            expires_in_seconds=expires_in_seconds,
            priority=priority,
            about=about,
        )

    def supersede(self) -> None:
        """A newer connection speaks for the charge point: this one stops at once, unhandled requests included."""
        self._request_queue.discard()
        self.lost(FailureReason.SUPERSEDED)
        self._transport.hang_up(_POLICY_VIOLATION, "superseded by a newer connection")

    def retire(self) -> None:
        """Close as soon as nothing is under way; no new calls until then."""
        self._retiring = True
        self._outbound.retire()
        self._progress()

    def disconnect(self, reason: str) -> None:
        """Close on somebody's word; the charge point will usually come back."""
        self._transport.hang_up(_GOING_AWAY, reason)

    def cut(self) -> None:
        """Drop the socket; for those who do not leave when asked."""
        self._transport.abort()

    @property
    def backend(self) -> B:
        """The platform behind it."""
        return self._environment.backend

    @property
    def paused(self) -> bool:
        """Whether the charge point is not read from at the moment."""
        return self._paused

    def sweep(self, now: float) -> None:
        """Look after a silent peer and an overdue request; to be asked every few seconds."""
        self._request_queue.give_up_overdue(now)
        self._judge_version(is_over=False)
        if self._is_speechless(now):
            self._transport.hang_up(_POLICY_VIOLATION, "no BootNotification came")
            return
        silence = now - self.last_seen
        if silence < self._liveness.ping_after_seconds or (self._paused and not self._congested):
            return  # heard of, or not listened to for our own slowness
        if silence >= self._liveness.dead_after_seconds:
            self._transport.abort()
        elif self._probed != self.last_seen:
            self._probed = self.last_seen
            self._transport.probe()

    def _is_speechless(self, now: float) -> bool:
        """Whether one that has nothing to do here but to boot has said nothing at all, for too long."""
        context = self.context
        return (
            context.state is not ChargePointState.ACCEPTED
            and not context.has_spoken
            and now - self.began >= self._liveness.speechless_after_seconds
        )

    def _judge_version(self, *, is_over: bool) -> None:
        if self._trial is not None:
            note = self._trial.verdict(self._environment.monotonic(), is_over=is_over)
            if note is not None:
                self._environment.refused(note)

    def _on_request(self, request: InboundRequest, raw: bytes) -> None:
        received = self._environment.clock.now()
        if request.flags:
            self._note(request.flags)
        if self._request_queue.put(request, raw, received) >= _PAUSE_AT:
            self._adjust_reading()

    def _on_notice(self, notice: Notice, raw: bytes) -> None:
        received = self._environment.clock.now()
        if notice.flags:
            self._note(notice.flags)
        if len(self._request_queue) >= MAX_OPEN_REQUESTS:
            self._environment.counters.notices_dropped.add()
            self._wire.noticed(notice, raw, received, "Dropped")
        elif self._request_queue.put(notice, raw, received) >= _PAUSE_AT:
            self._adjust_reading()

    def _on_duplicate(self, duplicate: Duplicate, raw: bytes) -> None:
        self._environment.counters.duplicates.add()
        self._wire.received(raw, MessageType.CALL, duplicate.message_id, outcome="Duplicate")

    def _on_rejected(self, rejected: Rejected, raw: bytes) -> None:
        self._environment.counters.rejected.add()
        code = error_code(self.context.version, rejected.fault)
        self._wire.received(raw, 0, rejected.message_id, outcome=code)
        if rejected.reply is not None:
            self._wire.send(rejected.reply, MessageType.CALL_ERROR, rejected.message_id, outcome=code)
        logger.info("frame rejected: %s", rejected.description, extra=self._about())

    def _on_resolved(self, resolved: Resolved, raw: bytes) -> None:
        if isinstance(resolved.outcome, Result):
            self._note(resolved.outcome.flags)
        self._outbound.answered(resolved, raw)

    def _on_late_answer(self, late: LateAnswer, raw: bytes) -> None:
        if isinstance(late.outcome, Result):
            self._note(late.outcome.flags)
        self._outbound.answered_late(late, raw)

    def _on_unknown_answer(self, unknown: UnknownAnswer, raw: bytes) -> None:
        self._environment.counters.unknown_answers.add()
        self._wire.received(raw, MessageType.CALL_RESULT, unknown.message_id, outcome="Unknown")
        logger.info("answer to nothing that was asked", extra=self._about())

    def _on_answer_refused(self, refused: AnswerRefused, raw: bytes) -> None:
        self._wire.received(raw, MessageType.CALL_RESULT_ERROR, refused.message_id, outcome=refused.code)
        logger.warning("an answer was refused: %s %s", refused.code, refused.description, extra=self._about())

    def _on_ignored(self, _ignored: Ignored, _raw: bytes) -> None:
        """Nothing: the frame and our close crossed on the wire."""

    def _note(self, flags: Collection[str]) -> None:
        if BAD_CHARACTERS in flags:
            self._environment.counters.bad_characters.add()

    def _progress(self) -> None:
        if self._paused:
            self._adjust_reading()
        if self._retiring and self._request_queue.idle and self._outbound.idle:
            self._transport.hang_up(_GOING_AWAY, "service restart")

    def _adjust_reading(self) -> None:
        allowed = _RESUME_AT if self._paused else _PAUSE_AT - 1
        pause = self._congested or len(self._request_queue) > allowed
        if pause != self._paused:
            self._paused = pause
            if pause:
                self._environment.counters.reading_paused.add()
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _about(self) -> dict[str, str]:
        # For log lines from outside the worker, whose context names the charge point.
        return {"charge_point_id": self.context.charge_point_id}


_REACTIONS: dict[type, Callable[[Connection[Any], Any, bytes], None]] = {
    InboundRequest: Connection._on_request,
    Notice: Connection._on_notice,
    Duplicate: Connection._on_duplicate,
    Rejected: Connection._on_rejected,
    Resolved: Connection._on_resolved,
    LateAnswer: Connection._on_late_answer,
    UnknownAnswer: Connection._on_unknown_answer,
    AnswerRefused: Connection._on_answer_refused,
    Ignored: Connection._on_ignored,
}
