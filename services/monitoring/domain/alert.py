"""Alerts: what an operator should know of, from raising to clearing."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.kernel.tenancy import DEFAULT_TENANT


class AlertKind(StrEnum):
    """What an alert is about; the last two are predictive."""

    CONNECTOR_FAULTED = "connector_faulted"
    CHARGE_POINT_OFFLINE = "charge_point_offline"
    UNAUTHORIZED_SESSION = "unauthorized_session"
    ORPHAN_TRANSACTION = "orphan_transaction"
    UNMETERED_SESSION = "unmetered_session"
    DOUBTFUL_ENERGY = "doubtful_energy"
    BACKGROUND_TASK = "background_task"
    CHARGE_POINT_REFUSED = "charge_point_refused"
    CHARGE_POINT_PASSWORD_GUESSED = "charge_point_password_guessed"
    SECURITY_EVENT = "security_event"
    DEVICE_PROBLEM = "device_problem"
    FREQUENT_FAULTS = "frequent_faults"
    FREQUENT_DISCONNECTS = "frequent_disconnects"


class AlertSeverity(StrEnum):
    """How bad it is."""

    INFO = "INFO"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


class AlertState(StrEnum):
    """Where an alert stands."""

    OPEN = "OPEN"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    CLEARED = "CLEARED"


SEVERITIES = {
    AlertKind.CONNECTOR_FAULTED: AlertSeverity.CRITICAL,
    AlertKind.CHARGE_POINT_OFFLINE: AlertSeverity.CRITICAL,
    AlertKind.UNAUTHORIZED_SESSION: AlertSeverity.CRITICAL,
    AlertKind.ORPHAN_TRANSACTION: AlertSeverity.WARNING,
    AlertKind.UNMETERED_SESSION: AlertSeverity.WARNING,
    AlertKind.DOUBTFUL_ENERGY: AlertSeverity.WARNING,
    AlertKind.BACKGROUND_TASK: AlertSeverity.CRITICAL,
    AlertKind.CHARGE_POINT_REFUSED: AlertSeverity.WARNING,
    AlertKind.CHARGE_POINT_PASSWORD_GUESSED: AlertSeverity.CRITICAL,
    AlertKind.SECURITY_EVENT: AlertSeverity.WARNING,
    AlertKind.DEVICE_PROBLEM: AlertSeverity.WARNING,
    AlertKind.FREQUENT_FAULTS: AlertSeverity.WARNING,
    AlertKind.FREQUENT_DISCONNECTS: AlertSeverity.WARNING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert. There is at most one that is not cleared for each kind and subject of a tenant.

    What is about the installation as a whole is for the default tenant.
    """

    id: str
    kind: AlertKind
    subject: str
    severity: AlertSeverity
    state: AlertState = AlertState.OPEN
    charge_point_id: str = ""
    station_id: str | None = None
    connector_id: int = 0
    message: str
    create_time: datetime
    acknowledge_time: datetime | None = None
    acknowledged_by: str = ""
    clear_time: datetime | None = None
    occurrence_count: int = 1
    tenant_id: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFilter:
    """Which alerts a list holds; an empty or None field does not narrow it. Without a state: those not cleared."""

    severity: AlertSeverity | None = None
    state: AlertState | None = None
    kind: str = ""
    charge_point_id: str = ""
    station_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a rule finds: whether the cause of an alert `stands`.

    `counts` tells an occurrence from a mere look at how things are, which repeats nothing. What `follows` says how bad
    the cause is by now: an alert that stands says so from then on. Without a `severity` it is as bad as its kind. The
    tenant is whose the cause is; one that does not stand need not say it.
    """

    kind: AlertKind
    subject: str
    stands: bool
    counts: bool = False
    follows: bool = False
    severity: AlertSeverity | None = None
    charge_point_id: str = ""
    station_id: str | None = None
    connector_id: int = 0
    message: str = ""
    tenant_id: str = DEFAULT_TENANT


def raised(verdict: Verdict, alert_id: str, now: datetime) -> Alert:
    """The alert of a verdict that stands."""
    return Alert(
        id=alert_id,
        kind=verdict.kind,
        subject=verdict.subject,
        severity=verdict.severity or SEVERITIES[verdict.kind],
        charge_point_id=verdict.charge_point_id,
        station_id=verdict.station_id,
        connector_id=verdict.connector_id,
        message=verdict.message,
        create_time=now,
        tenant_id=verdict.tenant_id,
    )


def acknowledged(alert: Alert, subject: str, now: datetime) -> Alert:
    """`alert` taken by the caller `subject`; itself when somebody has taken it before. A cleared one stays cleared."""
    if alert.acknowledge_time is not None:
        return alert
    state = AlertState.CLEARED if alert.state is AlertState.CLEARED else AlertState.ACKNOWLEDGED
    return replace(alert, state=state, acknowledge_time=now, acknowledged_by=subject)
