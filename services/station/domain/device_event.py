"""What charge points notify of themselves: kept as it was told, and what of it somebody should look at."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.kernel.ids import derived_id
from services.kernel.tenancy import DEFAULT_TENANT
from services.kernel.validation import Violations
from services.station.domain.device import told_time
from services.station.domain.device_monitor import MonitoredChange, MonitorReport, Trigger
from services.station.domain.device_report import MonitoringReportRequest, ReportRequest, VariableReport
from services.station.domain.device_variable import Telling

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
# A status, which has an alert of its own.
_STATUS = ".AvailabilityState"
_TRUE = frozenset({"true", "1"})
# Severities of OCPP 2.0.1 (part 2, SetMonitoringDataType): up to which one they are what; 4 is an error.
_MOST_CRITICAL, _MOST_WARNING = 3, 6


class Severity(StrEnum):
    """How much an event matters."""

    INFO = "INFO"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


# What the platform makes more of than a record; None for everything else.
Body = VariableReport | ReportRequest | MonitorReport | MonitoringReportRequest | None


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
    # Of a variable that NotifyEvent told, why.
    change: MonitoredChange | None = None

    def with_change(self, change: MonitoredChange) -> "DeviceEvent":
        """The same told with this, and as bad as that is."""
        told = replace(self, change=change)
        return replace(told, severity=_severity_of(told))

    @property
    def telling(self) -> Telling:
        """When it was told. A clock that is ahead, and not by so much that the edge corrects it, must not outlive what
        is told a moment later."""
        return Telling(min(self.time, self.received_time), self.received_time, self.id)

    @property
    def is_published(self) -> bool:
        """Whether others are told of it: somebody may have to do something."""
        if self.kind == SECURITY_EVENT:
            return self.severity is not Severity.INFO
        return self.is_problem or (self.is_alerting and (self.is_resolved or self.severity is not Severity.INFO))

    @property
    def is_vendor_specific(self) -> bool:
        """Whether it is a type of security event that OCPP does not name."""
        return self.kind == SECURITY_EVENT and self.subject.lower() not in _CRITICAL | _USUAL | _MINOR

    @property
    def is_problem(self) -> bool:
        """Whether it says that a component is in trouble, or is no more."""
        return self.kind == VARIABLE and self.subject.endswith(_PROBLEM)

    @property
    def is_alerting(self) -> bool:
        """Whether it says that a monitored value is beyond its bounds, or no more (OCPP 2.0.1 part 2, N07)."""
        change = self.change
        if self.kind != VARIABLE or change is None or self.is_problem or self.subject.endswith(_STATUS):
            return False
        return change.trigger is Trigger.ALERTING or change.is_cleared

    @property
    def monitor_id(self) -> int | None:
        """The monitor by which it alerts; None for none."""
        return self.change.monitor_id if self.change is not None and self.is_alerting else None

    @property
    def is_resolved(self) -> bool:
        """Whether it says that a problem is over."""
        if self.is_alerting:
            return self.change is not None and self.change.is_cleared
        return self.is_problem and self.status.lower() not in _TRUE


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEventFilter:
    """Which events a list holds; an empty or None field does not narrow it. Those of all charge points are found fast
    when they are security events."""

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
    if event.is_problem:
        return Severity.INFO if event.is_resolved else Severity.WARNING
    return _severity_of_change(event)


def _severity_of_change(event: DeviceEvent) -> Severity:
    """That of a change that is monitored, by the number that OCPP gives it. What alerts without one is a warning."""
    severity = event.change.severity if event.change is not None else None
    if event.is_resolved:
        return Severity.INFO
    if severity is None:
        return Severity.WARNING if event.is_alerting else Severity.INFO
    if severity <= _MOST_CRITICAL:
        return Severity.CRITICAL
    return Severity.WARNING if severity <= _MOST_WARNING else Severity.INFO
