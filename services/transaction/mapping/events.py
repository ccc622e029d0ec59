"""Domain events as they are published."""

from datetime import datetime

from csms.event.v1 import domain_event_pb2 as event_pb
from services.chassis.events import subject
from services.chassis.protobuf import timestamp
from services.kernel.ids import new_id
from services.transaction.domain.events import CommandChanged, SessionChanged
from services.transaction.mapping.transactions import session_to_proto


def event_to_proto(event: SessionChanged | CommandChanged, now: datetime) -> event_pb.DomainEvent:
    """A domain event with its subject and a fresh id."""
    match event:
        case SessionChanged(session, change):
            return event_pb.DomainEvent(
                id=new_id(),
                create_time=timestamp(now),
                subject=subject("transaction", "session", change, session.charge_point_id),
                transaction_changed=event_pb.TransactionChanged(transaction=session_to_proto(session)),
            )
        case CommandChanged():
            return event_pb.DomainEvent(
                id=new_id(),
                create_time=timestamp(now),
                subject=subject("transaction", "command", "changed", event.charge_point_id),
                command_changed=event_pb.CommandChanged(
                    command_id=event.command_id,
                    charge_point_id=event.charge_point_id,
                    state=event.state,
                    kind=event.kind,
                ),
            )
