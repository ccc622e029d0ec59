"""services.rpc.status"""

import subprocess
import sys
from urllib.parse import quote

import grpc
import grpc.aio
import psycopg
import pytest
import sqlalchemy.exc
from google.rpc import code_pb2, error_details_pb2, status_pb2
from psycopg_pool import PoolTimeout

from csms.error.v1 import error_reason_pb2
from services.kernel.errors import DomainError, ErrorKind, FieldViolation, invalid, not_found
from services.rpc.status import DETAILS_KEY, describe, from_rpc_error, is_database_away, to_status


def _answer(status: status_pb2.Status) -> grpc.aio.AioRpcError:
    """What a client sees of `status`."""
    code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
    trailing = grpc.aio.Metadata((DETAILS_KEY, status.SerializeToString()))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, status.message)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (ErrorKind.INVALID_ARGUMENT, code_pb2.INVALID_ARGUMENT),
        (ErrorKind.NOT_FOUND, code_pb2.NOT_FOUND),
        (ErrorKind.ALREADY_EXISTS, code_pb2.ALREADY_EXISTS),
        (ErrorKind.FAILED_PRECONDITION, code_pb2.FAILED_PRECONDITION),
        (ErrorKind.CONFLICT, code_pb2.ABORTED),
        (ErrorKind.UNAUTHENTICATED, code_pb2.UNAUTHENTICATED),
        (ErrorKind.PERMISSION_DENIED, code_pb2.PERMISSION_DENIED),
        (ErrorKind.RESOURCE_EXHAUSTED, code_pb2.RESOURCE_EXHAUSTED),
        (ErrorKind.UNAVAILABLE, code_pb2.UNAVAILABLE),
        (ErrorKind.UNIMPLEMENTED, code_pb2.UNIMPLEMENTED),
        (ErrorKind.DEADLINE_EXCEEDED, code_pb2.DEADLINE_EXCEEDED),
        (ErrorKind.INTERNAL, code_pb2.INTERNAL),
    ],
)
def test_every_kind_of_error_there_and_back_is_the_same(kind: ErrorKind, code: int) -> None:
    error = DomainError(kind, "A_REASON", "in words", {"id": "1"}, [FieldViolation("a.b", "is bad")])

    status = to_status(error)
    back = from_rpc_error(_answer(status))

    assert status.code == code
    assert (back.kind, back.reason, back.message) == (kind, "A_REASON", "in words")
    assert (back.metadata, back.violations) == (error.metadata, error.violations)


def test_a_status_names_its_reason_and_its_bad_fields() -> None:
    status = to_status(invalid("station.latitude", "must be between -90 and 90"))
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()

    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(bad_request)
    assert (info.reason, info.domain) == ("INVALID_FIELD", "csms")
    assert [(entry.field, entry.description) for entry in bad_request.field_violations] == [
        ("station.latitude", "must be between -90 and 90")
    ]


def test_only_bad_input_has_a_list_of_bad_fields() -> None:
    assert len(to_status(not_found("station", "s1")).details) == 1


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        (grpc.StatusCode.UNAVAILABLE, ErrorKind.UNAVAILABLE, "UNAVAILABLE"),
        (grpc.StatusCode.CANCELLED, ErrorKind.UNAVAILABLE, "UNAVAILABLE"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, ErrorKind.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, ErrorKind.RESOURCE_EXHAUSTED, "QUEUE_FULL"),
        (grpc.StatusCode.UNIMPLEMENTED, ErrorKind.UNIMPLEMENTED, "UNIMPLEMENTED"),
        (grpc.StatusCode.UNKNOWN, ErrorKind.INTERNAL, "INTERNAL"),
        (grpc.StatusCode.NOT_FOUND, ErrorKind.INTERNAL, "INTERNAL"),
    ],
)
@pytest.mark.parametrize("trailing", [None, grpc.aio.Metadata((DETAILS_KEY, b"\xff garbage"))])
def test_a_failure_that_is_no_answer_of_ours_is_told_without_its_own_words(
    code: grpc.StatusCode, kind: ErrorKind, reason: str, trailing: grpc.aio.Metadata | None
) -> None:
    failure = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, "failed to connect to 10.0.0.7:13001")

    error = from_rpc_error(failure)

    assert (error.kind, error.reason) == (kind, reason)
    assert "10.0.0.7" not in error.message
    assert f"ERROR_REASON_{reason}" in error_reason_pb2.ErrorReason.keys()


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("connection to 10.0.0.7 failed"),
        psycopg.errors.AdminShutdown("terminating connection"),
        PoolTimeout("no connection"),
        sqlalchemy.exc.OperationalError("SELECT 1", {}, Exception("gone")),
        sqlalchemy.exc.TimeoutError("pool"),
    ],
)
def test_a_database_that_is_away_is_unavailable(error: Exception) -> None:
    assert is_database_away(error)
    described = describe(error)
    assert (described.kind, described.reason) == (ErrorKind.UNAVAILABLE, "UNAVAILABLE")
    assert "10.0.0.7" not in described.message


@pytest.mark.parametrize(
    "error", [KeyError("secret"), TimeoutError("secret"), psycopg.errors.UniqueViolation("secret"), OSError("secret")]
)
def test_any_other_failure_is_internal_and_tells_nothing(error: Exception) -> None:
    described = describe(error)

    assert (described.kind, described.reason, described.message) == (ErrorKind.INTERNAL, "INTERNAL", "internal error")


def test_an_error_of_ours_is_told_as_it_is() -> None:
    error = not_found("station", "s1")

    assert describe(error) is error


def test_nothing_of_sql_is_loaded_to_recognise_its_errors() -> None:
    code = (
        "import sys, services.rpc.status, services.rpc.server, services.rpc.channels, "
        "services.process.batching, services.kernel.pagination; "
        "sys.exit(any(name.split('.')[0] in ('sqlalchemy', 'psycopg') for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": "proto:."}, check=False).returncode == 0


@pytest.mark.field_case("C19")
@pytest.mark.parametrize("letter", ["x", "é", "🚗", "%", "\x07"])
@pytest.mark.parametrize("count", [1, 20, 21, 500])
def test_an_error_with_very_many_fields_fits_into_what_clients_take(letter: str, count: int) -> None:
    fields = [FieldViolation(f"stations[{number}].{letter * 400}", letter * 400) for number in range(count)]
    error = DomainError(ErrorKind.INVALID_ARGUMENT, "INVALID_FIELD", letter * 5_000, {"id": letter * 500}, fields)

    status = to_status(error)
    back = from_rpc_error(_answer(status))

    # As trailers: grpc-message, each byte that is not plain ASCII as three, and the status in base64.
    length = len(quote(status.message)) + 4 * len(status.SerializeToString()) / 3
    assert length < 7_000
    assert 1 <= len(back.violations) <= 20
    assert back.metadata.get("violationCount") == (str(count) if len(back.violations) < count else None)
    assert back.message.endswith("…")


@pytest.mark.field_case("C19")
def test_twenty_fields_of_usual_length_are_told_and_then_a_number() -> None:
    fields = [FieldViolation(f"station.connectors[{number}].maxPowerW", "must be at least 0") for number in range(21)]
    for count in (20, 21):
        back = from_rpc_error(
            _answer(to_status(DomainError(ErrorKind.INVALID_ARGUMENT, "INVALID_FIELD", "x", {}, fields[:count])))
        )
        assert len(back.violations) == 20
        assert back.metadata == ({} if count == 20 else {"violationCount": "21"})
