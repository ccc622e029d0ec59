"""The rules by which alerts are raised and cleared."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.monitoring.domain.alert import AlertKind, AlertSeverity, Verdict
from services.monitoring.domain.charge_point import ChargePoint, ConnectivityChange
from services.monitoring.domain.connector import Connector, ConnectorKey, StatusReport
from services.monitoring.domain.device_event import SECURITY_EVENT, DeviceEvent
from services.monitoring.domain.refusal import Refusal
from services.monitoring.domain.service_info import BackgroundTask, ServiceInfo, TaskState
from services.monitoring.domain.transaction import Authorization, Transaction, TransactionState

# How long a charge point may be away before anybody needs to know.
OFFLINE_GRACE = timedelta(seconds=30)
# A session that should not have been is over, and yet somebody should look at it: this long, or until somebody has.
SESSION_ALERT_LIFE = timedelta(days=7)
# A security event is over as it happens; it wants somebody this long, or until somebody has looked.
SECURITY_ALERT_LIFE = timedelta(days=7)
# What a contactor lets through before it opens is nothing to look at.
_NO_ENERGY_WH = 10

# What the transaction service flags because it leaves open how much it was.
DOUBTS = {
    "no_register": AlertKind.UNMETERED_SESSION,
    "implausible_energy": AlertKind.DOUBTFUL_ENERGY,
    "register_went_back": AlertKind.DOUBTFUL_ENERGY,
}
_REFUSED = frozenset({Authorization.BLOCKED, Authorization.EXPIRED, Authorization.INVALID})
_LONGEST_MESSAGE = 500


class IncidentKind(StrEnum):
    """What foretells trouble when it happens often."""

    FAULT = "FAULT"
    DISCONNECT = "DISCONNECT"
    REFUSAL = "REFUSAL"
    GUESS = "GUESS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that happened to a subject of alerts; `weight` times at once."""

    kind: IncidentKind
    subject: str
    time: datetime
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Frequency:
    """How often within how long is too often, the alert that says so, and what to make of it."""

    alert_kind: AlertKind
    threshold: int
    span: timedelta
    meaning: str


FREQUENCIES = {
    IncidentKind.FAULT: Frequency(AlertKind.FREQUENT_FAULTS, 3, timedelta(hours=24), "and may need maintenance"),
    IncidentKind.DISCONNECT: Frequency(
        AlertKind.FREQUENT_DISCONNECTS, 5, timedelta(hours=1), "and may need maintenance"
    ),
    IncidentKind.REFUSAL: Frequency(
        AlertKind.CHARGE_POINT_REFUSED, 5, timedelta(hours=1), "; its refusals say what to do"
    ),
    # What a charge point repeats is one guess: so many are somebody who tries.
    IncidentKind.GUESS: Frequency(
        AlertKind.CHARGE_POINT_PASSWORD_GUESSED, 5, timedelta(hours=1), "; its refusals say from where"
    ),
}


def subject_of(connector: Connector) -> str:
    """What alerts and incidents call a connector."""
    return name_of(connector.key)


def name_of(key: ConnectorKey) -> str:
    """The same for one that is known by its key alone."""
    return "/".join(map(str, key))


def fault_verdict(report: StatusReport, *, is_news: bool) -> Verdict:
    """Whether a connector is faulted. `is_news` when its charge point has just said so."""
    connector = report.connector
    details = ": ".join(filter(None, (connector.error_code, connector.info)))
    return Verdict(
        kind=AlertKind.CONNECTOR_FAULTED,
        subject=subject_of(connector),
        stands=connector.is_faulted,
        counts=is_news,
        charge_point_id=connector.charge_point_id,
        station_id=report.station_id,
        connector_id=connector.connector_id,
        message=f"{_named(connector)} is faulted ({details})"[:_LONGEST_MESSAGE],
        tenant_id=report.tenant_id,
    )


def is_away(point: ChargePoint, now: datetime) -> bool:
    """Whether a charge point has been offline for longer than is forgiven. One that never came, or that no operator
    has accepted, is not missed."""
    return (
        not point.online
        and not point.removed
        and point.is_missed
        and point.changed_time is not None
        and now - point.changed_time >= OFFLINE_GRACE
    )


def offline_verdict(point: ChargePoint, *, stands: bool) -> Verdict:
    """Whether a charge point is away, or back."""
    since = f" since {point.changed_time:%Y-%m-%d %H:%M:%S} UTC" if point.changed_time else ""
    return Verdict(
        kind=AlertKind.CHARGE_POINT_OFFLINE,
        subject=point.id,
        stands=stands,
        charge_point_id=point.id,
        station_id=point.station_id,
        message=f"charge point {point.id} is offline{since}",
        tenant_id=point.tenant_id,
    )


def back_verdicts(point: ChargePoint) -> list[Verdict]:
    """What no longer stands once a charge point is connected."""
    refused = Verdict(kind=AlertKind.CHARGE_POINT_REFUSED, subject=point.id, stands=False)
    return [offline_verdict(point, stands=False), refused]


def session_verdicts(before: Transaction | None, after: Transaction) -> list[Verdict]:
    """Whether a session should not have been allowed, whether its start is missing, and whether its energy is open:
    where that is so, or was so `before`, which is hardly ever."""
    found = []
    if _is_refused(after) or (before is not None and _is_refused(before)):
        found.append(_unauthorized_verdict(after))
    if _is_orphan(after) or (before is not None and _is_orphan(before)):
        wording = "" if after.stop_time is None else f"; it ended at {after.stop_time:%Y-%m-%d %H:%M:%S} UTC"
        trouble = f"has no start{wording}"
        found.append(_session_verdict(after, AlertKind.ORPHAN_TRANSACTION, _is_orphan(after), trouble))
    doubts = {one.doubt for one in (before, after) if one is not None and one.doubt}
    for kind in {DOUBTS[doubt] for doubt in doubts}:
        stands = DOUBTS.get(after.doubt) is kind
        found.append(_session_verdict(after, kind, stands, f"is in doubt: {after.energy_doubt or after.doubt}"))
    return found


def task_verdicts(services: Iterable[ServiceInfo]) -> list[Verdict]:
    """Whether a background task does not get on, for each that any replica has. One of a replica that does not answer
    is as it was: nothing is known of it."""
    found: dict[str, Verdict] = {}
    for service in services:
        for task in service.health.tasks:
            subject = f"{service.place.name}/{task.name}"
            is_bad = task.state is not TaskState.WORKING
            if subject not in found or is_bad:
                found[subject] = Verdict(
                    kind=AlertKind.BACKGROUND_TASK, subject=subject, stands=is_bad, message=_trouble(service, task)
                )
    return list(found.values())


def _trouble(service: ServiceInfo, task: BackgroundTask) -> str:
    how = f"has failed {task.failures} times in a row: {task.error}"
    if task.state is TaskState.STUCK:
        how = "does not get on"
    since = f"{task.progress_time:%Y-%m-%d %H:%M:%S} UTC"
    return f"{task.name} of the {service.place.name} service ({task.replica}) {how}; it last got on at {since}"


def fault(report: StatusReport) -> tuple[Incident, Verdict]:
    """A fault that was reported, and the prediction that such faults lead to."""
    connector = report.connector
    incident = Incident(kind=IncidentKind.FAULT, subject=subject_of(connector), time=connector.told_time)
    return incident, Verdict(
        kind=AlertKind.FREQUENT_FAULTS,
        subject=incident.subject,
        stands=True,
        counts=True,
        charge_point_id=connector.charge_point_id,
        station_id=report.station_id,
        connector_id=connector.connector_id,
        message=f"{_named(connector)} faulted",
        tenant_id=report.tenant_id,
    )


def disconnect(change: ConnectivityChange) -> tuple[Incident, Verdict]:
    """A connection that ended, and the prediction that such ends lead to."""
    incident = Incident(kind=IncidentKind.DISCONNECT, subject=change.charge_point_id, time=change.time)
    return incident, Verdict(
        kind=AlertKind.FREQUENT_DISCONNECTS,
        subject=incident.subject,
        stands=True,
        counts=True,
        charge_point_id=change.charge_point_id,
        station_id=change.station_id,
        message=f"charge point {change.charge_point_id} lost its connection",
        tenant_id=change.tenant_id,
    )


def device_verdict(event: DeviceEvent) -> Verdict:
    """What a charge point told of itself: each type of security event is an alert, those of its vendor's own together
    are one; a problem is one until it is over, and so is what a monitor watches."""
    is_security = event.kind == SECURITY_EVENT
    said = f"{event.subject} = {event.value}" if event.value else event.subject
    wording = f"told {said} ({event.info})" if event.info else f"told {said}"
    place = f"charge point {event.charge_point_id}"
    if is_security:
        subject = f"{event.charge_point_id}/{'vendor' if event.is_vendor_specific else event.subject}"
    else:
        key = (event.charge_point_id, event.evse_id, event.connector_id)
        monitor = "" if event.monitor_id is None else f"#{event.monitor_id}"
        subject = f"{name_of(key)}/{event.subject}{monitor}"
        place = f"connector {event.connector_id} of {event.charge_point_id}" if event.connector_id else place
    return Verdict(
        kind=AlertKind.SECURITY_EVENT if is_security else AlertKind.DEVICE_PROBLEM,
        subject=subject,
        stands=not event.is_resolved,
        counts=is_security,
        severity=event.severity,
        charge_point_id=event.charge_point_id,
        station_id=event.station_id,
        connector_id=event.connector_id,
        message=f"{place} {wording}"[:_LONGEST_MESSAGE],
        tenant_id=event.tenant_id,
    )


def refused(refusal: Refusal) -> tuple[Incident, Verdict]:
    """Refused handshakes, and the alert that so many lead to."""
    words = refusal.rule.replace("_", " ").lower()
    message = f"charge point {refusal.charge_point_id} was refused ({words}, from {refusal.remote_address})"
    return _repeated(refusal, IncidentKind.REFUSAL, refusal.count, message)


def guessed(refusal: Refusal) -> tuple[Incident, Verdict]:
    """Different wrong passwords, and the alert that so many lead to."""
    message = f"passwords of charge point {refusal.charge_point_id} were tried in vain from {refusal.remote_address}"
    return _repeated(refusal, IncidentKind.GUESS, refusal.guess_count, message)


def _repeated(refusal: Refusal, kind: IncidentKind, weight: int, message: str) -> tuple[Incident, Verdict]:
    incident = Incident(kind=kind, subject=refusal.charge_point_id, time=refusal.time, weight=weight)
    return incident, Verdict(
        kind=FREQUENCIES[kind].alert_kind,
        subject=incident.subject,
        stands=True,
        counts=True,
        charge_point_id=refusal.charge_point_id,
        station_id=refusal.station_id,
        message=message,
        tenant_id=refusal.tenant_id,
    )


def frequency_verdict(incident: Incident, count: int, prediction: Verdict) -> Verdict | None:
    """The prediction after an incident, `count` being how many there were lately with it; None for none."""
    rule = FREQUENCIES[incident.kind]
    if count < rule.threshold:
        return None
    hours = rule.span // timedelta(hours=1)
    meaning = rule.meaning if rule.meaning.startswith(";") else f" {rule.meaning}"
    message = f"{prediction.message} {count} times within {hours} h{meaning}"
    return replace(prediction, message=message)


def _is_refused(transaction: Transaction) -> bool:
    return transaction.authorization in _REFUSED


def _unauthorized_verdict(session: Transaction) -> Verdict:
    """Whether a session with a refused token wants somebody: at once while it goes on, some time when it is over and
    energy was given away, never when none was."""
    kind, token = AlertKind.UNAUTHORIZED_SESSION, f"a token that is {(session.authorization or '').lower()}"
    if not _is_refused(session) or session.state is TransactionState.MERGED:
        return _session_verdict(session, kind, False, "")
    if session.stop_time is None:
        return _session_verdict(session, kind, True, f"goes on with {token}")
    length = "" if session.start_time is None else f" after {_length(session.stop_time - session.start_time)}"
    trouble = f"with {token} ended{length}; {session.energy_wh / 1000:.3f} kWh were delivered"
    verdict = _session_verdict(session, kind, session.energy_wh >= _NO_ENERGY_WH, trouble)
    return replace(verdict, severity=AlertSeverity.WARNING)


def _length(time: timedelta) -> str:
    seconds = max(0, time // timedelta(seconds=1))
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"


def _is_orphan(transaction: Transaction) -> bool:
    return transaction.state is TransactionState.ORPHAN


def _session_verdict(transaction: Transaction, kind: AlertKind, stands: bool, trouble: str) -> Verdict:
    place = f"at connector {transaction.connector_id} of {transaction.charge_point_id}"
    return Verdict(
        kind=kind,
        subject=transaction.id,
        stands=stands,
        follows=True,
        charge_point_id=transaction.charge_point_id,
        station_id=transaction.station_id,
        connector_id=transaction.connector_id,
        message=f"transaction {transaction.ocpp_transaction_id} {place} {trouble}",
        tenant_id=transaction.tenant_id,
    )


def _named(connector: Connector) -> str:
    if connector.connector_id == 0:
        return f"charge point {connector.charge_point_id}"
    return f"connector {connector.connector_id} of {connector.charge_point_id}"
