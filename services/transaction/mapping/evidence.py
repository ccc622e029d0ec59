"""What the station service tells of connectors and boots, as evidence about transactions."""

from datetime import datetime

from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.station.v1.connector_pb2 import Connector
from services.messaging.subjects import subjects
from services.rpc.protobuf import time_of
from services.transaction.domain.evidence import ConnectorReport
from services.transaction.domain.fact import OCPP_16

_STATUSES = {number: name for name, number in Connector.Status.items() if number}
[_CONFIRMED] = subjects("connector_status_changed.status_confirmed")


def connector_report(event: DomainEvent) -> ConnectorReport | None:
    """What a connector does; None for an event about something else, and for a status that is none we know."""
    change = event.connector_status_changed
    committed = time_of(event, "create_time")
    status = _STATUSES.get(change.connector.status)
    if event.WhichOneof("payload") != "connector_status_changed" or status is None or committed is None:
        return None
    received_time = time_of(change, "received_time") or committed
    return ConnectorReport(
        change.connector.charge_point_id,
        change.connector.evse_id,
        change.connector.connector_id,
        status,
        time_of(change.connector, "status_time") or received_time,
        received_time,
        time_of(change, "boot_time"),
        is_news=not event.subject.startswith(f"{_CONFIRMED}."),
    )


def boot_to_ask_after(event: DomainEvent) -> tuple[str, datetime] | None:
    """Charge point and time of a boot, when a charge point can be asked after its transactions; None for an event about
    something else, and for a boot by OCPP 1.6, which has no message for it."""
    if event.WhichOneof("payload") != "charge_point_booted":
        return None
    charge_point = event.charge_point_booted.charge_point
    time = time_of(charge_point, "boot_time") or time_of(event, "create_time")
    return None if time is None or charge_point.protocol == OCPP_16 else (charge_point.id, time)
