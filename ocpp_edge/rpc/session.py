"""One OCPP-J session without its socket: bytes and wishes in, events and bytes out.

Keeps the rules of the wire (who may send, what answers what) and nothing else: no clock, no task, no payload check.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from ocpp_edge.quirks import Forgiving
from ocpp_edge.rpc.calls import (
    CallInput,
    CallQueue,
    CallState,
    Failed,
    FailureReason,
    OutboundCall,
    Outcome,
    Priority,
    Refused,
    Result,
)
from ocpp_edge.rpc.errors import Fault, error_code
from ocpp_edge.rpc.events import (
    AnswerRefused,
    Duplicate,
    Event,
    Ignored,
    LateAnswer,
    Notice,
    Rejected,
    Resolved,
    UnknownAnswer,
)
from ocpp_edge.rpc.frames import (
    UNREADABLE_ID,
    Call,
    CallError,
    CallResult,
    CallResultError,
    FrameError,
    Send,
    encode_call,
    encode_error,
    encode_result,
    encode_result_error,
    parse,
)
from ocpp_edge.rpc.requests import InboundRequest, RequestInput, RequestState
from ocpp_edge.versions import Version
from services.kernel.quirks.frames import ERROR_WITHOUT_ID, REPEATED_CALL

# A station may have one CALL unanswered; real ones send a burst at boot, one per connector (the quirk
# CALLS_AT_A_TIME).
MAX_OPEN_REQUESTS = 256
_REMEMBERED_CALLS = 8


class SessionClosed(Exception):
    """The session takes no more calls."""

    def __init__(self, reason: FailureReason) -> None:
        super().__init__(reason.name)
        self.reason = reason


class Session:
    """The state of one connection. Moments are of one monotonic clock of the caller's, in seconds."""

    __slots__ = ("_abandoned", "_closed", "_forgives", "_in_flight", "_open", "_queue", "_version")

    def __init__(self, version: Version, forgives: Forgiving | None = None) -> None:
        self._version = version
        self._forgives = forgives or Forgiving()
        self._open: list[InboundRequest] = []
        # Most connections never carry a call: what calls need is made with the first.
        self._queue: CallQueue | None = None
        self._in_flight: OutboundCall | None = None
        self._abandoned: deque[OutboundCall] | None = None
        self._closed: FailureReason | None = None

    @property
    def has_calls(self) -> bool:
        """Whether any call waits for the wire or for its answer, so that `expire` has to be asked."""
        return self._in_flight is not None or bool(self._queue)

    @property
    def in_flight(self) -> OutboundCall | None:
        """The call on the wire that waits for its answer."""
        return self._in_flight

    def receive(self, raw: bytes, now: float) -> Event:
        """Take in one frame. Never raises, whatever the charge point sent."""
        if self._closed is not None:
            return Ignored()
        message = parse(raw, self._version, self._forgives)
        return _REACTIONS[type(message)](self, message, now)

    def answer(self, request: InboundRequest, payload: Mapping[str, Any]) -> bytes | None:
        """The CALLRESULT for `request`; None when the session has closed meanwhile.

        Raises TypeError for a payload that is not JSON (the request stays open) and LocalProtocolError for a second
        answer.
        """
        return self._finish(request, encode_result(request.message_id, payload))

    def refuse(
        self, request: InboundRequest, fault: Fault, description: str, details: Mapping[str, Any] | None = None
    ) -> bytes | None:
        """The CALLERROR for `request`, under the same rules as `answer`."""
        code = error_code(self._version, fault)
        return self._finish(request, encode_error(request.message_id, code, description, details))

    def object_to(self, call: OutboundCall, fault: Fault, description: str) -> bytes | None:
        """The CALLRESULTERROR for a bad answer to `call`; None where the version has no such message."""
        if self._version is not Version.V21:
            return None
        return encode_result_error(call.message_id, error_code(self._version, fault), description)

    def call(
        self,
        message_id: str,
        action: str,
        payload: Mapping[str, Any],
        *,
        response_timeout: float,
        expires_at: float,
        priority: Priority = Priority.NORMAL,
        tag: Any = None,
        about: Any = None,
    ) -> OutboundCall:
        """Queue a request of ours. It is on its way once `next_call` has returned it.

        Raises SessionClosed, QueueFull, and TypeError for a payload that is not JSON.
        """
        if self._closed is not None:
            raise SessionClosed(self._closed)
        frame = encode_call(message_id, action, payload)
        call = OutboundCall(
            message_id,
            action,
            frame,
            response_timeout=response_timeout,
            expires_at=expires_at,
            priority=priority,
            tag=tag,
            about=about,
        )
        if self._queue is None:
            self._queue = CallQueue()
        self._queue.push(call)
        return call

    def next_call(self, now: float) -> OutboundCall | None:
        """The call whose frame is to be sent now, or None: one CALL at a time (OCPP-J 1.6 section 4.1.1)."""
        if self._in_flight is not None or not self._queue:
            return None
        call = self._queue.pop()
        if call is not None:
            call.advance(CallInput.SEND)
            call.sent_at = now
            self._in_flight = call
        return call

    def cancel(self, call: OutboundCall) -> None:
        """The caller of `call` has gone. Unsent it is forgotten; sent it keeps the wire until it is answered."""
        if call.state is CallState.QUEUED and self._queue is not None:
            self._queue.remove(call)
        call.advance(CallInput.CANCEL)

    def expire(self, now: float) -> list[Resolved]:
        """End what has waited too long, on the wire or for it."""
        ended: list[Resolved] = []
        call = self._in_flight
        if call is not None and now - call.sent_at >= call.response_timeout:
            ended += _end(call, CallInput.EXPIRE, FailureReason.TIMED_OUT)
            self._in_flight = None
            if self._abandoned is None:
                self._abandoned = deque(maxlen=_REMEMBERED_CALLS)
            self._abandoned.append(call)
        if self._queue:
            for waiting in self._queue.remove_expired(now):
                ended += _end(waiting, CallInput.EXPIRE, FailureReason.EXPIRED)
        return ended

    def close(self, reason: FailureReason) -> list[Resolved]:
        """End the session: every pending call fails now, every open request loses its answer. Idempotent."""
        if self._closed is not None:
            return []
        self._closed = reason
        ended: list[Resolved] = []
        if self._in_flight is not None:
            ended += _end(self._in_flight, CallInput.CLOSE, reason)
            self._in_flight = None
        if self._queue is not None:
            for waiting in self._queue.clear():
                ended += _end(waiting, CallInput.CLOSE, reason)
        for request in self._open:
            request.advance(RequestInput.CLOSE)
        self._open = []
        self._abandoned = None
        return ended

    def _finish(self, request: InboundRequest, frame: bytes) -> bytes | None:
        request.advance(RequestInput.ANSWER)
        if request.state is RequestState.DROPPED:
            return None
        self._open.remove(request)
        return frame

    def _on_call(self, message: Call, now: float) -> Event:
        message_id, action, payload, flags = message
        if self._open:
            # Stations restart their counters: only the same content under the same id is the same request.
            for other in self._open:
                if other.message_id == message_id and other.action == action and other.payload == payload:
                    self._forgives(REPEATED_CALL)
                    return Duplicate(message_id)
            if len(self._open) >= MAX_OPEN_REQUESTS:
                return self._reject(FrameError(message_id, Fault.INTERNAL, "too many requests at a time", True), now)
        request = InboundRequest(message_id, action, payload, now, flags)
        self._open.append(request)
        return request

    def _on_send(self, message: Send, _now: float) -> Event:
        return Notice(*message)

    def _on_result(self, message: CallResult, _now: float) -> Event:
        return self._settle(message.message_id, Result(message.payload, flags=message.flags))

    def _on_error(self, message: CallError, _now: float) -> Event:
        message_id = message.message_id
        unread = self._in_flight if message_id == UNREADABLE_ID else None
        if unread is not None and self._forgives(ERROR_WITHOUT_ID):
            # The charge point could not read the id of a request of ours: there is only one it can be.
            message_id = unread.message_id
        return self._settle(message_id, Refused(message.code, message.description, message.details))

    def _on_result_error(self, message: CallResultError, _now: float) -> Event:
        return AnswerRefused(message.message_id, message.code, message.description)

    def _reject(self, error: FrameError, _now: float) -> Event:
        if not error.answerable:
            if self._in_flight is not None and error.message_id == self._in_flight.message_id:
                return self._settle(error.message_id, Failed(FailureReason.UNREADABLE))
            return Rejected(error.message_id, error.fault, error.description, None)
        reply = encode_error(error.message_id, error_code(self._version, error.fault), error.description)
        return Rejected(error.message_id, error.fault, error.description, reply)

    def _settle(self, message_id: str, outcome: Outcome) -> Event:
        call = self._in_flight
        if call is not None and call.message_id == message_id:
            self._in_flight = None
            awaited = call.state is CallState.SENT
            call.advance(CallInput.ANSWER)
            return Resolved(call, outcome) if awaited else LateAnswer(call, outcome)
        abandoned = self._abandoned or ()
        for late in abandoned:
            if late.message_id == message_id:
                late.advance(CallInput.ANSWER)
                self._abandoned = deque((call for call in abandoned if call is not late), _REMEMBERED_CALLS)
                return LateAnswer(late, outcome)
        return UnknownAnswer(message_id)


def _end(call: OutboundCall, how: CallInput, reason: FailureReason) -> list[Resolved]:
    """The news for the caller, if there still is one."""
    orphaned = call.state is CallState.ORPHANED
    call.advance(how)
    return [] if orphaned else [Resolved(call, Failed(reason))]


_REACTIONS: dict[type, Callable[[Session, Any, float], Event]] = {
    Call: Session._on_call,
    Send: Session._on_send,
    CallResult: Session._on_result,
    CallError: Session._on_error,
    CallResultError: Session._on_result_error,
    FrameError: Session._reject,
}
