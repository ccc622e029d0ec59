"""Domain events as they are published."""

from datetime import datetime

from csms.event.v1 import domain_event_pb2 as event_pb
from services.billing.domain.events import SessionBilled
from services.chassis.events import subject
from services.chassis.protobuf import write_time
from services.kernel.ids import new_id


def event_to_proto(event: SessionBilled, now: datetime) -> event_pb.DomainEvent:
    """A domain event with its subject and a fresh id."""
    # Written in place: messages that are put into others are copied, which doubles what this costs.
    message = event_pb.DomainEvent(
        id=new_id(), subject=subject("billing", "session", "billed", event.charging_session_id)
    )
    write_time(now, message.create_time)
    billed = message.session_billed
    billed.charging_session_id = event.charging_session_id
    billed.transaction_id = event.transaction_id or ""
    billed.invoice_id = event.invoice_id
    billed.station_id = event.station_id or ""
    billed.driver_id = event.driver_id or ""
    billed.energy_wh = event.energy_wh
    billed.total_minor = event.total.minor_units
    billed.currency_code = event.total.currency_code
    write_time(event.end_time, billed.end_time)
    return message
