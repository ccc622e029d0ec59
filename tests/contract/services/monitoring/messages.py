"""Events as other services publish them, sound in all that a test does not say."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from csms.event.v1 import domain_event_pb2 as event_pb
from csms.station.v1 import charge_point_pb2 as charge_point_pb
from csms.station.v1 import connector_pb2 as connector_pb
from csms.station.v1 import refusal_pb2 as refusal_pb
from csms.station.v1 import station_pb2 as station_pb
from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.kernel.ids import derived_id, new_id
from services.kernel.money import Money
from services.messaging.subjects import subject
from services.rpc.protobuf import money_to_proto, timestamp
from tests.fixtures.shorthand import with_flags

# The whole minute under way a minute ago: events lie in the past, and close together.
NOW = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
STATION = new_id()

Connector = connector_pb.Connector
State = charge_point_pb.ChargePoint.State


def at(seconds: float) -> datetime:
    """So long after NOW."""
    return NOW + timedelta(seconds=seconds)


def a_connector(number: int = 1, status: str = "AVAILABLE", *, seconds: float = 0, **fields: Any) -> Connector:
    """A connector of CP1 that reported `status` at this second."""
    usual = {
        "station_id": STATION,
        "charge_point_id": "CP1",
        "evse_id": number,
        "connector_id": number,
        "status": status,
        "error_code": "NoError" if status != "FAULTED" else "GroundFailure",
        "status_time": at(seconds),
    }
    return Connector(**{**usual, **fields})


def a_charge_point(name: str = "CP1", *, created: float = -3600, **fields: Any) -> charge_point_pb.ChargePoint:
    """A charge point that was created an hour ago."""
    return charge_point_pb.ChargePoint(id=name, create_time=timestamp(at(created)), **fields)


def station_changed(
    name: str = "Harbour",
    *,
    station_id: str = STATION,
    seconds: float = 0,
    revision: int = 1,
    connectors: Sequence[Connector] = (),
    charge_points: Sequence[charge_point_pb.ChargePoint] = (),
    deleted: bool = False,
) -> event_pb.DomainEvent:
    """A station as it was at this second."""
    station = station_pb.Station(
        id=station_id, name=name, etag=str(revision), connectors=connectors, charge_points=charge_points
    )
    return _event(
        subject("station_changed", "deleted" if deleted else "changed", station_id),
        seconds,
        station_changed=event_pb.StationChanged(station=station, deleted=deleted),
    )


def connector_reported(connector: Connector, *, seconds: float = 0, info: str = "") -> event_pb.DomainEvent:
    """A connector's new status."""
    return _event(
        subject("connector_status_changed", "status_changed", connector.charge_point_id),
        seconds,
        connector_status_changed=event_pb.ConnectorStatusChanged(connector=connector, info=info),
    )


def connection(
    *,
    online: bool,
    epoch: int = 1,
    seconds: float = 0,
    name: str = "CP1",
    station_id: str = STATION,
    state: str = "STATE_UNSPECIFIED",
) -> event_pb.DomainEvent:
    """A connection that was opened or closed."""
    changed = event_pb.ConnectivityChanged(
        charge_point_id=name, station_id=station_id, online=online, epoch=epoch, state=State.Value(state)
    )
    verb = "opened" if online else "closed"
    return _event(subject("connectivity_changed", verb, name), seconds, connectivity_changed=changed)


def point_changed(
    point: charge_point_pb.ChargePoint, *, seconds: float = 0, deleted: bool = False
) -> event_pb.DomainEvent:
    """A charge point as an operator made or changed it, or that is gone."""
    return _event(
        subject("charge_point_changed", "deleted" if deleted else "changed", point.id),
        seconds,
        charge_point_changed=event_pb.ChargePointChanged(charge_point=point, deleted=deleted),
    )


def refused(
    rule: str = "WRONG_PASSWORD", *, count: int = 1, guesses: int = 0, seconds: float = 0, name: str = "CP1"
) -> event_pb.DomainEvent:
    """A charge point that was refused at the handshake."""
    refusal = event_pb.ConnectionRefused(
        charge_point_id=name,
        station_id=STATION,
        rule=refusal_pb.Refusal.Rule.Value(rule),
        remote_address="203.0.113.7",
        count=count,
        guess_count=guesses,
    )
    return _event(subject("connection_refused", "refused", name), seconds, connection_refused=refusal)


def device_event(
    subject_told: str, *, kind: str = "security_event", seconds: float = 0, evse: int = 0, **fields: Any
) -> event_pb.DomainEvent:
    """Something that CP1 notified, critical when nothing else is said."""
    usual = {"severity": DeviceEvent.CRITICAL, "evse_id": evse, "connector_id": min(evse, 1), "info": ""}
    particulars = {name: fields.pop(name) for name in ("resolved", "vendor_specific") if name in fields}
    event = DeviceEvent(charge_point_id="CP1", kind=kind, subject=subject_told, **{**usual, **fields})
    recorded = event_pb.DeviceEventRecorded(event=event, station_id=STATION, **particulars)
    return _event(subject("device_event_recorded", "recorded", "CP1"), seconds, device_event_recorded=recorded)


def booted(point: charge_point_pb.ChargePoint, *, seconds: float = 0) -> event_pb.DomainEvent:
    """A charge point that booted."""
    return _event(
        subject("charge_point_booted", "booted", point.id),
        seconds,
        charge_point_booted=event_pb.ChargePointBooted(charge_point=point, reason="PowerUp"),
    )


def a_transaction(number: str = "42", *, revision: int = 1, **fields: Any) -> transaction_pb.Transaction:
    """A transaction at connector 1 of CP1 that runs since NOW."""
    usual = {
        "id": derived_id("CP1", number),
        "ocpp_transaction_id": number,
        "charge_point_id": "CP1",
        "evse_id": 1,
        "connector_id": 1,
        "station_id": STATION,
        "state": "ACTIVE",
        "authorization": "ACCEPTED",
        "start_time": NOW,
        "meter_start_wh": 1_000,
        "update_time": at(revision),
    }
    return transaction_pb.Transaction(**{**usual, **with_flags(fields)}, revision=revision)


def session(transaction: transaction_pb.Transaction) -> event_pb.DomainEvent:
    """A transaction that changed."""
    verb = {1: "started", 2: "ended"}.get(transaction.state, "updated")
    return _event(
        subject("transaction_changed", verb, transaction.charge_point_id),
        0,
        transaction_changed=event_pb.TransactionChanged(transaction=transaction),
    )


def billed(
    number: str = "42", *, seconds: float = 0, total_minor: int = 350, currency_code: str = "EUR", **fields: Any
) -> event_pb.DomainEvent:
    """A bill of the transaction with this number."""
    usual = {
        "charging_session_id": new_id(),
        "transaction_id": derived_id("CP1", number) if number else "",
        "invoice_id": new_id(),
        "station_id": STATION,
        "energy_wh": 7_000,
        "total": money_to_proto(Money(currency_code, total_minor)),
        "end_time": at(30),
    }
    bill = event_pb.SessionBilled(**{**usual, **fields})
    return _event(subject("session_billed", "billed", bill.charging_session_id), seconds, session_billed=bill)


def _event(event_subject: str, seconds: float, **payload: Any) -> event_pb.DomainEvent:
    return event_pb.DomainEvent(id=new_id(), subject=event_subject, create_time=timestamp(at(seconds)), **payload)
