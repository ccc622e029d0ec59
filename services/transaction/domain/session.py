"""Sessions: the fold over the facts about one of them, the same in any order and with any repetition.

A session keeps, beside what it shows, which fact decided each part of it (its ranks). So one more fact can be joined
to it without reading the others again: `join` is commutative, associative and idempotent.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any

from services.kernel.tokens import Token
from services.transaction.domain.doubts import ENERGY_FLAGS
from services.transaction.domain.energy import metered
from services.transaction.domain.fact import (
    KEY_TAIL,
    Authorization,
    EventKind,
    Fact,
    TransactionEvent,
    moment,
    moment_time,
    sequence,
)
from services.transaction.domain.metering import StartStop
from services.transaction.domain.reading import highest_register
from services.transaction.domain.registers import NO_REGISTERS, Registers

# Flags that follow from the facts; they come and go with what is known. Those about energy are in doubts.py.
ESTIMATED_END = "estimated_end"
STOP_BEFORE_START = "stop_before_start"
UNAUTHORIZED = "unauthorized"
CONCURRENT_TX = "concurrent_tx"
_CONCLUDED = frozenset({ESTIMATED_END, STOP_BEFORE_START, UNAUTHORIZED, CONCURRENT_TX, *ENERGY_FLAGS})
# Flags that stay.
SEVERAL_ENDS = "several_ends"
ORPHAN_STOP = "orphan_stop"

# What the rank of an end begins with: told with a time, told without one, concluded.
_TOLD, UNDATED, ESTIMATE = "1", "2", "9"
_BY_CHARGE_POINT = {_TOLD, UNDATED}
# No device that tells times was built before; clocks that say so were never set.
_FIRST_YEAR = 2015
_REFUSED = frozenset({Authorization.BLOCKED, Authorization.EXPIRED, Authorization.INVALID})


class SessionState(StrEnum):
    """Where a session stands."""

    ACTIVE = "ACTIVE"
    ENDED = "ENDED"
    ORPHAN = "ORPHAN"
    MERGED = "MERGED"


@dataclass(slots=True, kw_only=True)
class Session:
    """A charging session. The fields are those of csms.transaction.v1.Transaction, and:

    `begin_time` is the start or, as long as that is not known, the earliest time heard of; `meter_last_wh` the highest
    register in any fact but at the start; `start_key` the key of a start by OCPP 1.6. Of `start_rank`, `token_rank` and
    `stop_rank` the least wins, of `charging_rank` the greatest; empty is none. One that is MERGED has no facts left:
    they turned out to belong to the session `merged_into`.

    Of a start and a stop whose clocks were corrected, `start_device_time` and `stop_device_time` keep what the device
    said: the correction was wrong when it puts the stop before the start.

    Whoever folds facts into a session owns it alone and changes it in place, by `join` and `settle` only: a new object
    for each of the facts of a batch would cost more than all the rest.
    """

    id: str
    transaction_id: str
    charge_point_id: str
    evse_id: int = 0
    connector_id: int = 0
    id_tag: str = ""
    state: SessionState = SessionState.ORPHAN
    begin_time: datetime
    start_time: datetime | None = None
    stop_time: datetime | None = None
    start_device_time: datetime | None = None
    stop_device_time: datetime | None = None
    meter_start_wh: int | None = None
    meter_stop_wh: int | None = None
    meter_last_wh: int | None = None
    energy_wh: int = 0
    energy_doubt: str = ""
    stop_reason: str = ""
    token_type: str = ""
    authorization: Authorization | None = None
    authorization_reason: str = ""
    driver_id: str = ""
    group_id: str = ""
    station_id: str = ""
    protocol: str = ""
    charging_state: str = ""
    offline: bool = False
    flags: tuple[str, ...] = ()
    start_key: str | None = None
    start_rank: str = ""
    token_rank: str = ""
    charging_rank: str = ""
    stop_rank: str = ""
    merged_into: str | None = None
    revision: int = 0
    create_time: datetime
    update_time: datetime

    @property
    def token(self) -> Token:
        """What it was started with, in the form that is compared."""
        return Token(self.id_tag, self.token_type)

    @property
    def is_over(self) -> bool:
        """Whether its energy is to be settled, for which its readings have to be looked at."""
        return self.stop_time is not None

    def outlasts(self, time: datetime) -> bool:
        """Whether nobody has told that it was over by `time`: it runs, or a later end was only concluded."""
        if self.stop_time is None:
            return True
        return self.stop_rank.startswith(ESTIMATE) and self.stop_time > time


_VERSIONING = {"revision", "update_time"}
# What the next fact is compared with. It changes often and tells nobody anything.
_BOOKKEEPING = {
    "meter_last_wh",
    "start_rank",
    "token_rank",
    "charging_rank",
    "stop_rank",
    "start_device_time",
    "stop_device_time",
}
_NAMES = [field.name for field in fields(Session)]

content: Callable[[Session], tuple[Any, ...]] = attrgetter(*(name for name in _NAMES if name not in _VERSIONING))
"""What is stored of a session, without how often and when it changed."""

_shown = attrgetter(*(name for name in _NAMES if name not in _VERSIONING | _BOOKKEEPING | {"energy_wh"}))


def shown(session: Session) -> tuple[Any, ...]:
    """What others are told when it changes. The energy of a running session is not among it: the readings show it."""
    return _shown(session), session.energy_wh if session.stop_time is not None else None


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
            id=fact.session_id,
            transaction_id=fact.transaction_id,
            charge_point_id=event.charge_point_id,
            begin_time=event.corrected_time,
            create_time=event.received_time,
            update_time=event.received_time,
        )
    elif session.state is SessionState.MERGED:
        session.state, session.merged_into = SessionState.ORPHAN, None
    _join_circumstances(session, fact)
    if event.kind is EventKind.STARTED:
        _join_start(session, fact)
    elif event.kind is EventKind.ENDED:
        _join_end(session, fact)
    if event.presents_token:
        _join_token(session, fact)
    if event.charging_state and (rank := _charging_rank(fact)) > session.charging_rank:
        session.charging_rank, session.charging_state = rank, event.charging_state
    return session


def settle(session: Session, registers: Registers = NO_REGISTERS) -> None:
    """Draw from the facts in `session` what follows: its energy, and the flags that are conclusions.

    `registers`, those of all its readings, only count once the session `is_over`.
    """
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


def start_and_stop(session: Session) -> StartStop:
    """What the start and the end of a session told of its energy."""
    return StartStop(
        session.meter_start_wh,
        session.meter_stop_wh,
        _seconds(session.start_time),
        _seconds(session.stop_time),
    )


def stop_rank(fact: Fact) -> str:
    """The rank of an end: the last that the charge point told or, for want of one, the first that it told without a
    time, which are told at any time; else the first that was estimated."""
    if fact.estimated:
        return f"{ESTIMATE}{moment(fact)}"
    if not fact.event.is_dated:
        return f"{UNDATED}{moment(fact)}"
    return f"{_TOLD}{_reversed(f'{sequence(fact)}{moment(fact)}')}"


def time_told(session: Session, kind: EventKind, key: str) -> datetime | None:
    """When the fact with this key, a start or a dated end, was taken to have happened, if it is the one that decided;
    else None. Told again its time may be corrected by another amount."""
    if kind is EventKind.STARTED and session.start_rank[-KEY_TAIL:] == key[-KEY_TAIL:]:
        return moment_time(session.start_rank)
    is_dated_end = kind is EventKind.ENDED and session.stop_rank.startswith(_TOLD)
    if is_dated_end and _reversed(session.stop_rank[-KEY_TAIL:]) == key[-KEY_TAIL:]:
        return _time_of_stop(session.stop_rank)
    return None


def token_rank(fact: Fact) -> str:
    """The rank of a token: the first good one, or the first refused one; that of an end only for want of both."""
    is_end, is_refused = fact.event.kind is EventKind.ENDED, fact.authorization is not Authorization.ACCEPTED
    return f"{2 * is_end + is_refused}{moment(fact)}"


def token_time(session: Session) -> datetime | None:
    """When the token of `session` was presented, by the corrected clock; None without one."""
    return moment_time(session.token_rank[1:]) if session.token_rank else None


def _charging_rank(fact: Fact) -> str:
    return f"{moment(fact)[:16]}{sequence(fact)}{moment(fact)[16:]}"


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


def _join_start(session: Session, fact: Fact) -> None:
    rank, event = moment(fact), fact.event
    if session.start_rank and session.start_rank <= rank:
        return
    session.start_rank = rank
    session.begin_time = event.corrected_time
    session.start_device_time = _other_time(event)
    session.meter_start_wh = event.meter_wh
    session.station_id = event.station_id
    session.offline = event.offline
    session.start_key = fact.key if event.wants_number else None
    session.state = SessionState.ACTIVE if session.stop_time is None else SessionState.ENDED
    session.start_time, session.stop_time = _in_order(session)


def _join_end(session: Session, fact: Fact) -> None:
    rank, event = stop_rank(fact), fact.event
    if session.stop_rank not in ("", rank) and {session.stop_rank[0], rank[0]} <= _BY_CHARGE_POINT:
        session.flags = tuple(sorted({*session.flags, SEVERAL_ENDS}))
    if session.stop_rank and session.stop_rank <= rank:
        return
    session.stop_rank = rank
    session.stop_device_time = _other_time(event)
    session.meter_stop_wh = event.meter_wh
    session.stop_reason = event.stop_reason
    if session.start_time is None:
        session.state, session.stop_time = SessionState.ORPHAN, event.corrected_time
    else:
        session.state = SessionState.ENDED
        session.start_time, session.stop_time = _in_order(session)


def _other_time(event: TransactionEvent) -> datetime | None:
    """What the device says of when an event happened, if we say otherwise and it may be right."""
    is_other = event.device_time != event.corrected_time and event.device_time.year >= _FIRST_YEAR
    return event.device_time if is_other else None


def _in_order(session: Session) -> tuple[datetime, datetime | None]:
    """When a session started and stopped, by what was told of both: no stop lies before its start. By the corrected
    clocks where these agree, else by the devices' own."""
    start = session.begin_time
    if not session.stop_rank:
        return start, None
    stop = _time_of_stop(session.stop_rank)
    if stop >= start:
        return start, stop
    starts, stops = (start, session.start_device_time), (stop, session.stop_device_time)
    pairs = [(one, other) for one in starts for other in reversed(stops) if one and other and other >= one]
    return pairs[0] if pairs else (start, start)


def _stopped_before_start(session: Session) -> bool:
    return bool(session.start_rank and session.stop_rank) and _time_of_stop(session.stop_rank) < session.begin_time


def _time_of_stop(rank: str) -> datetime:
    """The time of the end with this rank."""
    return moment_time(_reversed(rank[9:]) if rank.startswith(_TOLD) else rank[1:])


def _join_token(session: Session, fact: Fact) -> None:
    rank, event = token_rank(fact), fact.event
    if session.token_rank and session.token_rank <= rank:
        return
    session.token_rank, session.authorization = rank, fact.authorization
    session.authorization_reason = fact.authorization_reason
    session.id_tag, session.token_type = event.id_tag, event.token_type
    session.driver_id, session.group_id = event.driver_id, event.group_id


def _conclusions(session: Session) -> Iterable[str]:
    if session.stop_rank.startswith(ESTIMATE):
        yield ESTIMATED_END
    if session.authorization in _REFUSED:
        yield UNAUTHORIZED
    if session.authorization is Authorization.CONCURRENT_TX:
        yield CONCURRENT_TX
    if session.stop_time == session.start_time and _stopped_before_start(session):
        yield STOP_BEFORE_START


def _so_far(session: Session) -> int:
    """The energy by the highest register in any fact, which may be one of the session."""
    first, last = session.meter_start_wh, session.meter_last_wh
    if first is None or last is None or last < 0:
        return 0
    return last - first if last >= first else last


def _seconds(time: datetime | None) -> int | None:
    return None if time is None else int(time.timestamp())


def _greatest(*registers: int | None) -> int | None:
    return max((register for register in registers if register is not None), default=None)


def _reversed(hexadecimal: str) -> str:
    """Orders the other way round, digit by digit."""
    return hexadecimal.translate(_OPPOSITE)


_OPPOSITE = str.maketrans("0123456789abcdef", "fedcba9876543210")
