"""The frames of one connection as they pass: sends, and reports both directions to the journal.

Decides nothing about them.
"""

from datetime import datetime
from typing import Any

from ocpp_edge.calls import Failed, OutboundCall, Outcome, Result
from ocpp_edge.context import ChargerContext
from ocpp_edge.environment import Environment, Transport
from ocpp_edge.frames import MessageType
from ocpp_edge.journal import FrameRecord

_MICROSECONDS = 1_000_000


class Wire:
    """Writes to one transport and keeps the journal informed."""

    __slots__ = ("_context", "_environment", "_transport")

    def __init__(self, context: ChargerContext, transport: Transport, environment: Environment[Any]) -> None:
        self._context = context
        self._transport = transport
        self._environment = environment

    def send(
        self,
        frame: bytes,
        kind: MessageType,
        message_id: str,
        action: str = "",
        *,
        since: float | None = None,
        outcome: str = "",
    ) -> None:
        """Send one frame. `since` is the monotonic moment from which its latency counts."""
        self._transport.write(frame)
        environment, context = self._environment, self._context
        environment.counters.frames_out.add()
        latency = None if since is None else int((environment.monotonic() - since) * _MICROSECONDS)
        now = environment.clock.now()
        environment.journal(
            FrameRecord(
                context.charge_point_id,
                context.epoch,
                context.version,
                False,
                now,
                kind,
                message_id,
                action,
                frame,
                latency,
                outcome,
            )
        )

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
        """Report a frame that came in at `at`, or just now."""
        environment, context = self._environment, self._context
        moment = at or environment.clock.now()
        environment.journal(
            FrameRecord(
                context.charge_point_id,
                context.epoch,
                context.version,
                True,
                moment,
                kind,
                message_id,
                action,
                frame,
                latency_us,
                outcome,
            )
        )

    def received_answer(self, frame: bytes, call: OutboundCall, outcome: Outcome) -> None:
        """Report the answer to a call of ours."""
        kind = MessageType.CALL_RESULT if isinstance(outcome, Result) else MessageType.CALL_ERROR
        code = ""
        if not isinstance(outcome, Result):
            code = outcome.reason.name if isinstance(outcome, Failed) else outcome.code
        latency = int((self._environment.monotonic() - call.sent_at) * _MICROSECONDS)
        self.received(frame, kind, call.message_id, call.action, latency_us=latency, outcome=code)
