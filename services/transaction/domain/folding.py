"""The fold over the facts about a session, the same in any order and with any repetition.

A session keeps, beside what it shows, which fact decided each part of it (its ranks). So one more fact can be joined
to it without reading the others again: `join` is commutative, associative and idempotent.
"""

from collections.abc import Iterable, Sequence

from services.transaction.domain.doubts import ENERGY_FLAGS
from services.transaction.domain.ends import hear, join_end, join_loss, join_start, last_heard, stopped_before_start
from services.transaction.domain.energy import metered
from services.transaction.domain.fact import Authorization, EventKind, Fact
from services.transaction.domain.losses import Cause
from services.transaction.domain.ranks import charging_rank, is_concluded, token_rank
from services.transaction.domain.reading import highest_register
from services.transaction.domain.registers import NO_REGISTERS, Registers
from services.transaction.domain.session import (
    CONCURRENT_TX,
    ESTIMATED_END,
    STOP_BEFORE_START,
    UNAUTHORIZED,
    Session,
    SessionState,
    start_and_stop,
)

_CONCLUDED = frozenset({*Cause, ESTIMATED_END, STOP_BEFORE_START, UNAUTHORIZED, CONCURRENT_TX, *ENERGY_FLAGS})
_REFUSED = frozenset({Authorization.BLOCKED, Authorization.EXPIRED, Authorization.INVALID})
_ENDS = frozenset({EventKind.ENDED, EventKind.LOST})


def fold(facts: Iterable[Fact], registers: Registers = NO_REGISTERS) -> Session:
    """The session that `facts`, at least one and all of one session, tell of. `registers` are those of its readings."""
    session: Session | None = None
    for fact in facts:
        session = join(session, fact)
    if session is None:
        raise ValueError("a session without facts")
    settle(session, registers)
    return session


def join(session: Session | None, fact: Fact) -> Session:
    """Take one more fact into `session`, which is still to be settled then. A first fact makes a session."""
    event = fact.event
    if session is None:
        session = Session(
            id=fact.transaction_id,
            ocpp_transaction_id=fact.ocpp_transaction_id,
            charge_point_id=event.charge_point_id,
            begin_time=event.corrected_time,
            create_time=event.received_time,
            update_time=event.received_time,
        )
    elif session.state is SessionState.MERGED:
        session.state, session.merged_into = SessionState.ORPHAN, None
    if event.kind is EventKind.LOST:
        join_loss(session, fact)
    _join_circumstances(session, fact)
    if event.kind is EventKind.STARTED:
        join_start(session, fact)
    elif event.kind is EventKind.ENDED:
        join_end(session, fact)
    if event.kind not in _ENDS and not event.is_of_connector:
        hear(session, event)
    if event.presents_token:
        _join_token(session, fact)
    if event.charging_state and (rank := charging_rank(fact)) > session.charging_rank:
        session.charging_rank, session.charging_state = rank, event.charging_state
    return session


def settle(session: Session, registers: Registers = NO_REGISTERS) -> None:
    """Draw from the facts in `session` what follows: its energy, and the flags that are conclusions.

    `registers`, those of all its readings, only count once the session `is_over`.
    """
    if (loss := session.loss) is not None:
        session.stop_time = last_heard(session, loss, registers.last_time)
    doubts: Sequence[str] = ()
    if session.is_over:
        session.energy_wh, doubts, session.energy_doubt = metered(start_and_stop(session), registers)
        if session.start_time is None:
            # More of it is to come.
            doubts, session.energy_doubt = (), ""
    else:
        # What it comes to while it runs is shown by its readings; this is for those who do not ask for them.
        session.energy_wh, session.energy_doubt = _so_far(session), ""
    flags = [flag for flag in session.flags if flag not in _CONCLUDED]
    session.flags = tuple(sorted([*flags, *_conclusions(session), *doubts]))


def _join_circumstances(session: Session, fact: Fact) -> None:
    """What every fact adds to: the greater value stays, and flags gather."""
    event = fact.event
    session.protocol = max(session.protocol, event.protocol)
    # Mere readings of a session that runs are no facts at all, so they must not count when they come as such.
    if not event.is_mere_reading:
        session.evse_id = max(session.evse_id, event.evse_id)
        session.connector_id = max(session.connector_id, event.connector_id)
        told_wh = None if event.kind is EventKind.STARTED else event.meter_wh
        session.meter_last_wh = _greatest(session.meter_last_wh, told_wh, highest_register(event.readings))
    if event.flags:
        session.flags = tuple(sorted({*session.flags, *event.flags}))
    session.create_time = min(session.create_time, event.received_time)
    if not session.start_rank:
        session.begin_time = min(session.begin_time, event.corrected_time)
        session.station_id = max(session.station_id, event.station_id)


def _join_token(session: Session, fact: Fact) -> None:
    rank, event = token_rank(fact), fact.event
    if session.token_rank and session.token_rank <= rank:
        return
    session.token_rank, session.authorization = rank, fact.authorization
    session.authorization_reason = fact.authorization_reason
    session.id_tag, session.token_type = event.id_tag, event.token_type
    session.driver_id, session.group_id = event.driver_id, event.group_id


def _conclusions(session: Session) -> Iterable[str]:
    if session.stop_time is not None and is_concluded(session.stop_rank):
        yield ESTIMATED_END
        if session.loss is not None:
            yield session.loss.cause
    if session.authorization in _REFUSED:
        yield UNAUTHORIZED
    if session.authorization is Authorization.CONCURRENT_TX:
        yield CONCURRENT_TX
    if session.stop_time == session.start_time and stopped_before_start(session):
        yield STOP_BEFORE_START


def _so_far(session: Session) -> int:
    """The energy by the highest register in any fact, which may be one of the session."""
    first, last = session.meter_start_wh, session.meter_last_wh
    if first is None or last is None or last < 0:
        return 0
    return last - first if last >= first else last


def _greatest(*registers: int | None) -> int | None:
    return max((register for register in registers if register is not None), default=None)
