"""Charge points: their identity, their credentials, and whether they are let in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from services.kernel.errors import conflict
from services.kernel.identity import identity_of
from services.kernel.tenancy import owner_of_new
from services.kernel.validation import Violations
from services.station.domain.device import told_text
from services.station.domain.free_vending import FreeVending
from services.station.domain.password import Candidate, hashed, matches

# What a charge point may be pinned to: the versions that the edge speaks.
PROTOCOLS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
_PASSWORD = "password"
_SHORTEST_PASSWORD, _LONGEST_PASSWORD = 16, 40
# Of changes whose outcome nobody knows, one after the other.
_MOST_CANDIDATES = 8


class ChargePointState(StrEnum):
    """Whether the operator takes a charge point in."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"


class ChargePoint(NamedTuple):
    """A charge point. What its connections tell (`online` and after) is read with it, and never written through it.

    `vendor` and `model` are the operator's words; where there are none, what was reported at boot counts.
    (A named tuple: each handshake and each boot makes one, and a frozen dataclass of so many fields costs five times as
    much.)
    """

    id: str
    create_time: datetime
    update_time: datetime
    tenant_id: str
    station_id: str | None = None
    vendor: str = ""
    model: str = ""
    reported_vendor: str = ""
    reported_model: str = ""
    serial_number: str = ""
    firmware_version: str = ""
    security_profile: int = 0
    # The one subprotocol that it shall speak; empty for the preferred one of those that it offers.
    pinned_protocol: str = ""
    state: ChargePointState = ChargePointState.ACCEPTED
    heartbeat_interval_seconds: int = 0
    password_hash: bytes | None = None
    # New passwords that wait for their first use, the oldest first. Until then what was valid before stays so.
    next_passwords: tuple[Candidate, ...] = ()
    boot_time: datetime | None = None
    # When a boot told another firmware than was known before; None while none did.
    firmware_change_time: datetime | None = None
    revision: int = 1
    # It came by itself, and no operator has touched it since.
    is_unknown: bool = False
    # None for what its station says.
    free_vending: FreeVending | None = None
    # Names of the quirks that an operator has switched on or off for it.
    quirks_on: tuple[str, ...] = ()
    quirks_off: tuple[str, ...] = ()
    # In which it shows what a transaction costs; empty when it shows none.
    cost_currency: str = ""
    online: bool = False
    protocol: str = ""
    last_seen_time: datetime | None = None
    # That by the version which is chosen it gets nowhere; empty when all is well.
    protocol_hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePointFilter:
    """Which charge points a list holds; an empty or None field does not narrow it."""

    station_id: str = ""
    state: ChargePointState | None = None
    online: bool | None = None
    text: str = ""
    vendor: str = ""
    model: str = ""
    firmware_version: str = ""
    protocol: str = ""


class BootReport(NamedTuple):
    """A BootNotification."""

    charge_point_id: str
    epoch: int
    vendor: str
    model: str
    serial_number: str
    firmware_version: str
    reason: str
    received_time: datetime


def made(fields: Mapping[str, Any], now: datetime, field: str = "chargePoint") -> ChargePoint:
    """A new charge point of `fields`, a password among them; `field` is its place in the request.

    Raises: INVALID_FIELD with every field out of bounds.
    """
    stored = {name: value for name, value in fields.items() if name != _PASSWORD}
    charge_point = ChargePoint(**stored, create_time=now, update_time=now, tenant_id=owner_of_new())
    return _with_password(charge_point, fields.get(_PASSWORD, ""), field)


def changed(charge_point: ChargePoint, changes: Mapping[str, Any], etag: str, now: datetime) -> ChargePoint:
    """`charge_point` after `changes` (field name to new value); a new password leaves the old one valid until its use.

    Raises: INVALID_FIELD, ETAG_MISMATCH.
    """
    if etag and etag != str(charge_point.revision):
        raise conflict("ETAG_MISMATCH", f"charge point {charge_point.id} has changed since etag {etag} was read")
    stored = {name: value for name, value in changes.items() if name != _PASSWORD}
    after = charge_point._replace(**stored, update_time=now, revision=charge_point.revision + 1, is_unknown=False)
    return _with_password(after, changes.get(_PASSWORD, ""), "chargePoint")


def _with_password(charge_point: ChargePoint, password: str, field: str) -> ChargePoint:
    """`charge_point`, checked, with a new password unless that is empty. Raises: INVALID_FIELD."""
    violations = Violations(field)
    violations.parsed("id", lambda: identity_of(charge_point.id))
    violations.text("vendor", charge_point.vendor, longest=100)
    violations.text("model", charge_point.model, longest=100)
    violations.text("serialNumber", charge_point.serial_number, longest=100)
    violations.number("securityProfile", charge_point.security_profile, 0, 3)
    is_known = charge_point.pinned_protocol in ("", *PROTOCOLS)
    violations.check(is_known, "pinnedProtocol", f"must be {' or '.join(PROTOCOLS)}, or empty")
    interval = charge_point.heartbeat_interval_seconds
    violations.check(interval == 0 or 10 <= interval <= 86_400, "heartbeatIntervalSeconds", "must be 0 or 10 to 86400")
    if password:
        violations.text(_PASSWORD, password, longest=_LONGEST_PASSWORD, shortest=_SHORTEST_PASSWORD)
    violations.raise_if_any()
    if not password:
        return charge_point
    if charge_point.password_hash is None:
        return charge_point._replace(password_hash=hashed(password))
    return _staged(charge_point, Candidate("", hashed(password)))


def staged(charge_point: ChargePoint, source: str, password: str) -> ChargePoint:
    """`charge_point` with a new password, which is on its way to it, valid beside what is; once for each source.

    Raises: INVALID_FIELD.
    """
    violations = Violations()
    violations.text("source", source, longest=100, shortest=1)
    violations.text(_PASSWORD, password, longest=_LONGEST_PASSWORD, shortest=_SHORTEST_PASSWORD)
    violations.raise_if_any()
    return _staged(charge_point, Candidate(source, hashed(password)))


def withdrawn(charge_point: ChargePoint, source: str) -> ChargePoint:
    """`charge_point` without a new password that it did not take."""
    kept = tuple(one for one in charge_point.next_passwords if one.source != source)
    return charge_point._replace(next_passwords=kept)


def proven(charge_point: ChargePoint, password: bytes) -> ChargePoint | None:
    """`charge_point` after it showed `password`, or None when that is none of its own.

    A new one that is used is the valid one from then on, and what was set before it is void. What was set later stays:
    it may be on its way, or wait for a restart.
    """
    waiting = charge_point.next_passwords
    for position in reversed(range(len(waiting))):
        if matches(password, waiting[position].hash):
            used = waiting[position].hash
            return charge_point._replace(password_hash=used, next_passwords=waiting[position + 1 :])
    current = charge_point.password_hash
    return charge_point if current is not None and matches(password, current) else None


def _staged(charge_point: ChargePoint, candidate: Candidate) -> ChargePoint:
    others = withdrawn(charge_point, candidate.source).next_passwords
    return charge_point._replace(next_passwords=(*others, candidate)[-_MOST_CANDIDATES:])


def booted(charge_point: ChargePoint, boot: BootReport) -> ChargePoint:
    """`charge_point` after a boot: what it tells of its hardware is kept, what it leaves out stays."""
    firmware, known = told_text(boot.firmware_version), charge_point.firmware_version
    is_other = bool(firmware and known) and firmware != known
    return charge_point._replace(
        reported_vendor=told_text(boot.vendor) or charge_point.reported_vendor,
        reported_model=told_text(boot.model) or charge_point.reported_model,
        serial_number=told_text(boot.serial_number) or charge_point.serial_number,
        firmware_version=firmware or known,
        firmware_change_time=boot.received_time if is_other else charge_point.firmware_change_time,
        boot_time=boot.received_time,
    )
