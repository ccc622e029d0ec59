"""Charging sessions as a commercial fact: what follows from what charge points told, and from what callers entered."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.billing.domain.pricing import Price
from services.billing.domain.tariff import Tariff
from services.kernel.errors import failed_precondition
from services.kernel.money import Money

UNAUTHORIZED = "unauthorized"
NO_START = "no_start"
NO_TARIFF = "no_tariff"
PAID_BEFORE_CORRECTION = "paid_before_correction"


class SessionState(StrEnum):
    """Where a session stands."""

    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    HELD = "HELD"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingSession:
    """Who charged where, how much, at what cost. `revision` is that of the newest transaction snapshot it took in."""

    id: str
    transaction_id: str | None = None
    station_id: str | None = None
    charge_point_id: str = ""
    connector_id: int = 0
    driver_id: str | None = None
    id_tag: str = ""
    state: SessionState = SessionState.ACTIVE
    start_time: datetime
    end_time: datetime | None = None
    energy_wh: int = 0
    idle_minutes: int = 0
    cost: Money | None = None
    tariff_id: str | None = None
    tariff_version: int = 0
    invoice_id: str | None = None
    hold_reason: str = ""
    revision: int = 0
    create_time: datetime
    update_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingSessionFilter:
    """Which sessions a list holds; an empty or None field does not narrow it."""

    driver_id: str = ""
    station_id: str = ""
    state: SessionState | None = None
    transaction_id: str = ""
    start_time_from: datetime | None = None
    start_time_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionSnapshot:
    """What the transaction service tells of a session, as far as billing cares."""

    id: str
    charge_point_id: str
    connector_id: int
    station_id: str | None
    driver_id: str | None
    id_tag: str
    is_accepted: bool
    is_ended: bool
    has_start: bool
    start_time: datetime | None
    stop_time: datetime | None
    energy_wh: int
    revision: int


def followed(session: ChargingSession, snapshot: TransactionSnapshot, now: datetime) -> ChargingSession:
    """`session` after a newer snapshot; itself after one that is no newer."""
    if snapshot.revision <= session.revision:
        return session
    return replace(
        session,
        station_id=snapshot.station_id or session.station_id,
        charge_point_id=snapshot.charge_point_id,
        connector_id=snapshot.connector_id,
        driver_id=snapshot.driver_id or session.driver_id,
        id_tag=snapshot.id_tag or session.id_tag,
        start_time=snapshot.start_time or session.start_time,
        end_time=snapshot.stop_time if snapshot.is_ended else None,
        energy_wh=max(0, snapshot.energy_wh),
        revision=snapshot.revision,
        update_time=now,
    )


def hold_reason(snapshot: TransactionSnapshot) -> str:
    """Why the bill of an ended session has to wait for a person; empty when it does not."""
    if not snapshot.has_start:
        return NO_START
    return "" if snapshot.is_accepted else UNAUTHORIZED


def held(session: ChargingSession, reason: str) -> ChargingSession:
    """`session`, ended but not billed."""
    return replace(session, state=SessionState.HELD, hold_reason=reason)


def bound(session: ChargingSession, tariff: Tariff) -> ChargingSession:
    """`session` with the version of a tariff that it will be priced by."""
    return replace(session, tariff_id=tariff.id, tariff_version=tariff.version)


def priced(session: ChargingSession, price: Price) -> ChargingSession:
    """`session` with what it costs so far."""
    return replace(session, cost=price.total, tariff_id=price.tariff_id, tariff_version=price.tariff_version)


def completed(session: ChargingSession, price: Price, invoice_id: str) -> ChargingSession:
    """`session`, ended and billed."""
    return replace(priced(session, price), state=SessionState.COMPLETED, invoice_id=invoice_id, hold_reason="")


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
