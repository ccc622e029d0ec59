"""Errors to gRPC status and back: the one place where a failure becomes what callers see.

Must not let out the words of a driver, a library or a stack trace, and must not load any of those to recognise them.
"""

from collections.abc import Mapping, Sequence
from functools import cache

import grpc.aio
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from csms.error.v1 import error_reason_pb2
from services.kernel.errors import RETRY_AFTER_KEY, DomainError, ErrorKind, FieldViolation, unavailable

DOMAIN = "csms"
DETAILS_KEY = "grpc-status-details-bin"
_REASON_PREFIX = "ERROR_REASON_"
# Reasons are numbered by the code of their status, a thousand numbers for each.
_REASONS_OF_A_CODE = 1000

# A status travels as metadata, of which clients take 8 KiB and then fail the call for that alone: the whole status in
# base64, and its message once more, each byte that is not ASCII as three. These bounds are of UTF-8.
MAX_VIOLATIONS = 20
MAX_MESSAGE_BYTES = 500
MAX_TEXT_BYTES = 300
MAX_DESCRIPTION_BYTES = 800
MAX_STATUS_BYTES = 3_500
_COUNT = "violationCount"

_CODES: Mapping[ErrorKind, int] = {
    **{kind: code_pb2.Code.Value(kind.value) for kind in ErrorKind if kind is not ErrorKind.CONFLICT},
    ErrorKind.CONFLICT: code_pb2.ABORTED,
}
_KINDS: Mapping[int, ErrorKind] = {
    **{code: kind for kind, code in _CODES.items()},
    code_pb2.OUT_OF_RANGE: ErrorKind.INVALID_ARGUMENT,
    # grpc-core cancels calls by itself when a server has too many of them waiting.
    code_pb2.CANCELLED: ErrorKind.UNAVAILABLE,
}
# What is said of a failure that carries no error of ours: its own words may hold addresses or a stack trace.
_PLAIN: Mapping[ErrorKind, tuple[str, str]] = {
    ErrorKind.UNAVAILABLE: ("UNAVAILABLE", "a part of the platform does not answer; try again later"),
    ErrorKind.DEADLINE_EXCEEDED: ("DEADLINE_EXCEEDED", "the platform did not answer in time"),
    ErrorKind.RESOURCE_EXHAUSTED: ("QUEUE_FULL", "the platform is busy; try again later"),
    ErrorKind.UNIMPLEMENTED: ("UNIMPLEMENTED", "the server does not know the call"),
    ErrorKind.UNAUTHENTICATED: ("UNAUTHENTICATED", "the caller is not known"),
    ErrorKind.PERMISSION_DENIED: ("PERMISSION_DENIED", "the caller may not do this"),
}
_DATABASE_AWAY = frozenset(
    {("sqlalchemy.exc", "OperationalError"), ("sqlalchemy.exc", "TimeoutError"), ("psycopg", "OperationalError")}
)


@cache
def http_status_of(reason: str) -> int | None:
    """The HTTP status that the contract gives to a reason; None where it is the one of the gRPC status."""
    value = error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name.get(f"{_REASON_PREFIX}{reason}")
    return None if value is None else value.GetOptions().Extensions[error_reason_pb2.http_status] or None


def describe(error: BaseException) -> DomainError:
    """What callers are told of any failure. Of kind INTERNAL when it is nobody's business but ours."""
    if isinstance(error, DomainError):
        return error
    if isinstance(error, grpc.aio.AioRpcError):
        return from_rpc_error(error)
    if is_database_away(error):
        return unavailable("the database does not answer; try again later")
    return DomainError(ErrorKind.INTERNAL, "INTERNAL", "internal error")


def is_database_away(error: BaseException) -> bool:
    """Whether a database driver says that it cannot reach its server (told by the names of its error classes)."""
    return any((cls.__module__, cls.__name__) in _DATABASE_AWAY for cls in type(error).__mro__)


def to_status(error: DomainError) -> status_pb2.Status:
    """The google.rpc.Status of an error: ErrorInfo, BadRequest when fields are at fault, RetryInfo when time helps.

    Long texts are cut. Of very many fields the first are told, at most 20 and as far as there is room; then the
    metadata has `violationCount`.
    """
    status = status_pb2.Status(code=_CODES[error.kind], message=_cut(error.message, MAX_MESSAGE_BYTES))
    metadata = {key: _cut(value) for key, value in error.metadata.items()}
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)
    bad_request = _bad_request(error.violations, MAX_STATUS_BYTES - status.ByteSize() - info.ByteSize())
    if len(bad_request.field_violations) < len(error.violations):
        info.metadata.setdefault(_COUNT, str(len(error.violations)))
    status.details.append(_pack(info))
    if bad_request.field_violations:
        status.details.append(_pack(bad_request))
    if seconds := error.metadata.get(RETRY_AFTER_KEY):
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromSeconds(int(seconds))
        status.details.append(_pack(retry))
    return status


def from_rpc_error(error: grpc.aio.AioRpcError) -> DomainError:
    """The error that a service answered with; a plain one when there was no answer of ours."""
    rich = _rich_status(error)
    code = error.code().value[0]
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in rich.details if rich is not None else ():
        detail.Unpack(info)
        detail.Unpack(bad_request)
    kind = _KINDS.get(code, ErrorKind.INTERNAL)
    if rich is None or info.domain != DOMAIN:
        reason, message = _PLAIN.get(kind, ("INTERNAL", "internal error"))
        return DomainError(kind if kind in _PLAIN else ErrorKind.INTERNAL, reason, message)
    violations = [FieldViolation(entry.field, entry.description) for entry in bad_request.field_violations]
    return DomainError(kind, info.reason, rich.message, dict(info.metadata), violations)


def _rich_status(error: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                return None
    return None


def _bad_request(violations: Sequence[FieldViolation], room: int) -> error_details_pb2.BadRequest:
    """The first of `violations`, at most 20 and in at most `room` bytes, but always one."""
    bad_request = error_details_pb2.BadRequest()
    for violation in violations[:MAX_VIOLATIONS]:
        bad_request.field_violations.add(
            field=_cut(violation.field), description=_cut(violation.description, MAX_DESCRIPTION_BYTES)
        )
        if bad_request.ByteSize() > room and len(bad_request.field_violations) > 1:
            del bad_request.field_violations[-1]
            break
    return bad_request


def _cut(text: str, most: int = MAX_TEXT_BYTES) -> str:
    encoded = text.encode()
    if len(encoded) <= most:
        return text
    return f"{encoded[: most - 3].decode(errors='ignore')}…"


def _pack(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def item_error(error: DomainError) -> error_reason_pb2.ItemError:
    """Why one item of a batch failed, for an answer that carries the others' results beside it."""
    reason = error_reason_pb2.ErrorReason.Value(f"{_REASON_PREFIX}{error.reason}")
    return error_reason_pb2.ItemError(reason=reason, message=error.message, metadata=error.metadata)


def from_item_error(item: error_reason_pb2.ItemError) -> DomainError:
    """The error that one item of a batch was answered with. A reason that is not known here is INTERNAL."""
    value = error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_number.get(item.reason)
    if value is None:
        return DomainError(ErrorKind.INTERNAL, "INTERNAL", item.message)
    kind = _KINDS.get(value.number // _REASONS_OF_A_CODE, ErrorKind.INTERNAL)
    return DomainError(kind, value.name.removeprefix(_REASON_PREFIX), item.message, item.metadata)
