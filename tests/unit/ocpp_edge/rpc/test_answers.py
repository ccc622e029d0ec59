"""What the caller of a request is told when the charge point answered, refused, or did neither."""

from collections.abc import Iterator

import pytest

from ocpp_edge.rpc.answers import answered, lacks_feature
from ocpp_edge.rpc.calls import Failed, FailureReason, Outcome, Refused, Result
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.rpc.schemas import load
from ocpp_edge.versions import Version
from services.kernel.errors import DomainError, ErrorKind
from services.rpc.status import http_status_of
from tests.unit.ocpp_edge.payloads import an
from tests.unit.ocpp_edge.platform import context


def judged(payload: Payload) -> Result:
    return Result(payload, load(Version.V16).responses["Reset"].violations(payload))


def failure_of(outcome: Outcome, action: str, version: Version) -> DomainError | None:
    try:
        answered(outcome, action, context(version))
    except DomainError as error:
        return error
    return None


def failure(outcome: Outcome) -> DomainError:
    error = failure_of(outcome, "Reset", Version.V16)
    assert error is not None
    return error


def test_a_valid_answer_is_the_answer() -> None:
    valid = {"status": "Accepted"}
    assert answered(judged(valid), "Reset", context()) == (valid, valid, (), {})


def test_an_answer_with_a_forgivable_fault_is_read_and_shown_as_it_came() -> None:
    sent = {"status": "accepted", "extra": 1}
    answer = answered(judged(sent), "Reset", context())
    assert answer == (sent, {"status": "Accepted"}, ("unexpected_fields", "coerced:status"), {"extra": 1})


def settings(*entries: object) -> Payload:
    return {"configurationKey": list(entries), "unknownKey": ["Made", "Up"]}


@pytest.mark.field_case("B3")
def test_an_entry_that_cannot_be_read_costs_no_other() -> None:
    good = [{"key": f"Key{number}", "readonly": False, "value": "1"} for number in range(398)]
    broken = settings(*good[:7], {"key": "Yes", "readonly": True, "value": True}, {"value": 5}, *good[7:])
    outcome = Result(broken, load(Version.V16).responses["GetConfiguration"].first_violation(broken))
    answer = answered(outcome, "GetConfiguration", context())
    assert answer.sent is broken
    assert answer.valid == settings(*good[:7], {"key": "Yes", "readonly": True, "value": "true"}, *good[7:])
    assert answer.flags == ("dropped:configurationKey", "coerced:configurationKey.value")
    assert answer.dropped == {"configurationKey[8]": {"value": 5}}


@pytest.mark.field_case("B3")
def test_a_limit_that_is_finer_than_the_specification_is_read() -> None:
    periods = [{"startPeriod": 0, "limit": 7360.25}, {"startPeriod": 60.0, "limit": 11000}]
    schedule = {"chargingRateUnit": "W", "chargingSchedulePeriod": periods}
    payload = {"status": "Accepted", "connectorId": 1.0, "chargingSchedule": schedule}
    outcome = Result(payload, load(Version.V16).responses["GetCompositeSchedule"].first_violation(payload))
    answer = answered(outcome, "GetCompositeSchedule", context())
    assert answer.valid == answer.sent == payload
    assert type(answer.valid["connectorId"]) is int
    assert "coerced:chargingSchedule.chargingSchedulePeriod.limit" in answer.flags
    assert answer.dropped == {}


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


def broken_in_one_entry(version: Version) -> Iterator[tuple[str, Payload, Payload, str]]:
    """For every list in every answer of a version: the action, an answer with a broken entry in it, what can be read of
    that, and the list."""
    for action, schema in load(version).responses.items():
        whole = an(schema.definition, schema.definition)
        for name, value in whole.items():
            if isinstance(value, list):
                yield action, {**whole, name: [value[0], True, *value[1:]]}, whole, name


@pytest.mark.field_case("B3")
@pytest.mark.parametrize("version", Version)
def test_no_entry_of_any_list_in_any_answer_costs_another(version: Version) -> None:
    cases = list(broken_in_one_entry(version))
    assert len(cases) >= (2 if version is Version.V16 else 5)
    for action, payload, whole, name in cases:
        outcome = Result(payload, load(version).responses[action].first_violation(payload))
        answer = answered(outcome, action, context(version))
        assert (answer.valid, answer.flags) == (whole, (f"dropped:{name}",)), action
        assert answer.dropped == {f"{name}[1]": True}, action


@pytest.mark.field_case("B3")
@pytest.mark.parametrize("version", Version)
def test_an_answer_of_which_nothing_can_be_made_is_never_the_callers_fault(version: Version) -> None:
    for action, schema in load(version).responses.items():
        for payload in ({name: {"x": [None]} for name in an(schema.definition, schema.definition)}, {"status": 7}):
            outcome = Result(payload, schema.first_violation(payload))
            error = failure_of(outcome, action, version)
            if error is not None:
                reported = error.kind, error.reason, http_status_of(error.reason)
                assert reported == (ErrorKind.FAILED_PRECONDITION, "OCPP_CALL_ERROR", 502), action
                assert error.message.startswith("the answer of the charge point cannot be used: "), action
