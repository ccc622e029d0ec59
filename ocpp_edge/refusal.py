"""Why somebody is not let in: the rules, each by the name that operators find it under, and what is known of a refusal.

Plain data; who is refused is decided in handshake.py, admission.py, guard.py and by the station service.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from ocpp_edge.context import ChargePointState, ChargerContext


class Rule(StrEnum):
    """What refused a handshake; the names are those of csms.station.v1.Refusal.Rule, which says what to do about each.

    The last ones refuse nothing: they are what an operator has to know of a charge point that was let in.
    """

    IDENTITY_MISSING = "IDENTITY_MISSING"
    IDENTITY_INVALID = "IDENTITY_INVALID"
    UNKNOWN_IDENTITY = "UNKNOWN_IDENTITY"
    TOO_MANY_STRANGERS = "TOO_MANY_STRANGERS"
    NO_COMMON_SUBPROTOCOL = "NO_COMMON_SUBPROTOCOL"
    PINNED_PROTOCOL_NOT_OFFERED = "PINNED_PROTOCOL_NOT_OFFERED"
    CREDENTIALS_MISSING = "CREDENTIALS_MISSING"
    CREDENTIALS_MALFORMED = "CREDENTIALS_MALFORMED"
    WRONG_USER = "WRONG_USER"
    WRONG_PASSWORD = "WRONG_PASSWORD"
    PASSWORD_NOT_SET = "PASSWORD_NOT_SET"
    WRONG_CERTIFICATE = "WRONG_CERTIFICATE"
    SECURITY_PROFILE_TOO_LOW = "SECURITY_PROFILE_TOO_LOW"
    TOO_MANY_ATTEMPTS = "TOO_MANY_ATTEMPTS"
    TOO_MANY_CONNECTIONS = "TOO_MANY_CONNECTIONS"
    OVERLOADED = "OVERLOADED"
    PLATFORM_UNAVAILABLE = "PLATFORM_UNAVAILABLE"
    NOT_ACCEPTED_YET = "NOT_ACCEPTED_YET"
    REJECTED_BY_OPERATOR = "REJECTED_BY_OPERATOR"
    VERSION_GETS_NOWHERE = "VERSION_GETS_NOWHERE"


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
