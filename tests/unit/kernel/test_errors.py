"""services.kernel.errors"""

import pytest

from services.kernel.errors import (
    DomainError,
    ErrorKind,
    FieldViolation,
    already_exists,
    conflict,
    failed_precondition,
    invalid,
    not_found,
    unavailable,
)


def test_a_bad_field_is_named_in_the_message_and_in_the_violations() -> None:
    error = invalid("station.latitude", "must be between -90 and 90")

    assert (error.kind, error.reason) == (ErrorKind.INVALID_ARGUMENT, "INVALID_FIELD")
    assert error.violations == (FieldViolation("station.latitude", "must be between -90 and 90"),)
    assert str(error) == error.message == "station.latitude: must be between -90 and 90"


@pytest.mark.parametrize("noun", ["charge point", "charge_point", "Charge point"])
def test_the_reason_of_a_missing_thing_is_made_of_its_noun(noun: str) -> None:
    error = not_found(noun, "CP1")

    assert (error.kind, error.reason) == (ErrorKind.NOT_FOUND, "CHARGE_POINT_NOT_FOUND")
    assert error.message == "charge point CP1 not found"
    assert error.metadata == {"id": "CP1"}


def test_the_other_kinds_carry_their_reason_and_particulars() -> None:
    assert already_exists("driver", "a@b").reason == "DRIVER_EXISTS"
    assert conflict("ETAG_MISMATCH", "changed since").kind is ErrorKind.CONFLICT
    assert unavailable("no database").kind is ErrorKind.UNAVAILABLE
    error = failed_precondition("CHARGE_POINT_OFFLINE", "offline", chargePointId="CP1")
    assert (error.kind, error.metadata) == (ErrorKind.FAILED_PRECONDITION, {"chargePointId": "CP1"})


def test_an_error_is_its_own_and_shares_nothing_with_the_caller() -> None:
    particulars = {"key": "value"}
    error = DomainError(ErrorKind.INTERNAL, "INTERNAL", "internal error", particulars)
    particulars["key"] = "other"

    assert error.metadata == {"key": "value"}
