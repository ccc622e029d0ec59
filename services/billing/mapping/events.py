"""Domain events as they are published."""

from datetime import datetime

from csms.event.v1 import domain_event_pb2 as event_pb
from services.billing.domain.events import Event, SessionBilled, SessionUnbilled
from services.kernel.ids import new_id
from services.messaging.subjects import subject
from services.rpc.protobuf import write_time


def event_to_proto(event: Event, now: datetime) -> event_pb.DomainEvent:
    """A domain event with its subject and a fresh id."""
    kind, verb = ("session_billed", "billed") if isinstance(event, SessionBilled) else ("session_unbilled", "unbilled")
    # Written in place: messages that are put into others are copied, which doubles what this costs.
    message = event_pb.DomainEvent(id=new_id(), subject=subject(kind, verb, event.charging_session_id))
    message.tenant_id = event.tenant_id
    write_time(now, message.create_time)
    if isinstance(event, SessionBilled):
        _write_billed(event, message.session_billed)
    else:
        _write_unbilled(event, message.session_unbilled)
    return message


def _write_billed(event: SessionBilled, billed: event_pb.SessionBilled) -> None:
    billed.charging_session_id = event.charging_session_id
    billed.transaction_id = event.transaction_id or ""
    billed.invoice_id = event.invoice_id
    billed.station_id = event.station_id or ""
    billed.driver_id = event.driver_id or ""
    billed.energy_wh = event.energy_wh
    # Written in place, see above.
    billed.total.currency_code = event.total.currency_code
    billed.total.units, billed.total.nanos = event.total.units_nanos()
    write_time(event.end_time, billed.end_time)
    billed.revision = event.revision
    billed.decision_count = event.decision_count


def _write_unbilled(event: SessionUnbilled, unbilled: event_pb.SessionUnbilled) -> None:
    unbilled.charging_session_id = event.charging_session_id
    unbilled.transaction_id = event.transaction_id or ""
    unbilled.invoice_id = event.invoice_id
    unbilled.revision = event.revision
    unbilled.decision_count = event.decision_count
