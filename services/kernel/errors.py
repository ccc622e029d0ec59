"""How a rule says no: kinds of failure with a reason that machines can read.

Knows no transport; how a kind becomes a status is decided where the answer leaves the process.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

RETRY_AFTER_KEY = "retryAfterSeconds"
"""In the metadata of an error: in how many seconds the same call may succeed."""


class ErrorKind(StrEnum):
    """What a caller can do about a failure."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    CONFLICT = "CONFLICT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    UNAVAILABLE = "UNAVAILABLE"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    INTERNAL = "INTERNAL"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field at fault. `field` is its JSON path in the request, for example `station.connectors[0].type`."""

    field: str
    description: str


class DomainError(Exception):
    """A failure that the caller is told about.

    `reason` is the name of a csms.error.v1.ErrorReason without its prefix, `message` is for people, `metadata` holds
    the particulars for machines. None of them may carry a secret: they reach the caller.
    """

    def __init__(
        self,
        kind: ErrorKind,
        reason: str,
        message: str,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.reason = reason
        self.message = message
        self.metadata: Mapping[str, str] = dict(metadata or {})
        self.violations: tuple[FieldViolation, ...] = tuple(violations)

    def __repr__(self) -> str:
        return f"DomainError({self.kind}, {self.reason}, {self.message!r})"


def invalid(field: str, description: str, reason: str = "INVALID_FIELD") -> DomainError:
    """A field has a value it may not have."""
    violation = FieldViolation(field, description)
    return DomainError(ErrorKind.INVALID_ARGUMENT, reason, f"{field}: {description}", violations=(violation,))


def not_found(noun: str, identifier: object) -> DomainError:
    """There is no such thing; `not_found("charge point", "CP1")` has the reason CHARGE_POINT_NOT_FOUND."""
    return DomainError(
        ErrorKind.NOT_FOUND,
        f"{_constant(noun)}_NOT_FOUND",
        f"{_words(noun)} {identifier} not found",
        {"id": str(identifier)},
    )


def already_exists(noun: str, identifier: object) -> DomainError:
    """There is one already; `already_exists("driver", mail)` has the reason DRIVER_EXISTS."""
    return DomainError(
        ErrorKind.ALREADY_EXISTS,
        f"{_constant(noun)}_EXISTS",
        f"{_words(noun)} {identifier} exists already",
        {"id": str(identifier)},
    )


def failed_precondition(reason: str, message: str, **metadata: str) -> DomainError:
    """The request is sound but the state of things forbids it."""
    return DomainError(ErrorKind.FAILED_PRECONDITION, reason, message, metadata)


def conflict(reason: str, message: str, **metadata: str) -> DomainError:
    """Somebody else was faster; read again and retry."""
    return DomainError(ErrorKind.CONFLICT, reason, message, metadata)


def unavailable(message: str, **metadata: str) -> DomainError:
    """A part of the platform does not answer; the same call may succeed later."""
    return DomainError(ErrorKind.UNAVAILABLE, "UNAVAILABLE", message, metadata)


def too_many(reason: str, message: str, wait: timedelta) -> DomainError:
    """Too much of something for now; the same call may succeed after `wait`."""
    seconds = str(max(math.ceil(wait.total_seconds()), 1))
    return DomainError(
        ErrorKind.RESOURCE_EXHAUSTED, reason, f"{message}; try again in {seconds} s", {RETRY_AFTER_KEY: seconds}
    )


def _constant(noun: str) -> str:
    return noun.upper().replace(" ", "_")


def _words(noun: str) -> str:
    return noun.lower().replace("_", " ")
