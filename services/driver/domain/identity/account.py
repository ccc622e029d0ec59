"""Accounts: who may call the API."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.kernel.tenancy import owner_of_new
from services.kernel.validation import Violations

_NAME = re.compile(r"[A-Za-z0-9._@+-]{3,100}")


class Role(StrEnum):
    """What an account may do; services.rpc.auth says which permissions that means."""

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
    tenant_id: str = field(default_factory=owner_of_new)


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
