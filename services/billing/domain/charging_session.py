"""Charging sessions as a commercial fact: what follows from what charge points told, and from what callers entered."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from services.billing.domain.pricing import FIRST_YEAR, Price
from services.billing.domain.tariff import Tariff
from services.kernel.errors import failed_precondition
from services.kernel.identity import identity_of
from services.kernel.ids import derived_id, is_id
from services.kernel.money import Money
from services.kernel.validation import Violations

# Callers' clocks may be ahead of ours by as much.
CLOCK_SKEW = timedelta(minutes=1)

# Why an ended session has no bill: PENDING ones are billed in a moment, NO_TARIFF ones as soon as a tariff applies,
# those with an ESTIMATED_END when no better one was told for END_PATIENCE, the others wait for a person or for better
# news from the charge point.
PENDING = "pending"
NO_TARIFF = "no_tariff"
ESTIMATED_END = "estimated_end"
NO_START = "no_start"
MERGED = "merged"
UNAUTHORIZED = "unauthorized"
PAID_BEFORE_CORRECTION = "paid_before_correction"
# An end was concluded from a later session while the charge point still has to tell the true one. When it is back after
# an outage, it does within minutes; each event until then would make another bill.
END_PATIENCE = timedelta(minutes=10)
# What the transaction service flags as hardly true.
_DOUBTS = ("implausible_energy", "register_went_back")
# A bill that says something else of these is wrong.
_BILLED = ("driver_id", "station_id", "start_time", "end_time", "energy_wh")


class SessionState(StrEnum):
    """Where a session stands."""

    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    HELD = "HELD"


class ChargingSession(NamedTuple):
    """Who charged where, how much, at what cost. `revision` is that of the newest transaction snapshot it took in.

    While a session is PENDING nothing of it changes but with its revision. (A named tuple, like the snapshots that it
    follows: they are made and changed a dozen times for each bill, which costs a frozen dataclass five times as much.)
    """

    id: str
    start_time: datetime
    create_time: datetime
    update_time: datetime
    transaction_id: str | None = None
    station_id: str | None = None
    charge_point_id: str = ""
    connector_id: int = 0
    driver_id: str | None = None
    id_tag: str = ""
    end_time: datetime | None = None
    energy_wh: int = 0
    idle_minutes: int = 0
    tariff_id: str | None = None
    tariff_version: int = 0
    invoice_id: str | None = None
    hold_reason: str = ""
    revision: int = 0
    state: SessionState = SessionState.ACTIVE
    cost: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingSessionFilter:
    """Which sessions a list holds; an empty or None field does not narrow it.

    With `update_time_from` the list runs in the order of change, otherwise the latest started comes first.
    """

    driver_id: str = ""
    station_id: str = ""
    state: SessionState | None = None
    transaction_id: str = ""
    start_time_from: datetime | None = None
    start_time_to: datetime | None = None
    update_time_from: datetime | None = None


class TransactionSnapshot(NamedTuple):
    """What the transaction service tells of a session, as far as billing cares.

    Without `has_start`, `start_time` is when it was first heard of; `stop_time` is None while it runs. Of one that
    `is_merged` nothing is left: what was known of it belongs to another transaction.
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


def validated(session: ChargingSession, now: datetime) -> ChargingSession:
    """`session` itself, as a caller entered it. Raises: INVALID_FIELD with every field out of bounds."""
    violations = Violations("chargingSession")
    for name, value in (
        ("stationId", session.station_id),
        ("driverId", session.driver_id),
        ("tariffId", session.tariff_id),
    ):
        violations.check(value is None or is_id(value), name, "is not an id")
    if session.charge_point_id:
        violations.parsed("chargePointId", lambda: identity_of(session.charge_point_id))
    violations.number("connectorId", session.connector_id, 0, 1000)
    violations.text("idTag", session.id_tag, longest=255)
    violations.check(session.start_time.year >= FIRST_YEAR, "startTime", f"must not lie before {FIRST_YEAR}")
    violations.check(session.start_time <= now + CLOCK_SKEW, "startTime", "must not lie in the future")
    violations.raise_if_any()
    return session


def unheard(snapshot: TransactionSnapshot, now: datetime) -> ChargingSession:
    """The session of a transaction that nothing was told of yet; the same id wherever it is made."""
    return ChargingSession(
        id=derived_id("charging session", snapshot.id),
        transaction_id=snapshot.id,
        start_time=snapshot.start_time,
        create_time=now,
        update_time=now,
    )


def followed(session: ChargingSession, snapshot: TransactionSnapshot, now: datetime) -> ChargingSession:
    """`session` after a newer snapshot, which alone decides what it says; itself after one that is no newer.

    An ended one is PENDING unless there is a reason to hold it or its bill still says the same. The tariff is that of
    a place and a time: when either changes it has to be found anew.
    """
    if snapshot.revision <= session.revision:
        return session
    if snapshot.is_merged:
        state, reason = SessionState.HELD, MERGED
    elif snapshot.stop_time is None:
        state, reason = SessionState.ACTIVE, ""
    else:
        state, reason = SessionState.HELD, _hold_reason(snapshot) or PENDING
    is_elsewhere = (snapshot.station_id, snapshot.start_time) != (session.station_id, session.start_time)
    after = session._replace(
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
        state=state,
        hold_reason=reason,
    )
    is_good = reason in (PENDING, ESTIMATED_END)
    if is_good and session.state is SessionState.COMPLETED and _says_the_same(session, after):
        return after._replace(state=session.state, hold_reason=session.hold_reason)
    return after


def ended(
    session: ChargingSession, energy_wh: int, end_time: datetime, idle_minutes: int, now: datetime
) -> ChargingSession:
    """`session` after a caller's completion."""
    after = session._replace(energy_wh=energy_wh, end_time=end_time, idle_minutes=idle_minutes)
    return held(after, PENDING, now)


def held(session: ChargingSession, reason: str, now: datetime) -> ChargingSession:
    """`session`, ended but not billed."""
    return session._replace(state=SessionState.HELD, hold_reason=reason, update_time=now)


def bound(session: ChargingSession, tariff: Tariff) -> ChargingSession:
    """`session` with the version of a tariff that it will be priced by."""
    return session._replace(tariff_id=tariff.id, tariff_version=tariff.version)


def priced(session: ChargingSession, price: Price) -> ChargingSession:
    """`session` with what it costs so far."""
    return session._replace(cost=price.total, tariff_id=price.tariff_id, tariff_version=price.tariff_version)


def completed(session: ChargingSession, price: Price, invoice_id: str, now: datetime) -> ChargingSession:
    """`session`, ended and billed."""
    return session._replace(
        cost=price.total,
        tariff_id=price.tariff_id,
        tariff_version=price.tariff_version,
        state=SessionState.COMPLETED,
        invoice_id=invoice_id,
        hold_reason="",
        update_time=now,
    )


def unbilled(session: ChargingSession) -> ChargingSession:
    """`session` after its invoice was taken back."""
    return session._replace(invoice_id=None, cost=None)


def check_completable(session: ChargingSession, energy_wh: int, end_time: datetime | None, idle_minutes: int) -> bool:
    """Whether a caller's completion is a repeat of the one that was done. Raises: CHARGING_SESSION_COMPLETED."""
    if session.transaction_id is not None:
        raise failed_precondition(
            "CHARGING_SESSION_COMPLETED", f"session {session.id} is completed by its charge point"
        )
    if session.state is SessionState.ACTIVE:
        return False
    same_end = end_time is None or end_time == session.end_time
    if (energy_wh, idle_minutes) == (session.energy_wh, session.idle_minutes) and same_end:
        return True
    raise failed_precondition(
        "CHARGING_SESSION_COMPLETED", f"session {session.id} has been completed with other values"
    )


def _hold_reason(snapshot: TransactionSnapshot) -> str:
    """Why the bill of an ended session has to wait; empty when it does not."""
    if not snapshot.has_start:
        return NO_START
    if not snapshot.is_accepted:
        return UNAUTHORIZED
    return next((reason for reason in (*_DOUBTS, ESTIMATED_END) if reason in snapshot.flags), "")


def _says_the_same(before: ChargingSession, after: ChargingSession) -> bool:
    return all(getattr(before, name) == getattr(after, name) for name in _BILLED)
