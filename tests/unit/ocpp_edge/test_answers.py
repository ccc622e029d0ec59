"""What the caller of a request is told when the charge point answered, refused, or did neither."""

import pytest

from ocpp_edge.answers import answered, lacks_feature
from ocpp_edge.calls import Failed, FailureReason, Outcome, Refused, Result
from ocpp_edge.frames import Payload
from ocpp_edge.schemas import load
from ocpp_edge.versions import Version
from services.kernel.errors import DomainError, ErrorKind
from tests.unit.ocpp_edge.platform import context


def judged(payload: Payload) -> Result:
    return Result(payload, load(Version.V16).responses["Reset"].violations(payload))


def failure(outcome: Outcome) -> DomainError:
    with pytest.raises(DomainError) as failed:
        answered(outcome, "Reset", context())
    return failed.value


def test_a_valid_answer_is_the_answer() -> None:
    assert answered(judged({"status": "Accepted"}), "Reset", context()) == ({"status": "Accepted"},) * 2


def test_an_answer_with_a_forgivable_fault_is_read_and_shown_as_it_came() -> None:
    sent, valid = answered(judged({"status": "accepted", "extra": 1}), "Reset", context())
    assert (sent, valid) == ({"status": "accepted", "extra": 1}, {"status": "Accepted"})


@pytest.mark.parametrize("payload", [{}, {"status": "Perhaps"}, {"status": ["Accepted"]}])
def test_an_answer_that_is_none_is_an_error_of_the_charge_point(payload: Payload) -> None:
    error = failure(judged(payload))
    assert (error.kind, error.reason) == (ErrorKind.FAILED_PRECONDITION, "OCPP_CALL_ERROR")
    assert "status" in error.metadata["ocppErrorDescription"]
    assert error.metadata["ocppErrorCode"].endswith("Violation")


@pytest.mark.parametrize("code", ["InternalError", "", "MadeUp"])
def test_a_refusal_is_passed_on_in_the_words_of_the_charge_point(code: str) -> None:
    error = failure(Refused(code, "no", {}))
    assert (error.kind, error.reason) == (ErrorKind.FAILED_PRECONDITION, "OCPP_CALL_ERROR")
    assert error.metadata == {"ocppErrorCode": code, "ocppErrorDescription": "no"}


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (FailureReason.TIMED_OUT, "CHARGE_POINT_TIMEOUT"),
        (FailureReason.EXPIRED, "CHARGE_POINT_TIMEOUT"),
        (FailureReason.CANCELLED, "CHARGE_POINT_TIMEOUT"),
        (FailureReason.CONNECTION_LOST, "CHARGE_POINT_TIMEOUT"),
        (FailureReason.SUPERSEDED, "CHARGE_POINT_TIMEOUT"),
        (FailureReason.UNREADABLE, "OCPP_CALL_ERROR"),
        (FailureReason.SHUTTING_DOWN, "UNAVAILABLE"),
    ],
)
def test_no_answer_has_a_reason(reason: FailureReason, expected: str) -> None:
    assert failure(Failed(reason)).reason == expected


def test_only_certain_refusals_say_that_a_feature_is_missing() -> None:
    assert lacks_feature(Refused("NotSupported", "", {}))
    assert lacks_feature(Refused("NotImplemented", "", {}))
    assert not lacks_feature(Refused("GenericError", "", {}))
    assert not lacks_feature(Result({}))
