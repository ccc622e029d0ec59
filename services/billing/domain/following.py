"""How a charging session follows what its charge point tells: until it is billed, and after that.

The newest snapshot of a transaction alone decides what a session says that has no bill. One that has keeps saying what
its bill says: other facts become a correction, which another bill makes true, and doubts are noted. What a person has
decided about stays as decided.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from services.billing.domain.charging_session import (
    CORRECTION,
    ESTIMATED_END,
    PENDING,
    ChargingSession,
    SessionState,
    adopted,
)
from services.billing.domain.remarks import NO_REMARKS, Correction, Due, Facts, Note, Remarks
from services.kernel.ids import derived_id
from services.kernel.tenancy import DEFAULT_TENANT

# Why an ended session has no bill until a person decides, or its charge point tells better.
NO_START = "no_start"
MERGED = "merged"
UNAUTHORIZED = "unauthorized"
CONCURRENT_TX = "concurrent_tx"
# What the transaction service flags because it leaves open how much it was.
NO_REGISTER = "no_register"
DOUBTS = (NO_REGISTER, "implausible_energy", "register_went_back")
# A billed session may also turn out to go on.
RUNNING = "running"
# With these there is nothing that could be billed.
_TAKES_BACK = frozenset({NO_START, MERGED, UNAUTHORIZED, CONCURRENT_TX, RUNNING})
DECIDED = "decided"
TOLD_OTHERWISE = "told_otherwise"
_KWH = 1000


class TransactionSnapshot(NamedTuple):
    """What the transaction service tells of a session, as far as billing cares.

    Without `has_start`, `start_time` is when it was first heard of; `stop_time` is None while it runs. Of one that
    `is_merged` nothing is left: what was known of it belongs to another transaction. `authorization` is the decision
    about the token, in lower case. `energy_doubt` has the figures behind those of the flags that are about energy.
    """

    id: str
    charge_point_id: str
    connector_id: int
    station_id: str | None
    driver_id: str | None
    id_tag: str
    is_accepted: bool
    has_start: bool
    start_time: datetime
    stop_time: datetime | None
    energy_wh: int
    revision: int
    flags: tuple[str, ...] = ()
    is_merged: bool = False
    authorization: str = ""
    energy_doubt: str = ""
    tenant_id: str = DEFAULT_TENANT

    def unmetered(self) -> "TransactionSnapshot":
        """The same where a session that has told no energy register is to be billed like one without energy."""
        if NO_REGISTER not in self.flags:
            return self
        return self._replace(flags=tuple(flag for flag in self.flags if flag != NO_REGISTER), energy_wh=0)


def unheard(snapshot: TransactionSnapshot, now: datetime) -> ChargingSession:
    """The session of a transaction that nothing was told of yet; the same id wherever it is made."""
    return ChargingSession(
        id=derived_id("charging session", snapshot.id),
        transaction_id=snapshot.id,
        start_time=snapshot.start_time,
        create_time=now,
        update_time=now,
        tenant_id=snapshot.tenant_id,
    )


def followed(session: ChargingSession, snapshot: TransactionSnapshot, now: datetime) -> ChargingSession:
    """`session` after a newer snapshot; itself after one that is no newer.

    One that is neither billed nor decided about says what the snapshot says: when it has ended it is PENDING, unless
    there is a reason to hold it.
    """
    if snapshot.revision <= session.revision:
        return session
    if session.remarks.decision is not None:
        return _after_decision(session._replace(revision=snapshot.revision, update_time=now), snapshot)
    if session.state is SessionState.COMPLETED:
        return _after_bill(session._replace(revision=snapshot.revision, update_time=now), snapshot)
    reason = _reason(snapshot)
    is_elsewhere = (snapshot.station_id, snapshot.start_time) != (session.station_id, session.start_time)
    # As `adopted` does, in one step: this is what happens to nearly all sessions, twice.
    return session._replace(
        station_id=snapshot.station_id,
        charge_point_id=snapshot.charge_point_id,
        connector_id=snapshot.connector_id,
        driver_id=snapshot.driver_id,
        id_tag=snapshot.id_tag,
        start_time=snapshot.start_time,
        end_time=snapshot.stop_time,
        energy_wh=max(0, snapshot.energy_wh),
        revision=snapshot.revision,
        update_time=now,
        tariff_id=None if is_elsewhere else session.tariff_id,
        tariff_version=0 if is_elsewhere else session.tariff_version,
        state=SessionState.HELD if reason else SessionState.ACTIVE,
        hold_reason=reason,
        remarks=_with_detail(session.remarks, reason, snapshot),
    )


def taken_back(session: ChargingSession) -> ChargingSession:
    """A billed `session` whose bill was taken back because there is nothing to bill, by what its correction tells."""
    correction = session.remarks.correction
    if correction is None:
        raise ValueError(f"the bill of session {session.id} says what is told")
    is_running = correction.reason == RUNNING
    detail = "" if is_running else correction.detail
    return adopted(
        session,
        correction.facts,
        invoice_id=None,
        cost=None,
        state=SessionState.ACTIVE if is_running else SessionState.HELD,
        hold_reason="" if is_running else correction.reason,
        remarks=replace(session.remarks, correction=None, hold_detail=detail),
    )


def takes_bill_back(session: ChargingSession) -> bool:
    """Whether, by what is told after its bill, there is nothing to bill; not if a person has decided."""
    remarks = session.remarks
    if remarks.correction is None or remarks.decision is not None or session.invoice_id is None:
        return False
    return remarks.correction.reason in _TAKES_BACK


def _after_bill(session: ChargingSession, snapshot: TransactionSnapshot) -> ChargingSession:
    reported, reason, remarks = _facts(snapshot), _reason(snapshot) or RUNNING, session.remarks
    if reason in _TAKES_BACK:
        return _waiting(session, reported, reason, _detail(reason, snapshot))
    if reported.bills_like(session.facts):
        if remarks is not NO_REMARKS:
            remarks = replace(remarks, due=None, correction=None)
        if reason in DOUBTS:
            remarks = _noted(remarks, session, reason, f"told after the bill: {_detail(reason, snapshot)}")
        return adopted(session, reported, hold_reason="", remarks=remarks)
    if reason in DOUBTS:
        return _waiting(session, reported, reason, f"{difference(session, reported)}; {_detail(reason, snapshot)}")
    due = Due(reported, snapshot.revision)
    return session._replace(hold_reason=reason, remarks=replace(remarks, due=due, correction=None))


def _after_decision(session: ChargingSession, snapshot: TransactionSnapshot) -> ChargingSession:
    """What was decided stays; that something else is told now waits for the next decision."""
    reported, reason, remarks = _facts(snapshot), _reason(snapshot) or RUNNING, session.remarks
    decision = remarks.decision
    if decision is None:
        raise ValueError(f"nobody has decided about session {session.id}")
    if not reported.bills_like(decision.reported):
        detail = f"told after the decision of {decision.decided_by}: {difference(session, reported)}"
        return _waiting(session, reported, DECIDED, detail)
    remarks = replace(remarks, correction=None)
    if reason not in (PENDING, ESTIMATED_END):
        remarks = _noted(remarks, session, reason, f"told after the decision: {_detail(reason, snapshot)}")
    waits = "" if session.hold_reason == CORRECTION else session.hold_reason
    return session._replace(hold_reason=waits, remarks=remarks)


def _waiting(session: ChargingSession, reported: Facts, reason: str, detail: str) -> ChargingSession:
    """`session` with a correction that a person has to decide about. What a person has decided is billed before."""
    remarks = session.remarks
    is_decided = remarks.due is not None and remarks.due.is_approved
    correction = Correction(reported, reason, detail, session.revision, session.update_time)
    remarks = replace(remarks, correction=correction, due=remarks.due if is_decided else None)
    is_busy = is_decided or session.state is SessionState.HELD
    return session._replace(hold_reason=session.hold_reason if is_busy else CORRECTION, remarks=remarks)


def _noted(remarks: Remarks, session: ChargingSession, kind: str, detail: str) -> Remarks:
    return remarks.noted(Note(kind, detail, session.revision, session.update_time))


def _with_detail(remarks: Remarks, reason: str, snapshot: TransactionSnapshot) -> Remarks:
    """With what people are told of why a session is held."""
    if remarks is NO_REMARKS and reason in ("", PENDING):
        return remarks
    detail = _detail(reason, snapshot) if reason not in ("", PENDING) else ""
    return remarks if detail == remarks.hold_detail else replace(remarks, hold_detail=detail)


def _facts(snapshot: TransactionSnapshot) -> Facts:
    return Facts(
        start_time=snapshot.start_time,
        end_time=snapshot.stop_time,
        energy_wh=max(0, snapshot.energy_wh),
        station_id=snapshot.station_id,
        driver_id=snapshot.driver_id,
        charge_point_id=snapshot.charge_point_id,
        connector_id=snapshot.connector_id,
        id_tag=snapshot.id_tag,
    )


def _reason(snapshot: TransactionSnapshot) -> str:
    """What the bill of a session has to wait for: PENDING when for nothing; empty while it runs."""
    if snapshot.is_merged:
        return MERGED
    if snapshot.stop_time is None:
        return ""
    if not snapshot.has_start:
        return NO_START
    if not snapshot.is_accepted:
        return CONCURRENT_TX if snapshot.authorization == CONCURRENT_TX else UNAUTHORIZED
    if not snapshot.flags:
        return PENDING
    return next((reason for reason in (*DOUBTS, ESTIMATED_END) if reason in snapshot.flags), PENDING)


def _detail(reason: str, snapshot: TransactionSnapshot) -> str:
    """A reason in a sentence."""
    length = (snapshot.stop_time or snapshot.start_time) - snapshot.start_time
    energy = f"{_kwh(snapshot.energy_wh)} in {_hours(length)}"
    if reason in DOUBTS:
        return snapshot.energy_doubt or f"the energy is in doubt: {reason.replace('_', ' ')}; {energy}"
    match reason:
        case "merged":
            return "what was told of it belongs to another session"
        case "no_start":
            return f"nobody told its start; {_kwh(snapshot.energy_wh)} are known of"
        case "unauthorized":
            decision = snapshot.authorization or "never decided about"
            return f"the token {snapshot.id_tag or 'that started it'} was {decision}; {energy} were delivered"
        case "concurrent_tx":
            return f"the token {snapshot.id_tag} was in use elsewhere, and it went on; {energy} were delivered"
        case "running":
            return "the charge point says that it goes on"
        case "estimated_end":
            return "the charge point has not told its end; it was concluded from other facts"
    return f"the charge point's report is in doubt: {reason.replace('_', ' ')}; {energy}"


def difference(session: ChargingSession, reported: Facts) -> str:
    """In what the told facts differ from those of the bill."""
    billed, found = session.facts, []
    if reported.energy_wh != billed.energy_wh:
        found.append(f"{_kwh(reported.energy_wh)} instead of {_kwh(billed.energy_wh)}")
    for name, new, old in (
        ("start", reported.start_time, billed.start_time),
        ("end", reported.end_time, billed.end_time),
    ):
        if new != old:
            found.append(f"{name} {_moment(new)} instead of {_moment(old)}")
    if reported.driver_id != billed.driver_id:
        found.append("another driver")
    if reported.station_id != billed.station_id:
        found.append("another station")
    return ", ".join(found) or "the same figures"


def _kwh(energy_wh: int) -> str:
    return f"{energy_wh / _KWH:.3f} kWh"


def _hours(length: timedelta) -> str:
    minutes = max(0, length // timedelta(minutes=1))
    return f"{minutes // 60} h {minutes % 60} min"


def _moment(time: datetime | None) -> str:
    return "none" if time is None else f"{time:%Y-%m-%d %H:%M:%S} UTC"
