"""Accounts: who may call the API, and how often somebody may guess a password."""

import re
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.kernel.errors import DomainError, ErrorKind
from services.kernel.validation import Violations

_NAME = re.compile(r"[A-Za-z0-9._@+-]{3,100}")
_ATTEMPTS = 10
_ATTEMPT_WINDOW = timedelta(minutes=1)
_NAMES_WATCHED = 10_000


class Role(StrEnum):
    """What an account may do; chassis.auth says which permissions that means."""

    ADMIN = "ADMIN"
    OPERATOR = "OPERATOR"
    VIEWER = "VIEWER"
    DRIVER = "DRIVER"


class AccountKind(StrEnum):
    """A person or a program."""

    USER = "USER"
    CLIENT = "CLIENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody, or a program, that calls the API. `driver_id` is set for the role DRIVER only."""

    name: str
    kind: AccountKind = AccountKind.USER
    role: Role
    driver_id: str | None = None
    password_hash: str
    create_time: datetime


def name_key(name: str) -> str:
    """What account names are compared by."""
    return name.lower()


def check_new(name: str, role: Role | None, driver_id: str, password: str) -> None:
    """Raises: INVALID_FIELD with every field out of bounds."""
    violations = Violations("account")
    violations.check(bool(_NAME.fullmatch(name)), "name", "must be 3 to 100 of the characters A-Z a-z 0-9 . _ - @ +")
    violations.check(10 <= len(password) <= 200, "password", "must have 10 to 200 characters")
    violations.check(role is not None, "role", "must be set")
    violations.check((role is Role.DRIVER) == bool(driver_id), "driverId", "belongs to the role DRIVER, and only to it")
    violations.raise_if_any()


class FailedAttempts:
    """Counts wrong passwords per account name, in this process, over a sliding minute."""

    def __init__(self) -> None:
        self._failures: dict[str, deque[datetime]] = {}

    def check(self, name: str, now: datetime) -> None:
        """Raises: QUEUE_FULL when there were ten in the last minute."""
        failures = self._recent(name, now)
        if len(failures) >= _ATTEMPTS:
            raise DomainError(
                ErrorKind.RESOURCE_EXHAUSTED, "QUEUE_FULL", "too many wrong attempts; try again in a minute"
            )

    def note(self, name: str, now: datetime) -> None:
        """Count a wrong attempt."""
        if len(self._failures) >= _NAMES_WATCHED and name not in self._failures:
            # Guessing over very many names must not eat the memory; the oldest name is forgotten.
            del self._failures[next(iter(self._failures))]
        self._failures.setdefault(name, deque(maxlen=_ATTEMPTS)).append(now)

    def _recent(self, name: str, now: datetime) -> deque[datetime]:
        failures = self._failures.get(name, deque())
        while failures and failures[0] <= now - _ATTEMPT_WINDOW:
            failures.popleft()
        if not failures:
            self._failures.pop(name, None)
        return failures
