"""What was told before: the same start, end or update, told again because its answer was lost.

A charge point repeats what was not answered before it tells anything else. What has a time is known again by its key.
What has none is a repetition when the same words were told of what is open still. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from services.transaction.domain.batch import KeyedEvent, keyed
from services.transaction.domain.fact import KEY_TAIL, EventKind, TransactionEvent, moment_time
from services.transaction.domain.losses import Cause
from services.transaction.domain.places import same_place
from services.transaction.domain.ranks import UNDATED
from services.transaction.domain.transaction import Transaction, TransactionState, reported_time

# A start without a date that comes again later is another one, also where nothing was told in between.
_REPEATED_WITHIN = timedelta(hours=24)


class FirstReport(NamedTuple):
    """When something was told first, and its key or the end of that."""

    time: datetime
    key: str


def as_first_reported(
    item: KeyedEvent, named: Transaction | None, here: Iterable[Transaction], updates: Sequence[FirstReport]
) -> KeyedEvent:
    """The event as it was told when it was told first; itself when it was not told before.

    `named` is the transaction that it names or, a start by OCPP 1.6, has begun before; `here` are the transactions of
    its charge point, and `updates` what was told of the transaction of late.
    """
    event, key = item
    if event.is_dated:
        time = None if named is None else reported_time(named, event.kind, key)
        if time is None or time == event.corrected_time:
            return item
        # The clock is known to be off by another amount by now.
        return KeyedEvent(replace(event, corrected_time=time, flags=()), key)
    for time, tail in _first_tellings(event, named, here, updates):
        first = keyed(event.reported_at(time))
        if first.key.endswith(tail):
            return first
    return item


def _first_tellings(
    event: TransactionEvent, named: Transaction | None, here: Iterable[Transaction], updates: Sequence[FirstReport]
) -> Iterable[FirstReport]:
    """When the same may have been told before, and the end of the key that it had then."""
    if event.wants_number:
        return _open_starts(event, here)
    if event.names_no_transaction:
        return _last_ends(list(here))
    if event.kind is EventKind.UPDATED or named is None:
        return updates
    if event.kind is EventKind.STARTED:
        return [FirstReport(moment_time(named.start_rank), named.start_rank[-KEY_TAIL:])] if named.start_rank else ()
    return [_undated_end(named)] if _has_undated_end(named) else ()


def _open_starts(event: TransactionEvent, here: Iterable[Transaction]) -> Iterator[FirstReport]:
    """The starts of the transactions that run, or of which nobody knows but that they are silent: neither an end nor
    another start has come between."""
    for transaction in here:
        is_open = transaction.state is TransactionState.ACTIVE or _is_silent(transaction)
        is_recent = timedelta() <= event.received_time - transaction.begin_time < _REPEATED_WITHIN
        if is_open and is_recent and transaction.start_key is not None:
            yield FirstReport(transaction.begin_time, transaction.start_rank[-KEY_TAIL:])


def _is_silent(transaction: Transaction) -> bool:
    return not transaction.stop_rank and transaction.loss is not None and transaction.loss.cause is Cause.SILENCE


def _last_ends(here: Sequence[Transaction]) -> Iterator[FirstReport]:
    """The ends without a date after which nothing has begun where they were."""
    for transaction in here:
        if _has_undated_end(transaction) and not any(_came_after(other, transaction) for other in here):
            yield _undated_end(transaction)


def _came_after(other: Transaction, ended: Transaction) -> bool:
    is_there = not (ended.connector_id or ended.evse_id) or same_place(other, ended)
    return is_there and other.begin_time > moment_time(ended.stop_rank[1:])


def _has_undated_end(transaction: Transaction) -> bool:
    return transaction.stop_rank.startswith(UNDATED)


def _undated_end(transaction: Transaction) -> FirstReport:
    return FirstReport(moment_time(transaction.stop_rank[1:]), transaction.stop_rank[-KEY_TAIL:])
