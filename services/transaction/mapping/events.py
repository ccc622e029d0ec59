"""Domain events as they are published."""

from datetime import datetime

from csms.event.v1 import domain_event_pb2 as event_pb
from csms.transaction.v1 import command_pb2 as command_pb
from services.kernel.ids import new_id
from services.messaging.subjects import subject
from services.rpc.protobuf import write_time
from services.transaction.domain.events import CommandChanged, TransactionChanged
from services.transaction.mapping.transactions import write_transaction


def event_to_proto(event: TransactionChanged | CommandChanged, now: datetime) -> event_pb.DomainEvent:
    """A domain event with its subject and a fresh id."""
    message = event_pb.DomainEvent(id=new_id())
    write_time(now, message.create_time)
    match event:
        case TransactionChanged(transaction, change):
            message.subject = subject("transaction_changed", change, transaction.charge_point_id)
            message.tenant_id = transaction.tenant_id
            write_transaction(transaction, message.transaction_changed.transaction)
        case CommandChanged():
            message.subject = subject("command_changed", "changed", event.charge_point_id)
            message.tenant_id = event.tenant_id
            message.command_changed.command_id = event.command_id
            message.command_changed.charge_point_id = event.charge_point_id
            message.command_changed.state = command_pb.Command.State.Value(event.state)
            message.command_changed.kind = event.kind
    return message
