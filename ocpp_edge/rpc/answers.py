"""What became of a call to a charge point, as its caller is told: the payload, or why there is none."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.leniency.repair import mend
from ocpp_edge.rpc.calls import Failed, FailureReason, Outcome, Refused
from ocpp_edge.rpc.errors import error_code, violated
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.rpc.schemas import load
from services.kernel.errors import DomainError, ErrorKind, failed_precondition, unavailable

# A charge point that says one of these lacks the feature.
_LACKS_FEATURE = frozenset({"NotImplemented", "NotSupported"})
_TIMEOUT_MESSAGES: Mapping[FailureReason, str] = {
    FailureReason.TIMED_OUT: "the charge point did not answer in time",
    FailureReason.EXPIRED: "the charge point was busy with other requests for too long",
    FailureReason.CANCELLED: "the charge point did not answer in time",
    # It may have heard the request and done as it was told.
    FailureReason.CONNECTION_LOST: "the connection was lost before the charge point answered",
    FailureReason.SUPERSEDED: "the charge point connected anew before it answered",
}


class Answered(NamedTuple):
    """The payload of a CALLRESULT: as the charge point sent it, and what can be read of it.

    `flags` say what is wrong with it, and `dropped` has, by its path, what could not be read.
    """

    sent: Payload
    valid: Payload
    flags: tuple[str, ...] = ()
    dropped: Mapping[str, Any] = MappingProxyType({})


def answered(outcome: Outcome, action: str, context: ChargerContext) -> Answered:
    """The answer to `action`, as far as it can be read: an entry that cannot costs no other.

    Raises: OCPP_CALL_ERROR, CHARGE_POINT_TIMEOUT, UNAVAILABLE.
    """
    if isinstance(outcome, Refused):
        raise call_error(outcome.code, outcome.description)
    if isinstance(outcome, Failed):
        raise _failure(outcome.reason)
    if not outcome.violations:
        return Answered(outcome.payload, outcome.payload, outcome.flags)
    mended = mend(load(context.version).responses[action], action, outcome.payload)
    if mended.violations:
        refusal = violated(mended.violations)
        raise bad_answer(refusal.description, error_code(context.version, refusal.fault))
    for quirk in mended.quirks:
        context.forgives(quirk)
    return Answered(outcome.payload, mended.payload, (*outcome.flags, *mended.flags), mended.dropped)


def call_error(code: str, description: str) -> DomainError:
    """The charge point answered with an error."""
    message = f"the charge point answered {code or 'an error'}: {description}"
    return failed_precondition("OCPP_CALL_ERROR", message, ocppErrorCode=code, ocppErrorDescription=description)


def bad_answer(description: str, code: str = "") -> DomainError:
    """The charge point answered with what is no answer; `code` is what OCPP calls its fault."""
    message = f"the answer of the charge point cannot be used: {description}"
    return failed_precondition("OCPP_CALL_ERROR", message, ocppErrorCode=code, ocppErrorDescription=description)


def not_supported(detail: str) -> DomainError:
    """The charge point, or its OCPP version, lacks a feature."""
    return failed_precondition("NOT_SUPPORTED_BY_CHARGE_POINT", f"not supported: {detail}", detail=detail)


def lacks_feature(outcome: Outcome) -> bool:
    """Whether the charge point said that it cannot do at all what it was asked."""
    return isinstance(outcome, Refused) and outcome.code in _LACKS_FEATURE


def charge_point_timeout(reason: FailureReason = FailureReason.TIMED_OUT) -> DomainError:
    """No answer; the request may still take effect."""
    return DomainError(ErrorKind.DEADLINE_EXCEEDED, "CHARGE_POINT_TIMEOUT", _TIMEOUT_MESSAGES[reason])


def _failure(reason: FailureReason) -> DomainError:
    if reason is FailureReason.UNREADABLE:
        return bad_answer("it is no message of OCPP")
    if reason is FailureReason.SHUTTING_DOWN:
        return unavailable("this edge node is stopping; the charge point will connect to another")
    return charge_point_timeout(reason)
