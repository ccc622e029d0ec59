"""Drivers: who they are, and what a change of one means."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.kernel.errors import conflict
from services.kernel.tenancy import owner_of_new
from services.kernel.validation import Violations

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LONGEST_EMAIL = 320
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{3,30}")


class MembershipTier(StrEnum):
    """How much a driver is valued."""

    BASIC = "BASIC"
    SILVER = "SILVER"
    GOLD = "GOLD"
    PLATINUM = "PLATINUM"


class DriverStatus(StrEnum):
    """Whether a driver may charge."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A person or a company that charges vehicles and pays for it. `revision` counts changes from 1."""

    id: str
    name: str
    email: str = ""
    phone: str = ""
    membership_tier: MembershipTier = MembershipTier.BASIC
    status: DriverStatus = DriverStatus.ACTIVE
    create_time: datetime
    update_time: datetime
    revision: int = 1
    tenant_id: str = field(default_factory=owner_of_new)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverFilter:
    """Which drivers a list holds; an empty or None field does not narrow it."""

    text: str = ""
    status: DriverStatus | None = None
    membership_tier: MembershipTier | None = None
    driver_id: str = ""
    driver_ids: tuple[str, ...] = ()


def validated(driver: Driver) -> Driver:
    """`driver` itself. Raises: INVALID_FIELD with every field out of bounds."""
    violations = Violations("driver")
    violations.text("name", driver.name.strip(), longest=200, shortest=1)
    violations.check(not driver.email or _is_email(driver.email), "email", "is not an e-mail address")
    violations.check(not driver.phone or bool(_PHONE.fullmatch(driver.phone)), "phone", "is not a telephone number")
    violations.raise_if_any()
    return driver


def changed(driver: Driver, changes: Mapping[str, Any], etag: str, now: datetime) -> Driver:
    """`driver` after `changes` (field name to new value). Raises: INVALID_FIELD, ETAG_MISMATCH."""
    if etag and etag != str(driver.revision):
        raise conflict("ETAG_MISMATCH", f"driver {driver.id} has changed since etag {etag} was read")
    return validated(replace(driver, **changes, update_time=now, revision=driver.revision + 1))


def _is_email(text: str) -> bool:
    # The length first: the pattern takes quadratic time.
    return len(text) <= _LONGEST_EMAIL and text.isprintable() and bool(_EMAIL.fullmatch(text))
