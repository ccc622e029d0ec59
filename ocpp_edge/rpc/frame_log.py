"""The frames of one connection as they pass: sends, and reports both directions to the journal.

Decides nothing about them.
"""

from datetime import datetime
from typing import Any

from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.journal import FrameRecord
from ocpp_edge.rpc.calls import Failed, OutboundCall, Outcome, Result
from ocpp_edge.rpc.environment import Environment, Transport
from ocpp_edge.rpc.events import Notice
from ocpp_edge.rpc.frames import MessageType
from ocpp_edge.rpc.requests import InboundRequest

_MICROSECONDS = 1_000_000


class Wire:
    """Writes to one transport and keeps the journal informed: of each request once it is over, of all else at once."""

    __slots__ = ("_context", "_environment", "_transport")

    def __init__(self, context: ChargerContext, transport: Transport, environment: Environment[Any]) -> None:
        self._context = context
        self._transport = transport
        self._environment = environment

    def send(self, frame: bytes, kind: MessageType, message_id: str, action: str = "", *, outcome: str = "") -> None:
        """Send a frame that answers no request which the session knows."""
        self._write(frame)
        self._note(self._environment.clock.now(), kind, message_id, action, frame, outcome=outcome, inbound=False)

    def received(
        self,
        frame: bytes,
        kind: int,
        message_id: str,
        action: str = "",
        *,
        at: datetime | None = None,
        latency_us: int | None = None,
        outcome: str = "",
    ) -> None:
        """Report a frame that came in at `at`, or just now, and will not be answered."""
        moment = at or self._environment.clock.now()
        self._note(moment, kind, message_id, action, frame, latency_us, outcome)

    def reply(
        self, frame: bytes, kind: MessageType, request: InboundRequest, raw: bytes, received: datetime, outcome: str
    ) -> None:
        """Send the answer to a request that came in as `raw`."""
        self._write(frame)
        latency_us = int((self._environment.monotonic() - request.received_at) * _MICROSECONDS)
        about = MessageType.CALL, request.message_id, request.action, raw
        self._note(received, *about, latency_us, outcome, kind, frame, note=self._context.note)

    def noticed(self, notice: Notice, raw: bytes, received: datetime, outcome: str = "") -> None:
        """Report a SEND that came in as `raw`, once it is over; `outcome` is why it was not taken."""
        about = MessageType.SEND, notice.message_id, notice.action, raw
        self._note(received, *about, outcome=outcome)

    def unanswered(self, request: InboundRequest, raw: bytes, received: datetime) -> None:
        """Report a request that gets no answer any more."""
        self._note(received, MessageType.CALL, request.message_id, request.action, raw)

    def call(self, call: OutboundCall) -> None:
        """Send a request of ours."""
        call.sent_time = self._environment.clock.now()
        self._write(call.frame)

    def call_answered(self, call: OutboundCall, frame: bytes, outcome: Outcome) -> None:
        """Report the answer to a call of ours, together with the call unless that has been reported."""
        kind = MessageType.CALL_RESULT if isinstance(outcome, Result) else MessageType.CALL_ERROR
        code = ""
        if not isinstance(outcome, Result):
            code = outcome.reason.name if isinstance(outcome, Failed) else outcome.code
        latency_us = int((self._environment.monotonic() - call.sent_at) * _MICROSECONDS)
        if call.sent_time is None:
            self.received(frame, kind, call.message_id, call.action, latency_us=latency_us, outcome=code)
        else:
            self._note_call(call, call.sent_time, latency_us, code, kind, frame)

    def call_given_up(self, call: OutboundCall) -> None:
        """Report a call of ours whose answer nobody waits for any more; if it comes it is a frame of its own."""
        if call.sent_time is not None:
            self._note_call(call, call.sent_time, None, "", 0, b"")

    def _note_call(
        self, call: OutboundCall, at: datetime, latency_us: int | None, code: str, answer_type: int, answer: bytes
    ) -> None:
        call.sent_time = None
        about = MessageType.CALL, call.message_id, call.action, call.frame
        self._note(at, *about, latency_us, code, answer_type, answer, inbound=False)

    def _write(self, frame: bytes) -> None:
        self._transport.write(frame)
        self._environment.counters.frames_out.add()

    def _note(
        self,
        at: datetime,
        kind: int,
        message_id: str,
        action: str,
        frame: bytes,
        latency_us: int | None = None,
        outcome: str = "",
        answer_type: int = 0,
        answer: bytes = b"",
        inbound: bool = True,
        note: str = "",
    ) -> None:
        context = self._context
        self._environment.journal(
            FrameRecord(
                context.charge_point_id,
                context.epoch,
                context.version,
                inbound,
                at,
                kind,
                message_id,
                action,
                frame,
                latency_us,
                outcome,
                answer_type,
                answer,
                note,
                context.tenant_id,
            )
        )
