"""Domain events as they are published."""

from datetime import datetime

from csms.event.v1 import domain_event_pb2 as event_pb
from services.billing.domain.events import SessionBilled
from services.chassis.events import subject
from services.chassis.protobuf import timestamp
from services.kernel.ids import new_id


def event_to_proto(event: SessionBilled, now: datetime) -> event_pb.DomainEvent:
    """A domain event with its subject and a fresh id."""
    return event_pb.DomainEvent(
        id=new_id(),
        create_time=timestamp(now),
        subject=subject("billing", "session", "billed", event.charging_session_id),
        session_billed=event_pb.SessionBilled(
            charging_session_id=event.charging_session_id,
            transaction_id=event.transaction_id or "",
            invoice_id=event.invoice_id,
            station_id=event.station_id or "",
            driver_id=event.driver_id or "",
            energy_wh=event.energy_wh,
            total_minor=event.total.minor_units,
            currency_code=event.total.currency_code,
            end_time=timestamp(event.end_time),
        ),
    )
