"""Whether a version that a charge point offers beside others gets anywhere: some stations offer what they speak badly.

Watches one connection and judges when it is over, or after a while. Costs those nothing that offer one version.
"""

from datetime import datetime
from typing import Any

from ocpp_edge.admission.refusal import RefusalNote
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.rpc.calls import OutboundCall, Outcome, Refused, Result
from ocpp_edge.rpc.environment import Environment, Transport
from ocpp_edge.rpc.frame_log import Wire
from ocpp_edge.rpc.frames import MessageType
from ocpp_edge.rpc.requests import InboundRequest
from services.kernel.refusal import Rule

# What a station manages that speaks next to nothing of a version.
_FIRST_WORDS = frozenset({"BootNotification", "Heartbeat"})
# These errors, of either side, say nothing about the version.
_OTHER_TROUBLE = frozenset({"SecurityError", "InternalError", "GenericError"})
_SHORT_SECONDS = 60.0
# A connection that stays open is judged after this time: some repeat the same bad boot for ever.
_PATIENCE_SECONDS = 120.0


def wire_on_trial(
    context: ChargerContext, transport: Transport, environment: Environment[Any]
) -> "tuple[Wire, Trial | None]":
    """The wire of a connection, and the trial that watches it where our preference chose among several versions."""
    if len(context.offers) < 2 or context.offers[0] != context.version.subprotocol:
        return Wire(context, transport, environment), None
    trial = Trial(context, environment.monotonic())
    return WireOnTrial(context, transport, environment, trial), trial


class Trial:
    """What came of a connection so far."""

    __slots__ = ("_began", "_context", "_misunderstood", "_spoke", "_understood", "_verdict_given")

    def __init__(self, context: ChargerContext, began: float) -> None:
        self._context = context
        self._began = began
        self._spoke = False
        self._understood = False
        self._misunderstood = 0
        self._verdict_given = False

    def replied(self, action: str, error_code: str) -> None:
        """What the charge point said was answered, with an error if there is a code."""
        self._spoke = True
        if error_code:
            self._misunderstood += error_code not in _OTHER_TROUBLE
        elif action not in _FIRST_WORDS:
            self._understood = True

    def answered(self, outcome: Outcome) -> None:
        """The charge point answered a call of ours like this."""
        self._spoke = True
        if isinstance(outcome, Result):
            self._understood = True
        elif isinstance(outcome, Refused):
            self._misunderstood += outcome.code not in _OTHER_TROUBLE

    def verdict(self, now: float, *, is_over: bool) -> RefusalNote | None:
        """That the version gets nowhere, told once; None as long as it is not known to."""
        lasted = now - self._began
        if self._verdict_given or self._understood or not (is_over or lasted >= _PATIENCE_SECONDS):
            return None
        if self._misunderstood:
            why = f"{self._misunderstood} messages were not understood"
        elif not self._spoke:
            why = "it said nothing"
        elif is_over and lasted < _SHORT_SECONDS:
            why = f"it left after {lasted:.0f} s"
        else:
            return None
        self._verdict_given = True
        context, chosen = self._context, self._context.version.subprotocol
        others = " or ".join(name for name in context.offers if name != chosen)
        reason = f"by {chosen} its connection gets nowhere ({why}), and it offers {others} as well"
        return RefusalNote(
            context.charge_point_id, Rule.VERSION_GETS_NOWHERE, reason, context.remote_address, context.offers
        )


class WireOnTrial(Wire):
    """A wire that tells a trial what passes."""

    __slots__ = ("_trial",)

    def __init__(
        self, context: ChargerContext, transport: Transport, environment: Environment[Any], trial: Trial
    ) -> None:
        super().__init__(context, transport, environment)
        self._trial = trial

    def send(self, frame: bytes, kind: MessageType, message_id: str, action: str = "", *, outcome: str = "") -> None:
        super().send(frame, kind, message_id, action, outcome=outcome)
        if outcome:
            self._trial.replied(action, outcome)

    def reply(
        self, frame: bytes, kind: MessageType, request: InboundRequest, raw: bytes, received: datetime, outcome: str
    ) -> None:
        super().reply(frame, kind, request, raw, received, outcome)
        self._trial.replied(request.action, outcome)

    def call_answered(self, call: OutboundCall, frame: bytes, outcome: Outcome) -> None:
        super().call_answered(call, frame, outcome)
        self._trial.answered(outcome)
