"""Events and facts of one charge point, short to say, and strategies that make whole transactions of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from services.transaction.domain.fact import Authorization, EventKind, Fact, TransactionEvent, key_of
from services.transaction.domain.losses import Cause
from services.transaction.domain.ranks import ENDED_BY_OPERATOR
from services.transaction.domain.reading import Reading
from services.transaction.domain.registers import Registers, registers_of

T0 = datetime(2031, 5, 1, 12, tzinfo=UTC)
TRANSACTION_ID = "0199f1c2-0000-7000-8000-000000000001"


def minutes(number: float) -> datetime:
    """So many minutes after T0."""
    return T0 + timedelta(minutes=number)


def event(kind: EventKind, at: datetime, **fields: Any) -> TransactionEvent:
    """An event by OCPP 2.0.1 at `at`, received at once, by a charge point with a good clock."""
    usual = {
        "charge_point_id": "CP1",
        "protocol": "ocpp2.0.1",
        "ocpp_transaction_id": "T-1",
        "device_time": at,
        "received_time": at,
        "corrected_time": at,
    }
    return TransactionEvent(kind=kind, **{**usual, **fields})


def started(at: datetime = T0, **fields: Any) -> TransactionEvent:
    """The start of a transaction for an accepted token."""
    return event(
        EventKind.STARTED, at, **{"id_tag": "TAG", "authorization": Authorization.ACCEPTED, "evse_id": 1, **fields}
    )


def updated(at: datetime, **fields: Any) -> TransactionEvent:
    """Something about a transaction."""
    return event(EventKind.UPDATED, at, **fields)


def ended(at: datetime, **fields: Any) -> TransactionEvent:
    """The end of a transaction."""
    return event(EventKind.ENDED, at, **{"stop_reason": "Local", **fields})


def undated(reported: TransactionEvent, stamp: str = "") -> TransactionEvent:
    """The same event without a time that can be true: it happens when it is told."""
    return replace(reported, stamp=stamp, flags=(*reported.flags, "time_unreadable" if stamp else "time_missing"))


def reported_again(reported: TransactionEvent, later: timedelta) -> TransactionEvent:
    """The same words so much later, over another connection."""
    again = replace(reported, received_time=reported.received_time + later, epoch=reported.epoch + 1)
    return again if reported.is_dated else again.reported_at(reported.device_time + later)


def lost(noticed: datetime, cause: Cause = Cause.BOOT, **fields: Any) -> TransactionEvent:
    """That a transaction is lost, as was noticed at a time."""
    return event(EventKind.LOST, noticed, trigger_reason=cause, **fields)


def started_16(at: datetime = T0, **fields: Any) -> TransactionEvent:
    """A start by OCPP 1.6, which has no number yet."""
    usual = {"protocol": "ocpp1.6", "ocpp_transaction_id": "", "connector_id": 1, "evse_id": 0, "meter_wh": 1000}
    return started(at, **{**usual, **fields})


def ended_16(number: str, at: datetime, **fields: Any) -> TransactionEvent:
    """An end by OCPP 1.6."""
    return ended(at, **{"protocol": "ocpp1.6", "ocpp_transaction_id": number, "meter_wh": 6000, **fields})


def reading(at: datetime, energy_wh: int | None = None, context: str = "Sample.Periodic", **fields: Any) -> Reading:
    """A sample."""
    return Reading(sampled_time=at, digest=0, context=context, energy_wh=energy_wh, **fields)


def registers(*reported: tuple[float, int]) -> Registers:
    """Registers, each by minutes after T0."""
    return registers_of([reading(minutes(at), wh) for at, wh in reported])


def placed(reported: TransactionEvent, **fields: Any) -> Fact:
    """The fact that an event becomes."""
    usual = {
        "key": key_of(reported),
        "transaction_id": TRANSACTION_ID,
        "ocpp_transaction_id": "T-1",
        "authorization": reported.authorization,
    }
    return Fact(event=reported, **{**usual, **fields})


_TIMES = st.integers(0, 600).map(lambda number: T0 + timedelta(seconds=10 * number))
_METERS = st.none() | st.integers(0, 50_000)
_TOKENS = st.sampled_from(["", "TAG", "OTHER"])
_DECISIONS = st.sampled_from([None, *Authorization])
_STATES = st.sampled_from(["", "EVConnected", "Charging", "SuspendedEV"])
_FLAGS = st.lists(st.sampled_from(["clock_corrected", "coerced", "time_missing", ENDED_BY_OPERATOR]), max_size=2).map(
    tuple
)


@st.composite
def facts(draw: st.DrawFn) -> Fact:
    """Any fact about the transaction, sensible or not."""
    time, kind = draw(_TIMES), draw(st.sampled_from(EventKind))
    if kind is EventKind.LOST:
        return placed(lost(time, draw(st.sampled_from(Cause)), received_time=draw(_TIMES)), estimated=True)
    reported = event(
        kind,
        time,
        device_time=time if draw(st.booleans()) else draw(_TIMES),
        received_time=draw(_TIMES),
        evse_id=draw(st.integers(0, 2)),
        connector_id=draw(st.integers(0, 2)),
        id_tag=draw(_TOKENS),
        driver_id=draw(st.sampled_from(["", "driver-1", "driver-2"])),
        station_id=draw(st.sampled_from(["", "station-1", "station-2"])),
        tenant_id=draw(st.sampled_from(["default", "acme", "south"])),
        seq_no=draw(st.none() | st.integers(0, 3)),
        offline=draw(st.booleans()),
        charging_state=draw(_STATES),
        stop_reason=draw(st.sampled_from(["", "Local", "PowerLoss"])),
        meter_wh=draw(_METERS),
        readings=tuple(reading(draw(_TIMES), wh) for wh in draw(st.lists(_METERS, max_size=2))),
        flags=draw(_FLAGS),
    )
    estimated = reported.kind is EventKind.ENDED and draw(st.booleans())
    return placed(reported, authorization=draw(_DECISIONS), estimated=estimated)
