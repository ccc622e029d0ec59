"""What persons decide about charging sessions where no rule can: to bill one, to bill something else, or nothing."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from services.billing.domain.charging_session import (
    CLOCK_SKEW,
    CORRECTION,
    PENDING,
    ChargingSession,
    SessionState,
    adopted,
    billable,
)
from services.billing.domain.pricing import Consumption, checked
from services.billing.domain.remarks import Decided, DecisionKind, Due, Facts
from services.billing.domain.tariff import Tariff
from services.kernel.errors import conflict, failed_precondition, invalid
from services.kernel.ids import is_id
from services.kernel.money import Money
from services.kernel.tenancy import DEFAULT_TENANT
from services.kernel.validation import Violations

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a person decides, why, and who. What is None stays as it is; the figures are for CORRECT."""

    kind: DecisionKind
    reason: str
    decided_by: str
    energy_wh: int | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    idle_minutes: int | None = None
    driver_id: str | None = None
    tariff_id: str | None = None


class Figures(NamedTuple):
    """What a bill is made of, and what there is of one."""

    state: SessionState
    hold_reason: str
    start_time: datetime
    end_time: datetime | None
    energy_wh: int
    idle_minutes: int
    driver_id: str | None
    tariff_id: str | None
    cost: Money | None
    invoice_id: str | None


class Decision(NamedTuple):
    """A decision that was made: the record of it, which never changes."""

    id: str
    charging_session_id: str
    kind: DecisionKind
    reason: str
    decided_by: str
    create_time: datetime
    before: Figures
    after: Figures
    tenant_id: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFilter:
    """Which decisions a list holds; an empty or None field does not narrow it."""

    charging_session_id: str = ""
    kind: DecisionKind | None = None
    decided_by: str = ""
    create_time_from: datetime | None = None
    create_time_to: datetime | None = None


def validated(choice: Choice) -> Choice:
    """`choice` itself. Raises: INVALID_FIELD with every field out of bounds that shows without its session."""
    violations = Violations()
    violations.text("reason", choice.reason.strip(), longest=LONGEST_REASON, shortest=1)
    violations.check(choice.driver_id is None or is_id(choice.driver_id), "driverId", "is not an id")
    violations.check(choice.tariff_id is None or is_id(choice.tariff_id), "tariffId", "is not an id")
    violations.raise_if_any()
    return choice


def require_same(session: ChargingSession, etag: str) -> None:
    """Raises: ETAG_MISMATCH when `session` is not the version of it that a person saw."""
    if etag and etag != session.etag:
        raise conflict("ETAG_MISMATCH", f"charging session {session.id} has changed since etag {etag} was read")


def decided(
    session: ChargingSession, choice: Choice, tariff: Tariff | None, decision_id: str, now: datetime
) -> ChargingSession:
    """`session` after a decision. It is PENDING when a bill has to follow.

    A bill that it has is not touched here: of one that is written off it has to be taken back.
    Raises: CHARGING_SESSION_RUNNING, CHARGING_SESSION_NOT_HELD, INVALID_FIELD.
    """
    reported = _reported(session)
    if session.state is SessionState.ACTIVE:
        raise _running(session, "has not ended")
    remarks = session.remarks
    after = session._replace(
        update_time=now,
        remarks=replace(
            remarks,
            hold_detail="",
            due=None,
            correction=None,
            decision=Decided(
                decision_id,
                choice.kind,
                choice.reason,
                choice.decided_by,
                now,
                reported,
                _idle_minutes(session, choice),
            ),
            decision_count=remarks.decision_count + 1,
        ),
    )
    match choice.kind:
        case DecisionKind.KEEP:
            _require_waiting(remarks.correction is not None, session, "no correction waits")
            is_waiting = session.hold_reason == CORRECTION
            return after._replace(hold_reason="" if is_waiting else session.hold_reason)
        case DecisionKind.WRITE_OFF:
            return after._replace(state=SessionState.WRITTEN_OFF, hold_reason="")
        case DecisionKind.RELEASE:
            waits = session.state is not SessionState.COMPLETED or remarks.correction is not None
            _require_waiting(waits or remarks.due is not None, session, "it is billed as its charge point tells it")
            if reported.end_time is None:
                raise _running(session, "has no end that could be billed; correct it, or write it off")
            return _to_be_billed(after, reported, choice, tariff)
        case DecisionKind.CORRECT:
            return _to_be_billed(after, _corrected(session, choice, now), choice, tariff)


def recorded(before: ChargingSession, after: ChargingSession) -> Decision:
    """The record of the decision that made `after` of `before`."""
    decision = after.remarks.decision
    if decision is None:
        raise ValueError(f"nobody has decided about session {after.id}")
    return Decision(
        id=decision.id,
        charging_session_id=after.id,
        kind=decision.kind,
        reason=decision.reason,
        decided_by=decision.decided_by,
        create_time=decision.create_time,
        before=_figures(before),
        after=_figures(billable(after))._replace(idle_minutes=_coalesced(decision.idle_minutes, after.idle_minutes)),
        tenant_id=after.tenant_id,
    )


def _reported(session: ChargingSession) -> Facts:
    """What the charge point told last."""
    remarks = session.remarks
    if remarks.correction is not None:
        return remarks.correction.facts
    if remarks.due is not None and not remarks.due.is_approved:
        return remarks.due.facts
    return session.facts if remarks.decision is None else remarks.decision.reported


def _idle_minutes(session: ChargingSession, choice: Choice) -> int | None:
    """How long a person says that the vehicle idled, now or in the decision before; who releases a session leaves that
    to what was read and told."""
    before = session.remarks.decision
    if choice.idle_minutes is not None or choice.kind is DecisionKind.RELEASE or before is None:
        return choice.idle_minutes
    return before.idle_minutes


def _coalesced(one: int | None, other: int) -> int:
    return other if one is None else one


def _to_be_billed(session: ChargingSession, facts: Facts, choice: Choice, tariff: Tariff | None) -> ChargingSession:
    """`session`, PENDING: without a bill by these facts at once, otherwise as soon as its bill is replaced."""
    if session.invoice_id is None:
        after = adopted(session, facts, state=SessionState.HELD, hold_reason=PENDING)
        return after if tariff is None else after._replace(tariff_id=tariff.id, tariff_version=tariff.version)
    is_same_tariff = tariff is None or (tariff.id, tariff.version) == (session.tariff_id, session.tariff_version)
    is_same_idling = choice.idle_minutes in (None, session.idle_minutes)
    is_same = is_same_tariff and is_same_idling and facts.bills_like(session.facts)
    if is_same and session.state is SessionState.COMPLETED:
        return session._replace(hold_reason="")
    due = Due(
        facts,
        session.revision,
        is_approved=True,
        tariff_id=None if tariff is None else tariff.id,
        tariff_version=0 if tariff is None else tariff.version,
    )
    return session._replace(hold_reason=PENDING, remarks=replace(session.remarks, due=due))


def _corrected(session: ChargingSession, choice: Choice, now: datetime) -> Facts:
    start, end = choice.start_time or session.start_time, choice.end_time or session.end_time
    if end is None:
        raise invalid("endTime", "is needed: the charge point has told no end")
    if end > now + CLOCK_SKEW:
        raise invalid("endTime", "must not lie in the future")
    energy_wh = session.energy_wh if choice.energy_wh is None else choice.energy_wh
    idle_minutes = session.idle_minutes if choice.idle_minutes is None else choice.idle_minutes
    checked(Consumption(energy_wh=energy_wh, start=start, end=end, idle_minutes=idle_minutes), "startTime", "endTime")
    return session.facts._replace(
        start_time=start, end_time=end, energy_wh=energy_wh, driver_id=choice.driver_id or session.driver_id
    )


def _figures(session: ChargingSession) -> Figures:
    return Figures(*(getattr(session, name) for name in Figures._fields))


def _require_waiting(waits: bool, session: ChargingSession, why: str) -> None:
    if not waits:
        message = f"charging session {session.id} needs no such decision: {why}"
        raise failed_precondition("CHARGING_SESSION_NOT_HELD", message)


def _running(session: ChargingSession, why: str) -> Exception:
    return failed_precondition("CHARGING_SESSION_RUNNING", f"charging session {session.id} {why}")
