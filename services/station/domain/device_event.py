"""What charge points notify of themselves: kept as it was told, and what of it somebody should look at."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.kernel.ids import derived_id
from services.kernel.tenancy import DEFAULT_TENANT
from services.kernel.validation import Violations
from services.station.domain.device import told_time
from services.station.domain.device_report import ReportRequest, VariableReport

SECURITY_EVENT, VARIABLE = "security_event", "variable"
# Critical by OCPP 2.0.1 part 2, appendix 1 (edition 3), and the names that the security whitepaper for OCPP 1.6 has; in
# lower case, since charge points differ.
_CRITICAL = frozenset(
    """
    securitylogwascleared memoryexhaustion tamperdetectionactivated invalidfirmwaresignature
    invalidfirmwaresigningcertificate invalidcsmscertificate invalidcentralsystemcertificate
    invalidchargingstationcertificate invalidchargepointcertificate discardedrenewedclientcertificate invalidtlsversion
    invalidtlsciphersuite maintenanceloginaccepted maintenanceloginfailed
    """.split()
)
# As critical by the same list, and yet the life of every charge point: a start, a clock that is set, an update.
_USUAL = frozenset({"firmwareupdated", "settingsystemtime", "startupofthedevice", "resetorreboot"})
# Not critical by it.
_MINOR = frozenset(
    """
    failedtoauthenticateatcsms failedtoauthenticateatcentralsystem csmsfailedtoauthenticate
    centralsystemfailedtoauthenticate reconfigurationofsecurityparameters invalidmessages attemptedreplayattacks
    """.split()
)
# A component that is in trouble says so by this variable (OCPP 2.0.1 part 2, appendix 3).
_PROBLEM = ".Problem"
_TRUE = frozenset({"true", "1"})


class Severity(StrEnum):
    """How much an event matters."""

    INFO = "INFO"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


# What the platform makes more of than a record; None for everything else.
Body = VariableReport | ReportRequest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEvent:
    """One fact that a charge point told of itself; the fields are those of csms.station.v1.DeviceEvent. Its `body` is
    kept where it belongs, and not with the event."""

    id: str
    charge_point_id: str
    kind: str
    action: str
    protocol: str
    epoch: int
    time: datetime
    device_time: datetime | None
    received_time: datetime
    subject: str
    status: str
    info: str
    request_id: int | None
    evse_id: int
    connector_id: int
    severity: Severity
    flags: tuple[str, ...]
    payload_json: str
    dropped_json: str
    message_id: str
    tenant_id: str = DEFAULT_TENANT
    body: Body = None

    @property
    def is_published(self) -> bool:
        """Whether others are told of it: somebody may have to do something."""
        return (self.kind == SECURITY_EVENT and self.severity is not Severity.INFO) or self.is_problem

    @property
    def is_vendor_specific(self) -> bool:
        """Whether it is a type of security event that OCPP does not name."""
        return self.kind == SECURITY_EVENT and self.subject.lower() not in _CRITICAL | _USUAL | _MINOR

    @property
    def is_problem(self) -> bool:
        """Whether it says that a component is in trouble, or is no more."""
        return self.kind == VARIABLE and self.subject.endswith(_PROBLEM)

    @property
    def is_resolved(self) -> bool:
        """Whether it says that a problem is over."""
        return self.is_problem and self.status.lower() not in _TRUE


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEventFilter:
    """Which events of a charge point a list holds; an empty or None field does not narrow it."""

    charge_point_id: str
    kind: str = ""
    action: str = ""
    subject: str = ""
    severity: Severity | None = None
    time_from: datetime | None = None
    time_to: datetime | None = None
    text: str = ""


def checked(event: DeviceEvent) -> DeviceEvent:
    """`event` with what follows from it: its id, its time and how much it matters. Raises: INVALID_FIELD."""
    violations = Violations("events")
    violations.check(bool(event.charge_point_id), "chargePointId", "must be set")
    violations.text("kind", event.kind, longest=50, shortest=1)
    violations.text("action", event.action, longest=50, shortest=1)
    violations.raise_if_any()
    return replace(
        event,
        id=_key_of(event),
        time=told_time(event.time, event.received_time),
        severity=_severity_of(event),
    )


def _key_of(event: DeviceEvent) -> str:
    """What tells an event from others: all that was said. What says no time may be said again and be another fact, also
    in a message of the same id after a restart; then its message on its connection is part of it."""
    said = (event.charge_point_id, event.action, event.payload_json, event.subject)
    return derived_id(*said) if event.device_time is not None else derived_id(*said, event.message_id, event.epoch)


def _severity_of(event: DeviceEvent) -> Severity:
    if event.kind == SECURITY_EVENT:
        if event.subject.lower() in _CRITICAL:
            return Severity.CRITICAL
        return Severity.INFO if event.subject.lower() in _USUAL else Severity.WARNING
    return Severity.WARNING if event.is_problem and not event.is_resolved else Severity.INFO
