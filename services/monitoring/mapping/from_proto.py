"""What other services tell, in events and in answers, as the domain sees it."""

from collections.abc import Iterator
from datetime import UTC, datetime

from csms.billing.v1 import charging_session_pb2 as charging_session_pb
from csms.billing.v1.hold_pb2 import Hold
from csms.event.v1 import domain_event_pb2 as event_pb
from csms.health.v1 import health_service_pb2 as health_pb
from csms.station.v1 import charge_point_pb2 as charge_point_pb
from csms.station.v1 import connector_pb2 as connector_pb
from csms.station.v1 import device_event_pb2 as device_event_pb
from csms.station.v1 import refusal_pb2 as refusal_pb
from csms.station.v1 import station_pb2 as station_pb
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.kernel.clock import Clock
from services.kernel.ids import is_id
from services.kernel.tenancy import DEFAULT_TENANT
from services.messaging.older_events import total_of
from services.monitoring.domain.alert import AlertSeverity
from services.monitoring.domain.charge_point import ChargePointSnapshot, ConnectivityChange, Sighting
from services.monitoring.domain.connection import Connection
from services.monitoring.domain.connector import Connector, ConnectorStatus, StatusReport
from services.monitoring.domain.device_event import DeviceEvent
from services.monitoring.domain.live_reading import LiveReading
from services.monitoring.domain.refusal import Refusal
from services.monitoring.domain.rules import DOUBTS
from services.monitoring.domain.service_info import BackgroundTask, TaskState
from services.monitoring.domain.station import StationSnapshot
from services.monitoring.domain.transaction import Authorization, Transaction, TransactionState
from services.monitoring.domain.usage import Bill
from services.rpc.flags import read_flags
from services.rpc.protobuf import read_money, time_of, told_enum

# Why the correction of a bill waits that billing makes by itself: what the bill says now is about to change.
_MADE_BY_ITSELF = (Hold.PENDING, Hold.NO_TARIFF, Hold.ESTIMATED_END)


def told_time_of(event: event_pb.DomainEvent, clock: Clock) -> datetime:
    """When an event was told."""
    return time_of(event, "create_time") or clock.now()


def tenant_of(event: event_pb.DomainEvent) -> str:
    """Whose it is that an event tells of."""
    return event.tenant_id or DEFAULT_TENANT


def id_or_none(text: str) -> str | None:
    """An id of ours, where there is one."""
    return text if is_id(text) else None


def station_snapshot(
    message: station_pb.Station, told_time: datetime, tenant_id: str = "", *, deleted: bool = False
) -> StationSnapshot:
    """A station with what stands at it, which is its tenant's as well. An event says whose it is by itself."""
    tenant_id = tenant_id or message.tenant_id or DEFAULT_TENANT
    return StationSnapshot(
        id=message.id,
        name=message.name,
        revision=int(message.etag) if message.etag.isdecimal() else 0,
        told_time=told_time,
        deleted=deleted,
        charge_points=[charge_point_snapshot(point, told_time, tenant_id) for point in message.charge_points],
        connectors=[connector(plug, told_time) for plug in message.connectors],
        tenant_id=tenant_id,
    )


def charge_point_snapshot(
    message: charge_point_pb.ChargePoint, told_time: datetime, tenant_id: str = ""
) -> ChargePointSnapshot:
    """A charge point."""
    return ChargePointSnapshot(
        id=message.id,
        created_time=time_of(message, "create_time"),
        accepted=accepted_of(message.state),
        online=message.online,
        last_seen_time=time_of(message, "last_seen_time"),
        told_time=told_time,
        tenant_id=tenant_id or message.tenant_id or DEFAULT_TENANT,
    )


def background_task(message: health_pb.BackgroundTask, replica: str) -> BackgroundTask:
    """What a replica does besides answering."""
    return BackgroundTask(
        name=message.name,
        state=told_enum(TaskState, health_pb.BackgroundTask.State, message.state) or TaskState.WORKING,
        replica=replica,
        failures=message.failures,
        error=message.error,
        progress_time=message.progress_time.ToDatetime(tzinfo=UTC),
    )


def connector(message: connector_pb.Connector, told_time: datetime, info: str = "") -> Connector:
    """A connector with its last report."""
    return Connector(
        charge_point_id=message.charge_point_id,
        evse_id=message.evse_id,
        connector_id=message.connector_id,
        status=told_enum(ConnectorStatus, connector_pb.Connector.Status, message.status),
        error_code=message.error_code,
        info=info,
        status_time=time_of(message, "status_time"),
        told_time=told_time,
    )


def status_report(changed: event_pb.ConnectorStatusChanged, told_time: datetime, tenant_id: str) -> StatusReport:
    """A connector with a new report, and what its charge point said to it."""
    said = (changed.connector.reported_status, changed.info, changed.vendor_error_code)
    info = ", ".join(filter(None, said))
    station_id = id_or_none(changed.connector.station_id)
    reported = connector(changed.connector, told_time, info)
    return StatusReport(connector=reported, station_id=station_id, tenant_id=tenant_id)


def connectivity_change(
    changed: event_pb.ConnectivityChanged, told_time: datetime, tenant_id: str
) -> ConnectivityChange:
    """A connection that was opened or closed."""
    return ConnectivityChange(
        charge_point_id=changed.charge_point_id,
        station_id=id_or_none(changed.station_id),
        online=changed.online,
        epoch=changed.epoch,
        reason=changed.reason,
        time=told_time,
        accepted=accepted_of(changed.state),
        tenant_id=tenant_id,
    )


def accepted_of(state: charge_point_pb.ChargePoint.State.ValueType) -> bool | None:
    """Whether an operator takes a charge point in; None when that was not told."""
    states = charge_point_pb.ChargePoint
    return None if state == states.STATE_UNSPECIFIED else state == states.ACCEPTED


def refusal(refused: event_pb.ConnectionRefused, told_time: datetime, tenant_id: str) -> Refusal:
    """Refused handshakes."""
    return Refusal(
        charge_point_id=refused.charge_point_id,
        station_id=id_or_none(refused.station_id),
        rule=refusal_pb.Refusal.Rule.Name(refused.rule) if refused.rule in refusal_pb.Refusal.Rule.values() else "",
        remote_address=refused.remote_address,
        count=max(refused.count, 1),
        guess_count=max(refused.guess_count, 0),
        time=told_time,
        tenant_id=tenant_id,
    )


def device_event(recorded: event_pb.DeviceEventRecorded, tenant_id: str) -> DeviceEvent:
    """What a charge point told of itself."""
    event = recorded.event
    severity = told_enum(AlertSeverity, device_event_pb.DeviceEvent.Severity, event.severity)
    return DeviceEvent(
        charge_point_id=event.charge_point_id,
        station_id=id_or_none(recorded.station_id),
        kind=event.kind,
        subject=event.subject,
        is_vendor_specific=recorded.vendor_specific,
        severity=severity or AlertSeverity.WARNING,
        info=event.info,
        evse_id=event.evse_id,
        connector_id=event.connector_id,
        is_resolved=recorded.resolved,
        monitor_id=event.monitored_change.monitor_id if event.monitored_change.HasField("monitor_id") else None,
        value=event.status if event.HasField("monitored_change") else "",
        tenant_id=tenant_id,
    )


def connection(message: charge_point_pb.Connection) -> Connection:
    """An open connection."""
    return Connection(
        charge_point_id=message.charge_point_id,
        protocol=message.protocol,
        connected_time=time_of(message, "connected_time"),
        last_seen_time=time_of(message, "last_seen_time"),
        node=message.node,
        epoch=message.epoch,
        remote_address=message.remote_address,
        node_address=message.node_address,
    )


def sighting(message: charge_point_pb.Connection, time: datetime) -> Sighting:
    """An open connection, as of `time`."""
    return Sighting(charge_point_id=message.charge_point_id, online=True, epoch=message.epoch, time=time)


def transaction(message: transaction_pb.Transaction, clock: Clock, tenant_id: str = "") -> Transaction:
    """A transaction; an event says whose it is by itself."""
    update_time = time_of(message, "update_time") or clock.now()
    has_power = message.HasField("power_w")
    kinds = transaction_pb.Transaction
    stop_time = time_of(message, "stop_time")
    doubt = "" if stop_time is None else next((flag for flag in read_flags(message) if flag in DOUBTS), "")
    return Transaction(
        id=message.id,
        ocpp_transaction_id=message.ocpp_transaction_id,
        charge_point_id=message.charge_point_id,
        evse_id=message.evse_id,
        connector_id=message.connector_id,
        station_id=id_or_none(message.station_id),
        driver_id=id_or_none(message.driver_id),
        state=told_enum(TransactionState, kinds.State, message.state) or TransactionState.ORPHAN,
        authorization=told_enum(Authorization, kinds.Authorization, message.authorization),
        start_time=time_of(message, "start_time"),
        stop_time=stop_time,
        meter_start_wh=message.meter_start_wh if message.HasField("meter_start_wh") else None,
        energy_wh=message.energy_wh,
        power_w=message.power_w if has_power else None,
        power_time=update_time if has_power else None,
        revision=message.revision,
        update_time=update_time,
        doubt=doubt,
        energy_doubt=message.energy_doubt if doubt else "",
        tenant_id=tenant_id or message.tenant_id or DEFAULT_TENANT,
    )


def bill(billed: event_pb.SessionBilled, bill_time: datetime, tenant_id: str) -> Bill:
    """A bill; a session that did not come by OCPP goes by its id in billing."""
    total = total_of(billed)
    return Bill(
        session_id=billed.transaction_id or billed.charging_session_id,
        station_id=id_or_none(billed.station_id),
        driver_id=id_or_none(billed.driver_id),
        energy_wh=billed.energy_wh,
        end_time=time_of(billed, "end_time"),
        amount_minor=total.minor_units,
        currency_code=total.currency_code,
        bill_time=bill_time,
        bill_revision=billed.revision,
        bill_decisions=billed.decision_count,
        tenant_id=tenant_id,
    )


def bill_taken_back(unbilled: event_pb.SessionUnbilled, time: datetime, tenant_id: str) -> Bill:
    """A session without a bill."""
    session_id = unbilled.transaction_id or unbilled.charging_session_id
    return _no_bill(session_id, time, unbilled.revision, unbilled.decision_count, tenant_id)


def bill_known(session: charging_session_pb.ChargingSession) -> Bill | None:
    """What billing knows of the bill of a session; None while that is about to be replaced, or should be."""
    session_id, tenant_id = session.transaction_id or session.id, session.tenant_id or DEFAULT_TENANT
    time = session.update_time.ToDatetime(tzinfo=UTC)
    if not session.invoice_id:
        return _no_bill(session_id, time, session.revision, session.decision_count, tenant_id)
    is_billed = session.state == charging_session_pb.ChargingSession.COMPLETED
    if not is_billed or session.correction.reason in _MADE_BY_ITSELF:
        return None
    cost = read_money(session.cost)
    return Bill(
        session_id=session_id,
        station_id=id_or_none(session.station_id),
        driver_id=id_or_none(session.driver_id),
        energy_wh=session.energy_wh,
        end_time=time_of(session, "end_time"),
        amount_minor=cost.minor_units,
        currency_code=cost.currency_code,
        bill_time=time,
        bill_revision=session.revision,
        bill_decisions=session.decision_count,
        tenant_id=tenant_id,
    )


def _no_bill(session_id: str, time: datetime, revision: int, decisions: int, tenant_id: str) -> Bill:
    return Bill(
        session_id=session_id,
        station_id=None,
        driver_id=None,
        energy_wh=0,
        end_time=None,
        amount_minor=None,
        currency_code=None,
        bill_time=time,
        bill_revision=revision,
        bill_decisions=decisions,
        tenant_id=tenant_id,
    )


def live_readings(payload: bytes) -> Iterator[LiveReading]:
    """The samples of power and energy in recorded events: a csms.transaction.v1.RecordTransactionEventsRequest.

    Raises: google.protobuf.message.DecodeError, INVALID_FIELD.
    """
    for event in recording_pb.RecordTransactionEventsRequest.FromString(payload).events:
        if not event.ocpp_transaction_id:
            continue
        for value in event.meter_values:
            power_w = value.power_w if value.HasField("power_w") else None
            # What was read at the start is sometimes told again with each reading.
            is_current = value.HasField("energy_wh") and value.context != "Transaction.Begin"
            register_wh = value.energy_wh if is_current else None
            time = time_of(value, "sampled_time")
            if time is not None and (power_w is not None or register_wh is not None):
                yield LiveReading(
                    charge_point_id=event.charge_point_id,
                    ocpp_transaction_id=event.ocpp_transaction_id,
                    time=time,
                    power_w=power_w,
                    register_wh=register_wh,
                )
