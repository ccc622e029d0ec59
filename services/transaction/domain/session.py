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
    OCPP_16,
    Authorization,
    EventKind,
    Fact,
    TransactionEvent,
    moment,
    moment_time,
)
from services.transaction.domain.losses import Cause, Loss, loss_before, not_before, with_loss
from services.transaction.domain.metering import StartStop
from services.transaction.domain.ranks import (
    BY_CHARGE_POINT,
    charging_rank,
    is_concluded,
    is_end_of_key,
    stop_rank,
    time_of_stop,
    token_rank,
)
from services.transaction.domain.reading import highest_register
from services.transaction.domain.registers import NO_REGISTERS, Registers

# Flags that follow from the facts; they come and go with what is known. Those about energy are in doubts.py.
ESTIMATED_END = "estimated_end"
STOP_BEFORE_START = "stop_before_start"
UNAUTHORIZED = "unauthorized"
CONCURRENT_TX = "concurrent_tx"
_CONCLUDED = frozenset({*Cause, ESTIMATED_END, STOP_BEFORE_START, UNAUTHORIZED, CONCURRENT_TX, *ENERGY_FLAGS})
# Flags that stay.
SEVERAL_ENDS = "several_ends"
ORPHAN_STOP = "orphan_stop"

_ENDS = frozenset({EventKind.ENDED, EventKind.LOST})
# Why a session stopped whose end was concluded, in the words of OCPP.
CONCLUDED_REASON = "Other"
_REASONS = {Cause.BOOT: "Reboot"}
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

    `losses` are those that were noticed (see losses.py) and still hold; `heard_time` is the latest time of anything
    that its charge point told of it but an end, other than mere readings.

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
    losses: tuple[str, ...] = ()
    heard_time: datetime | None = None
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
        return is_concluded(self.stop_rank) and self.stop_time > time

    def may_be_lost(self, time: datetime) -> bool:
        """Whether nobody has told that it was over, nor has another one taken its place, by `time`."""
        if self.start_time is None or not is_concluded(self.stop_rank):
            return False
        return not self.stop_rank or time_of_stop(self.stop_rank) > time

    @property
    def loss(self) -> Loss | None:
        """The loss by which it is over; None when it runs, or something else says better when it ended."""
        if not self.losses or self.start_time is None or not is_concluded(self.stop_rank):
            return None
        return loss_before(self.losses, time_of_stop(self.stop_rank) if self.stop_rank else None)

    @property
    def last_sign(self) -> datetime:
        """When something was heard of it last, but for mere readings."""
        signs = [self.create_time, self.begin_time, self.heard_time]
        if self.charging_rank:
            signs.append(moment_time(self.charging_rank))
        return max(sign for sign in signs if sign is not None)

    @property
    def last_time(self) -> datetime:
        """The latest time at which something may have happened in it, as far as that is known while it does not run."""
        times = [self.begin_time, self.stop_time, self.loss.last_time if self.loss else None]
        return max(time for time in times if time is not None)

    @property
    def is_ocpp_16(self) -> bool:
        """Whether the platform, not the charge point, gave it its number."""
        return self.protocol == OCPP_16


_VERSIONING = {"revision", "update_time"}
# What the next fact is compared with. It changes often and tells nobody anything.
_BOOKKEEPING = {
    "meter_last_wh",
    "start_rank",
    "token_rank",
    "charging_rank",
    "stop_rank",
    "losses",
    "heard_time",
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
    if event.kind is EventKind.LOST:
        _join_loss(session, fact)
    _join_circumstances(session, fact)
    if event.kind is EventKind.STARTED:
        _join_start(session, fact)
    elif event.kind is EventKind.ENDED:
        _join_end(session, fact)
    if event.kind not in _ENDS and not event.is_of_connector:
        _hear(session, event)
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
        session.stop_time = _last_heard(session, loss, registers.last_time)
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


def time_told(session: Session, kind: EventKind, key: str) -> datetime | None:
    """When the fact with this key, a start or a dated end, was taken to have happened, if it is the one that decided;
    else None. Told again its time may be corrected by another amount."""
    if kind is EventKind.STARTED and session.start_rank[-KEY_TAIL:] == key[-KEY_TAIL:]:
        return moment_time(session.start_rank)
    if kind is EventKind.ENDED and is_end_of_key(session.stop_rank, key):
        return time_of_stop(session.stop_rank)
    return None


def token_time(session: Session) -> datetime | None:
    """When the token of `session` was presented, by the corrected clock; None without one."""
    return moment_time(session.token_rank[1:]) if session.token_rank else None


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
    _conclude(session)


def _join_end(session: Session, fact: Fact) -> None:
    rank, event = stop_rank(fact), fact.event
    if session.stop_rank not in ("", rank) and BY_CHARGE_POINT.issuperset((session.stop_rank[0], rank[0])):
        session.flags = tuple(sorted({*session.flags, SEVERAL_ENDS}))
    if session.stop_rank and session.stop_rank <= rank:
        return
    session.stop_rank = rank
    session.stop_device_time = _other_time(event)
    session.meter_stop_wh = event.meter_wh
    session.stop_reason = event.stop_reason
    if not is_concluded(rank):
        session.losses = ()
    _conclude(session)


def _join_loss(session: Session, fact: Fact) -> None:
    if not is_concluded(session.stop_rank):
        return
    if session.heard_time is not None and session.heard_time > fact.event.device_time:
        return
    session.losses = with_loss(session.losses, fact)
    _conclude(session)


def _hear(session: Session, event: TransactionEvent) -> None:
    """Take in that something was told of the session: a loss that was noticed before does not hold."""
    time = max([event.corrected_time, *(reading.sampled_time for reading in event.readings)])
    if not event.is_mere_reading and (session.heard_time is None or session.heard_time < time):
        session.heard_time = time
    if session.losses and (losses := not_before(session.losses, time)) != session.losses:
        session.losses = losses
        _conclude(session)


def _conclude(session: Session) -> None:
    """State, times and reason of the stop, by the start and the ends that are known of."""
    if not session.start_rank:
        session.state = SessionState.ORPHAN
        session.stop_time = time_of_stop(session.stop_rank) if session.stop_rank else None
        return
    session.start_time, stop_time = _in_order(session)
    loss = session.loss
    if loss is not None:
        stop_time = max(loss.first_time, session.start_time)
    if is_concluded(session.stop_rank):
        session.stop_reason = _REASONS.get(loss.cause, CONCLUDED_REASON) if loss else CONCLUDED_REASON * bool(stop_time)
    session.stop_time = stop_time
    session.state = SessionState.ACTIVE if stop_time is None else SessionState.ENDED


def _last_heard(session: Session, loss: Loss, last_read: datetime | None) -> datetime:
    """When a session ended that was lost: when it was heard of last. Of one that told nothing after its start only
    silence says that this was then."""
    signs = [sign for sign in (session.heard_time, last_read) if sign is not None and sign > session.begin_time]
    if not signs:
        return session.begin_time if loss.cause is Cause.SILENCE else max(loss.first_time, session.begin_time)
    return min(max(signs), loss.last_time)


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
    stop = time_of_stop(session.stop_rank)
    if stop >= start:
        return start, stop
    starts, stops = (start, session.start_device_time), (stop, session.stop_device_time)
    pairs = [(one, other) for one in starts for other in reversed(stops) if one and other and other >= one]
    return pairs[0] if pairs else (start, start)


def _stopped_before_start(session: Session) -> bool:
    return bool(session.start_rank and session.stop_rank) and time_of_stop(session.stop_rank) < session.begin_time


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
