"""Evidence that sessions are over although nobody told their end, and what statuses say of those that run. Pure.

A charge point that was rebooted may have forgotten its session. A boot alone says nothing: many go on with it. That a
connector is free since the boot, that the charge point says it knows no such session, or that nothing is heard of one
for days, does. All of it only counts until better is known: an end that is told takes the place of what was concluded,
and whatever is told of the session from a later time takes it back.
"""

from datetime import datetime
from typing import NamedTuple

from services.kernel.ids import derived_id
from services.transaction.domain.fact import STATUS_CHANGED, EventKind, Fact, TransactionEvent
from services.transaction.domain.losses import Cause
from services.transaction.domain.places import same_place
from services.transaction.domain.session import Session


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


def is_lost(session: Session, report: ConnectorReport) -> bool:
    """Whether a report shows that its charge point has forgotten a session that nobody has ended by then. One that was
    lost before is so once more: something may be told of the time between."""
    return _shows_forgotten(session, report) and session.may_be_lost(report.time)


def _shows_forgotten(session: Session, report: ConnectorReport) -> bool:
    """Whether a boot has come between what was first told of the session and the report, which is of a time after it
    began and says that its place is free."""
    return (
        report.status in _FREE
        and report.boot_time is not None
        and session.create_time < report.boot_time <= report.received_time
        and session.start_time is not None
        and session.begin_time < report.time
        and same_place(session, report)
    )


def loss(
    session: Session, cause: Cause, noticed_time: datetime, received_time: datetime, last_read: datetime | None
) -> Fact | None:
    """The fact that a session is lost, as was noticed by something received at a time; None when something is known of
    it that happened later. `last_read` is when its latest reading was taken."""
    signs = [sign for sign in (last_read, session.heard_time) if sign is not None]
    if any(sign > noticed_time for sign in signs):
        return None
    event = TransactionEvent(
        charge_point_id=session.charge_point_id,
        kind=EventKind.LOST,
        protocol=session.protocol,
        ocpp_transaction_id=session.ocpp_transaction_id,
        device_time=noticed_time,
        received_time=max(received_time, session.create_time),
        corrected_time=noticed_time,
        trigger_reason=cause,
    )
    return Fact(
        key=derived_id("lost", session.id, cause, str(noticed_time)),
        transaction_id=session.id,
        ocpp_transaction_id=session.ocpp_transaction_id,
        authorization=None,
        event=event,
        estimated=True,
    )


def charging_state(session: Session, report: ConnectorReport) -> TransactionEvent | None:
    """What a status by OCPP 1.6 says of the session that runs, or ran, there then; None when that is nothing."""
    state = _CHARGING_STATES.get(report.status)
    is_of_it = report.is_news and session.is_ocpp_16 and _ran_at(session, report)
    if state is None or not is_of_it or _shows_forgotten(session, report):
        return None
    return TransactionEvent(
        charge_point_id=session.charge_point_id,
        kind=EventKind.UPDATED,
        protocol=session.protocol,
        ocpp_transaction_id=session.ocpp_transaction_id,
        evse_id=session.evse_id,
        connector_id=session.connector_id,
        device_time=report.time,
        received_time=max(report.received_time, session.create_time),
        corrected_time=report.time,
        trigger_reason=STATUS_CHANGED,
        charging_state=state,
    )


def _ran_at(session: Session, report: ConnectorReport) -> bool:
    if session.start_time is None or not same_place(session, report):
        return False
    return session.begin_time <= report.time and not (session.stop_time is not None and session.stop_time < report.time)
