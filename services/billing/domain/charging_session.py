"""Charging sessions as a commercial fact: who charged where, how much, at what cost, and where that stands.

How they follow what charge points tell is in following.py, what persons decide about them in decision.py.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from services.billing.domain.pricing import FIRST_YEAR, Price
from services.billing.domain.remarks import EVENLY_SPREAD, NO_REMARKS, Facts, Remarks
from services.billing.domain.tariff import Tariff
from services.kernel.errors import failed_precondition
from services.kernel.identity import identity_of
from services.kernel.ids import is_id
from services.kernel.money import Money
from services.kernel.tenancy import DEFAULT_TENANT
from services.kernel.validation import Violations

# Callers' clocks may be ahead of ours by as much.
CLOCK_SKEW = timedelta(minutes=1)

# What a session waits for: PENDING ones are billed in a moment, NO_TARIFF ones as soon as a tariff applies, those with
# an ESTIMATED_END when no better one was told for END_PATIENCE. Sessions that are billed may wait for the same, and
# keep their bill meanwhile; what else may change it is a CORRECTION, which waits for a person.
PENDING = "pending"
NO_TARIFF = "no_tariff"
ESTIMATED_END = "estimated_end"
CORRECTION = "correction"
# An end was concluded from a later session while the charge point still has to tell the true one. When it is back after
# an outage, it does within minutes; each event until then would make another bill. Usually it has so long for that.
END_PATIENCE = timedelta(minutes=10)


class SessionState(StrEnum):
    """Where a session stands."""

    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    HELD = "HELD"
    WRITTEN_OFF = "WRITTEN_OFF"


class ChargingSession(NamedTuple):
    """Who charged where, how much, at what cost. `revision` is that of the newest transaction snapshot it took in.

    `hold_reason` is what it waits for, held or not. While it is PENDING nothing of it changes but with its update time.
    (A named tuple, like the snapshots that it follows: they are made and changed a dozen times for each bill, which
    costs a frozen dataclass five times as much.)
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
    tenant_id: str = DEFAULT_TENANT
    state: SessionState = SessionState.ACTIVE
    cost: Money | None = None
    remarks: Remarks = NO_REMARKS

    @property
    def facts(self) -> Facts:
        """What its bill is made of."""
        return Facts(*(getattr(self, name) for name in Facts._fields))

    @property
    def etag(self) -> str:
        """What tells this version of it from others."""
        return f"{self.revision}-{int(self.update_time.timestamp() * 1_000_000):x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingSessionFilter:
    """Which sessions a list holds; an empty or None field does not narrow it.

    With `update_time_from` the list runs in the order of change, otherwise the latest started comes first.
    """

    driver_id: str = ""
    station_id: str = ""
    charge_point_id: str = ""
    state: SessionState | None = None
    transaction_id: str = ""
    start_time_from: datetime | None = None
    start_time_to: datetime | None = None
    update_time_from: datetime | None = None
    hold_reason: str = ""
    has_correction: bool = False


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


def ended(
    session: ChargingSession, energy_wh: int, end_time: datetime, idle_minutes: int, now: datetime
) -> ChargingSession:
    """`session` after a caller's completion."""
    after = session._replace(energy_wh=energy_wh, end_time=end_time, idle_minutes=idle_minutes)
    return held(after, PENDING, now)


def held(session: ChargingSession, reason: str, now: datetime) -> ChargingSession:
    """`session`, ended but not billed."""
    return session._replace(state=SessionState.HELD, hold_reason=reason, update_time=now)


def adopted(session: ChargingSession, facts: Facts, **fields: Any) -> ChargingSession:
    """`session` by other facts, and with other `fields`.

    The tariff is that of a place and a time: when either changes it has to be found anew.
    """
    is_elsewhere = (facts.station_id, facts.start_time) != (session.station_id, session.start_time)
    return session._replace(
        station_id=facts.station_id,
        charge_point_id=facts.charge_point_id,
        connector_id=facts.connector_id,
        driver_id=facts.driver_id,
        id_tag=facts.id_tag,
        start_time=facts.start_time,
        end_time=facts.end_time,
        energy_wh=facts.energy_wh,
        tariff_id=None if is_elsewhere else session.tariff_id,
        tariff_version=0 if is_elsewhere else session.tariff_version,
        **fields,
    )


def billable(session: ChargingSession) -> ChargingSession:
    """`session` as its next bill is to say."""
    due = session.remarks.due
    if due is None:
        return session
    after = adopted(session, due.facts, remarks=replace(session.remarks, due=None))
    if due.tariff_id is not None:
        after = after._replace(tariff_id=due.tariff_id, tariff_version=due.tariff_version)
    return after


def bound(session: ChargingSession, tariff: Tariff) -> ChargingSession:
    """`session` with the version of a tariff that it will be priced by."""
    return session._replace(tariff_id=tariff.id, tariff_version=tariff.version)


def priced(session: ChargingSession, price: Price) -> ChargingSession:
    """`session` with what it costs so far."""
    return session._replace(
        cost=price.total,
        tariff_id=price.tariff_id,
        tariff_version=price.tariff_version,
        idle_minutes=price.idle_minutes,
        remarks=_flagged(session.remarks, price),
    )


def completed(session: ChargingSession, price: Price, invoice_id: str, now: datetime) -> ChargingSession:
    """`session`, ended and billed."""
    after = session._replace(
        cost=price.total,
        tariff_id=price.tariff_id,
        tariff_version=price.tariff_version,
        idle_minutes=price.idle_minutes,
        state=SessionState.COMPLETED,
        invoice_id=invoice_id,
        hold_reason="",
        update_time=now,
    )
    remarks = _flagged(session.remarks, price)
    if remarks is NO_REMARKS:
        return after
    waits = "" if remarks.correction is None else CORRECTION
    return after._replace(hold_reason=waits, remarks=replace(remarks, hold_detail=""))


def unbilled(session: ChargingSession) -> ChargingSession:
    """`session` after its bill was taken back."""
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


def idle_minutes_decided(session: ChargingSession) -> int | None:
    """How long the vehicle idled where that is no matter of what was read and told: by a person's decision, or as the
    caller said who completed a session that did not come by OCPP."""
    decision = session.remarks.decision
    if decision is not None and decision.idle_minutes is not None:
        return decision.idle_minutes
    return session.idle_minutes if session.transaction_id is None else None


def _flagged(remarks: Remarks, price: Price) -> Remarks:
    flags = (EVENLY_SPREAD,) if price.is_evenly_spread else ()
    return remarks if flags == remarks.flags else replace(remarks, flags=flags)
