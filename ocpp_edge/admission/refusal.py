"""Why somebody is not let in: the rules, each by the name that operators find it under, and what is known of a refusal.

Plain data; who is refused is decided in handshake.py, admission_control.py, password_guard.py and the station service.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from ocpp_edge.facts.context import ChargePointState, ChargerContext
from services.kernel.refusal import Rule


@dataclass(frozen=True, slots=True)
class Refusal:
    """A charge point is turned away with an HTTP status; `retry_after_seconds` goes with 503 and 429.

    `guess` stands for a wrong password that was not shown before, without telling what it is; else it is empty.
    """

    status: HTTPStatus
    rule: Rule
    reason: str
    retry_after_seconds: int | None = None
    guess: bytes = b""


@dataclass(frozen=True, slots=True)
class RefusalNote:
    """One refusal as it is told to the platform.

    `identity` is what the charge point calls itself, empty when it did not say; `offers` are the subprotocols that it
    offered, `guess` is that of the refusal.
    """

    identity: str
    rule: Rule
    reason: str
    address: str
    offers: tuple[str, ...] = ()
    path: str = ""
    guess: bytes = b""


_NOT_IN_SERVICE = {
    ChargePointState.PENDING: (Rule.NOT_ACCEPTED_YET, "let in to wait until an operator accepts it"),
    ChargePointState.REJECTED: (Rule.REJECTED_BY_OPERATOR, "let in only to be told that it is rejected"),
}


def note_of_welcome(context: ChargerContext) -> RefusalNote | None:
    """What operators should know of a charge point that was let in without being in service."""
    news = _NOT_IN_SERVICE.get(context.state)
    if news is None:
        return None
    return RefusalNote(context.charge_point_id, *news, context.remote_address, context.offers)


# Told of each refusal; never waits.
RefusalSink = Callable[[RefusalNote], None]
