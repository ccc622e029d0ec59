"""Failures of single items of a batch, as the services tell them, to our errors."""

from csms.error.v1.error_reason_pb2 import ErrorReason, ItemError
from services.kernel.errors import DomainError, ErrorKind

_PREFIX = "ERROR_REASON_"
# The reasons are numbered by kind, ten numbers for each.
_KINDS = {
    0: ErrorKind.INVALID_ARGUMENT,
    1: ErrorKind.UNAUTHENTICATED,
    2: ErrorKind.NOT_FOUND,
    3: ErrorKind.NOT_FOUND,
    4: ErrorKind.ALREADY_EXISTS,
    5: ErrorKind.CONFLICT,
    6: ErrorKind.FAILED_PRECONDITION,
    7: ErrorKind.RESOURCE_EXHAUSTED,
    8: ErrorKind.UNAVAILABLE,
    # The first ten are given away.
    13: ErrorKind.FAILED_PRECONDITION,
}
_EXCEPTIONS = {
    ErrorReason.ERROR_REASON_PERMISSION_DENIED: ErrorKind.PERMISSION_DENIED,
    ErrorReason.ERROR_REASON_CHARGE_POINT_TIMEOUT: ErrorKind.DEADLINE_EXCEEDED,
    ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED: ErrorKind.DEADLINE_EXCEEDED,
    ErrorReason.ERROR_REASON_UNIMPLEMENTED: ErrorKind.UNIMPLEMENTED,
    ErrorReason.ERROR_REASON_METHOD_NOT_ALLOWED: ErrorKind.UNIMPLEMENTED,
}


def error_of(item: ItemError) -> DomainError:
    """The failure of one item. A reason that is not known here is nobody's business but ours."""
    number = item.reason
    if number not in ErrorReason.values():
        return DomainError(ErrorKind.INTERNAL, "INTERNAL", item.message)
    kind = _EXCEPTIONS.get(number) or _KINDS.get(number // 10, ErrorKind.INTERNAL)
    return DomainError(kind, ErrorReason.Name(number).removeprefix(_PREFIX), item.message, item.metadata)
