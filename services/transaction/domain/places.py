"""Where transactions take place and which of two came first: what the end of one can be concluded from."""

from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from services.transaction.domain.fact import OCPP_16, TransactionEvent
from services.transaction.domain.registers import may_follow
from services.transaction.domain.transaction import Transaction

# An end that comes later after a start is hardly its end.
LONGEST_TRANSACTION = timedelta(days=7)


class Place(Protocol):
    """What says where it is: an event, a transaction, a report."""

    @property
    def evse_id(self) -> int: ...

    @property
    def connector_id(self) -> int: ...


def same_place(transaction: Transaction, other: Place) -> bool:
    """Whether a transaction of the same charge point runs where something else does: two cannot at a time."""
    if transaction.evse_id and other.evse_id:
        # An EVSE charges one vehicle at a time, whichever of its connectors is used.
        return transaction.evse_id == other.evse_id
    return bool(other.connector_id) and transaction.connector_id == other.connector_id


def precedes(transaction: Transaction, event: TransactionEvent, transaction_id: str) -> bool:
    """Whether a transaction began before the one, `transaction_id`, that `event` starts; at one moment the ids
    decide."""
    return (transaction.begin_time, transaction.id) < (event.corrected_time, transaction_id)


def placed_like(event: TransactionEvent, other: Place) -> TransactionEvent:
    """An event as if it had told the place of another one, or of a transaction, under its name; itself when it told
    one."""
    if event.connector_id or event.evse_id:
        return event
    return replace(event, evse_id=other.evse_id, connector_id=other.connector_id)


def was_nameless(transaction: Transaction) -> bool:
    """Whether a station that gives its transactions names did not, or in no way that can be read, when this one
    started."""
    return transaction.start_key is not None and transaction.protocol != OCPP_16


def may_end(transaction: Transaction, event: TransactionEvent) -> bool:
    """Whether an end that does not name its transaction could be the end of this one."""
    if (event.connector_id or event.evse_id) and not same_place(transaction, event):
        return False
    if not transaction.begin_time <= event.corrected_time <= transaction.begin_time + LONGEST_TRANSACTION:
        return False
    return may_follow(event.meter_wh, transaction.meter_start_wh)
