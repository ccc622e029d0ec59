"""What the transaction service tells the others."""

from dataclasses import dataclass
from enum import StrEnum

from services.transaction.domain.command import CommandState
from services.transaction.domain.transaction import Transaction


class TransactionChange(StrEnum):
    """What happened to a transaction, as the verb of the event's subject."""

    STARTED = "started"
    UPDATED = "updated"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class TransactionChanged:
    """A transaction is another one than before; `transaction` is how it is now."""

    transaction: Transaction
    change: TransactionChange


@dataclass(frozen=True, slots=True)
class CommandChanged:
    """A command reached another state."""

    command_id: str
    charge_point_id: str
    kind: str
    state: CommandState
    tenant_id: str
