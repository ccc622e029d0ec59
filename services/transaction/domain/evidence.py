"""Evidence that transactions are over although nobody told their end, and what statuses say of those that run. Pure.

A charge point that was rebooted may have forgotten its transaction. A boot alone says nothing: many go on with it. That
a connector is free since the boot, that the charge point says it knows no such transaction, or that nothing is heard of
one for days, does. All of it only counts until better is known: an end that is told takes the place of what was
concluded, and whatever is told of the transaction from a later time takes it back.
"""

from datetime import datetime
from typing import NamedTuple

from services.kernel.ids import derived_id
from services.transaction.domain.fact import STATUS_CHANGED, EventKind, Fact, TransactionEvent
from services.transaction.domain.losses import Cause
from services.transaction.domain.places import same_place
from services.transaction.domain.transaction import Transaction


class ConnectorReport(NamedTuple):
    """What a connector does, as its charge point told it, by the names of csms.station.v1.Connector.Status.

    `boot_time` is when the charge point had booted last by then; `is_news` is false of one that says the same as
    before.
    """

    charge_point_id: str
    evse_id: int
    connector_id: int
    status: str
    time: datetime
    received_time: datetime
    boot_time: datetime | None = None
    is_news: bool = True


# Nobody charges there, and nobody did when the charge point said so.
_FREE = frozenset({"AVAILABLE", "PREPARING"})
# What statuses of OCPP 1.6 mean in the words of 2.x (ChargingStateEnumType).
_CHARGING_STATES = {
    "AVAILABLE": "Idle",
    "PREPARING": "EVConnected",
    "CHARGING": "Charging",
    "SUSPENDED_EV": "SuspendedEV",
    "SUSPENDED_EVSE": "SuspendedEVSE",
    "FINISHING": "EVConnected",
}


def is_lost(transaction: Transaction, report: ConnectorReport) -> bool:
    """Whether a report shows that its charge point has forgotten a transaction that nobody has ended by then. One that
    was lost before is so once more: something may be told of the time between."""
    return _shows_forgotten(transaction, report) and transaction.may_be_lost(report.time)


def _shows_forgotten(transaction: Transaction, report: ConnectorReport) -> bool:
    """Whether a boot has come between what was first told of the transaction and the report, which is of a time after
    it began and says that its place is free."""
    return (
        report.status in _FREE
        and report.boot_time is not None
        and transaction.create_time < report.boot_time <= report.received_time
        and transaction.start_time is not None
        and transaction.begin_time < report.time
        and same_place(transaction, report)
    )


def loss(
    transaction: Transaction, cause: Cause, noticed_time: datetime, received_time: datetime, last_read: datetime | None
) -> Fact | None:
    """The fact that a transaction is lost, as was noticed by something received at a time; None when something is known
    of it that happened later. `last_read` is when its latest reading was taken."""
    signs = [sign for sign in (last_read, transaction.heard_time) if sign is not None]
    if any(sign > noticed_time for sign in signs):
        return None
    event = TransactionEvent(
        charge_point_id=transaction.charge_point_id,
        kind=EventKind.LOST,
        protocol=transaction.protocol,
        ocpp_transaction_id=transaction.ocpp_transaction_id,
        device_time=noticed_time,
        received_time=max(received_time, transaction.create_time),
        corrected_time=noticed_time,
        trigger_reason=cause,
        tenant_id=transaction.tenant_id,
    )
    return Fact(
        key=derived_id("lost", transaction.id, cause, str(noticed_time)),
        transaction_id=transaction.id,
        ocpp_transaction_id=transaction.ocpp_transaction_id,
        authorization=None,
        event=event,
        estimated=True,
    )


def charging_state(transaction: Transaction, report: ConnectorReport) -> TransactionEvent | None:
    """What a status by OCPP 1.6 says of the transaction that runs, or ran, there then; None when that is nothing."""
    state = _CHARGING_STATES.get(report.status)
    is_of_it = report.is_news and transaction.is_ocpp_16 and _ran_at(transaction, report)
    if state is None or not is_of_it or _shows_forgotten(transaction, report):
        return None
    return TransactionEvent(
        charge_point_id=transaction.charge_point_id,
        kind=EventKind.UPDATED,
        protocol=transaction.protocol,
        ocpp_transaction_id=transaction.ocpp_transaction_id,
        evse_id=transaction.evse_id,
        connector_id=transaction.connector_id,
        device_time=report.time,
        received_time=max(report.received_time, transaction.create_time),
        corrected_time=report.time,
        trigger_reason=STATUS_CHANGED,
        charging_state=state,
        tenant_id=transaction.tenant_id,
    )


def _ran_at(transaction: Transaction, report: ConnectorReport) -> bool:
    if transaction.start_time is None or not same_place(transaction, report):
        return False
    return transaction.begin_time <= report.time and not (
        transaction.stop_time is not None and transaction.stop_time < report.time
    )
