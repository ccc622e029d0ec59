"""Failures in the words of each OCPP version."""

import pytest

from ocpp_edge.rpc.errors import CallRefused, Fault, error_code, refusal_of, violated
from ocpp_edge.rpc.schemas import load
from ocpp_edge.versions import Version
from services.kernel.errors import DomainError, ErrorKind, invalid


@pytest.mark.parametrize(
    ("fault", "in_16", "in_2x"),
    [
        (Fault.FRAME, "FormationViolation", "RpcFrameworkError"),
        (Fault.MESSAGE_TYPE, "FormationViolation", "MessageTypeNotSupported"),
        (Fault.FORMAT, "FormationViolation", "FormatViolation"),
        (Fault.OCCURRENCE, "OccurenceConstraintViolation", "OccurrenceConstraintViolation"),
        (Fault.PROPERTY, "PropertyConstraintViolation", "PropertyConstraintViolation"),
        (Fault.TYPE, "TypeConstraintViolation", "TypeConstraintViolation"),
        (Fault.UNKNOWN_ACTION, "NotImplemented", "NotImplemented"),
        (Fault.UNSUPPORTED_ACTION, "NotSupported", "NotSupported"),
        (Fault.SECURITY, "SecurityError", "SecurityError"),
        (Fault.GENERIC, "GenericError", "GenericError"),
        (Fault.INTERNAL, "InternalError", "InternalError"),
    ],
)
def test_each_version_has_its_own_spelling(fault: Fault, in_16: str, in_2x: str) -> None:
    assert [error_code(version, fault) for version in Version] == [in_16, in_2x, in_2x]


@pytest.mark.parametrize("kind", list(ErrorKind))
def test_every_kind_of_domain_error_has_a_refusal(kind: ErrorKind) -> None:
    assert isinstance(refusal_of(DomainError(kind, "REASON", "message")), CallRefused)


def test_failures_of_our_own_are_not_explained_to_the_charge_point() -> None:
    refusal = refusal_of(DomainError(ErrorKind.UNAVAILABLE, "UNAVAILABLE", "postgres at 10.0.0.7 is down"))
    assert refusal.fault is Fault.INTERNAL
    assert "postgres" not in refusal.description


def test_a_refused_value_keeps_its_explanation() -> None:
    refusal = refusal_of(invalid("connectorId", "there is no such connector"))
    assert (refusal.fault, refusal.description) == (Fault.PROPERTY, "connectorId: there is no such connector")


@pytest.mark.parametrize(
    ("payload", "fault", "path"),
    [
        ({"connectorId": "1", "errorCode": "NoError", "status": "Available"}, Fault.TYPE, "connectorId"),
        ({"connectorId": 1, "errorCode": "NoError"}, Fault.OCCURRENCE, "status"),
        ({"connectorId": 1, "errorCode": "Bad", "status": "Available"}, Fault.PROPERTY, "errorCode"),
        (
            {"connectorId": 1, "errorCode": "NoError", "status": "Available", "info": "x" * 51},
            Fault.PROPERTY,
            "info",
        ),
        ({"connectorId": 1, "errorCode": "NoError", "status": "Available", "x": 1}, Fault.FORMAT, "x"),
    ],
)
def test_a_violation_decides_the_code_and_names_the_field(payload: object, fault: Fault, path: str) -> None:
    violations = load(Version.V16).requests["StatusNotification"].violations(payload)
    refusal = violated(violations)
    assert refusal.fault is fault
    assert refusal.description.startswith(f"{path}: ")
    assert refusal.details is not None
    assert refusal.details["violations"][0]["path"] == path
