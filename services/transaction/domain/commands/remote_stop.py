"""Stops a transaction. The effect is its end."""

from services.transaction.domain.command import Command, CommandPriority
from services.transaction.domain.command_kind import CommandKind, check_transaction
from services.transaction.domain.transaction import Transaction, TransactionState


def ended_by(transaction: Transaction, command: Command) -> bool:
    """Whether the end of `transaction` is what a remote stop asked for."""
    asked = command.body.get("ocpp_transaction_id")
    return (
        transaction.state is TransactionState.ENDED
        and asked == transaction.ocpp_transaction_id
        and command.charge_point_id == transaction.charge_point_id
    )


KIND = CommandKind(
    priority=CommandPriority.URGENT, check=check_transaction, is_effect=ended_by, is_about_transaction=True
)
