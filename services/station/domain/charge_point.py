"""Charge points: their identity, their credentials, and whether they are let in."""

import hashlib
import hmac
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.kernel.errors import conflict
from services.kernel.validation import Violations

# OCPP 2.0.1 part 4 section 3.1.1 (identity) with the characters of identifierString.
_IDENTITY = re.compile(r"[A-Za-z0-9*\-_=:+|@.]{1,48}")
_SALT_BYTES = 16


class ChargePointState(StrEnum):
    """Whether the operator takes a charge point in."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"


class Refusal(StrEnum):
    """Why a charge point that is known is not let in at the handshake."""

    BAD_CREDENTIALS = "BAD_CREDENTIALS"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePoint:
    """A charge point. What its connection tells (`online` and after) is read with it, and never written through it."""

    id: str
    station_id: str | None = None
    vendor: str = ""
    model: str = ""
    serial_number: str = ""
    firmware_version: str = ""
    security_profile: int = 0
    state: ChargePointState = ChargePointState.ACCEPTED
    heartbeat_interval_seconds: int = 0
    password_hash: bytes | None = None
    # Set while a new password waits for its first use; until then the old one stays valid.
    next_password_hash: bytes | None = None
    boot_time: datetime | None = None
    create_time: datetime
    update_time: datetime
    revision: int = 1
    online: bool = False
    protocol: str = ""
    last_seen_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePointFilter:
    """Which charge points a list holds; an empty or None field does not narrow it."""

    station_id: str = ""
    state: ChargePointState | None = None
    online: bool | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BootReport:
    """A BootNotification."""

    charge_point_id: str
    epoch: int
    vendor: str
    model: str
    serial_number: str
    firmware_version: str
    reason: str
    received_time: datetime


def is_identity(text: str) -> bool:
    """Whether a charge point may be called this."""
    return bool(_IDENTITY.fullmatch(text))


def validated(charge_point: ChargePoint, field: str = "chargePoint") -> ChargePoint:
    """`charge_point` itself. Raises: INVALID_FIELD with every field out of bounds."""
    violations = Violations(field)
    violations.check(
        is_identity(charge_point.id), "id", "must be 1 to 48 of the characters A-Z a-z 0-9 * - _ = : + | @ ."
    )
    for name in ("vendor", "model", "serial_number", "firmware_version"):
        violations.text(_camel(name), getattr(charge_point, name), longest=100)
    violations.number("securityProfile", charge_point.security_profile, 0, 3)
    interval = charge_point.heartbeat_interval_seconds
    violations.check(interval == 0 or 10 <= interval <= 86_400, "heartbeatIntervalSeconds", "must be 0 or 10 to 86400")
    violations.raise_if_any()
    return charge_point


def changed(charge_point: ChargePoint, changes: Mapping[str, Any], etag: str, now: datetime) -> ChargePoint:
    """`charge_point` after `changes` (field name to new value). Raises: INVALID_FIELD, ETAG_MISMATCH."""
    if etag and etag != str(charge_point.revision):
        raise conflict("ETAG_MISMATCH", f"charge point {charge_point.id} has changed since etag {etag} was read")
    return validated(replace(charge_point, **changes, update_time=now, revision=charge_point.revision + 1))


def with_password(charge_point: ChargePoint, password: str) -> ChargePoint:
    """`charge_point` with a new password; the old one stays valid until the new one was used. Raises: INVALID_FIELD."""
    violations = Violations("chargePoint")
    violations.text("password", password, longest=40, shortest=16)
    violations.raise_if_any()
    hashed = _hash(password.encode(), os.urandom(_SALT_BYTES))
    if charge_point.password_hash is None:
        return replace(charge_point, password_hash=hashed)
    return replace(charge_point, next_password_hash=hashed)


def booted(charge_point: ChargePoint, boot: BootReport) -> ChargePoint:
    """`charge_point` after a boot: what it tells of its hardware is kept, what it leaves out stays."""
    return replace(
        charge_point,
        vendor=boot.vendor or charge_point.vendor,
        model=boot.model or charge_point.model,
        serial_number=boot.serial_number or charge_point.serial_number,
        firmware_version=boot.firmware_version or charge_point.firmware_version,
        boot_time=boot.received_time,
    )


def admitted(charge_point: ChargePoint, password: bytes | None, security_profile: int) -> ChargePoint | Refusal:
    """The charge point to let in, its new password confirmed if it used it, or why it is not let in."""
    if security_profile < charge_point.security_profile:
        return Refusal.BAD_CREDENTIALS
    if charge_point.password_hash is None:
        return charge_point if charge_point.security_profile in (0, 3) else Refusal.BAD_CREDENTIALS
    if password is None:
        return charge_point if security_profile == 3 else Refusal.BAD_CREDENTIALS
    if charge_point.next_password_hash is not None and _matches(password, charge_point.next_password_hash):
        return replace(charge_point, password_hash=charge_point.next_password_hash, next_password_hash=None)
    return charge_point if _matches(password, charge_point.password_hash) else Refusal.BAD_CREDENTIALS


def _hash(password: bytes, salt: bytes) -> bytes:
    # Long random passwords need no slow hash, and one would cost dearly when all charge points reconnect at once.
    return salt + hashlib.blake2b(password, salt=salt, digest_size=32).digest()


def _matches(password: bytes, stored: bytes) -> bool:
    """Compares in constant time; a password may come as bytes or as their hexadecimal text (whitepaper section 3.5)."""
    salt = stored[:_SALT_BYTES]
    # All forms are tried, so that the time tells nothing of which one fits.
    return any([hmac.compare_digest(_hash(form, salt), stored) for form in _forms(password)])


def _forms(password: bytes) -> Iterator[bytes]:
    yield password
    yield password.hex().encode()
    yield password.hex().upper().encode()
    try:
        yield bytes.fromhex(password.decode("ascii"))
    except ValueError:
        return


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
