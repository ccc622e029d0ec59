"""What was told before: the same start, end or update, told again because its answer was lost.

A charge point repeats what was not answered before it tells anything else. What has a time is known again by its key.
What has none is a repetition when the same words were told of what is open still. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from services.transaction.domain.batch import Told, told
from services.transaction.domain.fact import KEY_TAIL, EventKind, TransactionEvent, moment_time
from services.transaction.domain.losses import Cause
from services.transaction.domain.places import same_place
from services.transaction.domain.ranks import UNDATED
from services.transaction.domain.session import Session, SessionState, time_told

# A start without a date that comes again later is another one, also where nothing was told in between.
_REPEATED_WITHIN = timedelta(hours=24)


class FirstTold(NamedTuple):
    """When something was told first, and its key or the end of that."""

    time: datetime
    key: str


def as_first_told(item: Told, named: Session | None, here: Iterable[Session], updates: Sequence[FirstTold]) -> Told:
    """The event as it was told when it was told first; itself when it was not told before.

    `named` is the session that it names or, a start by OCPP 1.6, has begun before; `here` are the sessions of its
    charge point, and `updates` what was told of the session of late.
    """
    event, key = item
    if event.is_dated:
        time = None if named is None else time_told(named, event.kind, key)
        if time is None or time == event.corrected_time:
            return item
        # The clock is known to be off by another amount by now.
        return Told(replace(event, corrected_time=time, flags=()), key)
    for time, tail in _first_tellings(event, named, here, updates):
        first = told(event.told_at(time))
        if first.key.endswith(tail):
            return first
    return item


def _first_tellings(
    event: TransactionEvent, named: Session | None, here: Iterable[Session], updates: Sequence[FirstTold]
) -> Iterable[FirstTold]:
    """When the same may have been told before, and the end of the key that it had then."""
    if event.wants_number:
        return _open_starts(event, here)
    if event.names_no_session:
        return _last_ends(list(here))
    if event.kind is EventKind.UPDATED or named is None:
        return updates
    if event.kind is EventKind.STARTED:
        return [FirstTold(moment_time(named.start_rank), named.start_rank[-KEY_TAIL:])] if named.start_rank else ()
    return [_undated_end(named)] if _has_undated_end(named) else ()


def _open_starts(event: TransactionEvent, here: Iterable[Session]) -> Iterator[FirstTold]:
    """The starts of the sessions that run, or of which nobody knows but that they are silent: neither an end nor
    another start has come between."""
    for session in here:
        is_open = session.state is SessionState.ACTIVE or _is_silent(session)
        is_recent = timedelta() <= event.received_time - session.begin_time < _REPEATED_WITHIN
        if is_open and is_recent and session.start_key is not None:
            yield FirstTold(session.begin_time, session.start_rank[-KEY_TAIL:])


def _is_silent(session: Session) -> bool:
    return not session.stop_rank and session.loss is not None and session.loss.cause is Cause.SILENCE


def _last_ends(here: Sequence[Session]) -> Iterator[FirstTold]:
    """The ends without a date after which nothing has begun where they were."""
    for session in here:
        if _has_undated_end(session) and not any(_came_after(other, session) for other in here):
            yield _undated_end(session)


def _came_after(other: Session, ended: Session) -> bool:
    is_there = not (ended.connector_id or ended.evse_id) or same_place(other, ended)
    return is_there and other.begin_time > moment_time(ended.stop_rank[1:])


def _has_undated_end(session: Session) -> bool:
    return session.stop_rank.startswith(UNDATED)


def _undated_end(session: Session) -> FirstTold:
    return FirstTold(moment_time(session.stop_rank[1:]), session.stop_rank[-KEY_TAIL:])
