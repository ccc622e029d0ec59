"""When sessions start and stop: by what their charge points told, by what was decided, and by what was concluded."""

from datetime import datetime

from services.transaction.domain.fact import Fact, TransactionEvent, moment
from services.transaction.domain.losses import Cause, Loss, not_before, with_loss
from services.transaction.domain.ranks import BY_CHARGE_POINT, is_concluded, stop_rank, time_of_stop
from services.transaction.domain.session import CONCLUDED_REASON, SEVERAL_ENDS, Session, SessionState

_REASONS = {Cause.BOOT: "Reboot"}
# No device that tells times was built before; clocks that say so were never set.
_FIRST_YEAR = 2015


def join_start(session: Session, fact: Fact) -> None:
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


def join_end(session: Session, fact: Fact) -> None:
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


def join_loss(session: Session, fact: Fact) -> None:
    if not is_concluded(session.stop_rank):
        return
    if session.heard_time is not None and session.heard_time > fact.event.device_time:
        return
    session.losses = with_loss(session.losses, fact)
    _conclude(session)


def hear(session: Session, event: TransactionEvent) -> None:
    """Take in that something was told of the session: a loss that was noticed before does not hold."""
    time = max([event.corrected_time, *(reading.sampled_time for reading in event.readings)])
    if not event.is_mere_reading and (session.heard_time is None or session.heard_time < time):
        session.heard_time = time
    if session.losses and (losses := not_before(session.losses, time)) != session.losses:
        session.losses = losses
        _conclude(session)


def last_heard(session: Session, loss: Loss, last_read: datetime | None) -> datetime:
    """When a session ended that was lost: when it was heard of last. Of one that told nothing after its start only
    silence says that this was then."""
    signs = [sign for sign in (session.heard_time, last_read) if sign is not None and sign > session.begin_time]
    if not signs:
        return session.begin_time if loss.cause is Cause.SILENCE else max(loss.first_time, session.begin_time)
    return min(max(signs), loss.last_time)


def stopped_before_start(session: Session) -> bool:
    return bool(session.start_rank and session.stop_rank) and time_of_stop(session.stop_rank) < session.begin_time


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


def _in_order(session: Session) -> tuple[datetime, datetime | None]:
    """When a session started and stopped, by what was told of both: no stop lies before its start, and none in the
    future.

    By the corrected clocks where these agree. Where both were corrected and do not, the stop was moved by more, because
    it waited less: the start is moved by as much. Where one alone was corrected, what its device says is right.
    """
    start = session.begin_time
    if not session.stop_rank:
        return start, None
    stop = time_of_stop(session.stop_rank)
    if stop >= start:
        return start, stop
    own_start, own_stop = session.start_device_time, session.stop_device_time
    if own_start is not None and own_stop is not None:
        return (stop - (own_stop - own_start), stop) if own_start <= own_stop else (start, start)
    if own_stop is not None and own_stop >= start:
        return start, own_stop
    if own_start is not None and own_start <= stop:
        return own_start, stop
    return start, start


def _other_time(event: TransactionEvent) -> datetime | None:
    """What the device says of when an event happened, if we say otherwise and it may be right."""
    is_other = event.device_time != event.corrected_time and event.device_time.year >= _FIRST_YEAR
    return event.device_time if is_other else None
