"""Batches of events: what must be locked and loaded before one can be recorded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from services.transaction.domain.concurrency import Concurrency, rivals, tokens_that_matter
from services.transaction.domain.fact import EventKind, Fact, TransactionEvent, key_of, transaction_id_of
from services.transaction.domain.ranks import stop_rank
from services.transaction.domain.transaction import Transaction

# A start that comes so late was kept back by the charge point; later ones may be here already.
_LATE = timedelta(minutes=1)


class KeyedEvent(NamedTuple):
    """An event with its key, which takes a while to compute."""

    event: TransactionEvent
    key: str


class StrayEnd(NamedTuple):
    """An end that names no transaction which is known to have begun: what it is found by if it was told before."""

    charge_point_id: str
    rank: str
    key: str
    device_time: datetime
    corrected_time: datetime


class Kept(NamedTuple):
    """The transaction in which a fact is kept since it was told first, and what that is called."""

    transaction_id: str
    ocpp_transaction_id: str


@dataclass(slots=True)
class Needs:
    """Which transactions a batch of events may touch or depend on, and with that what has to be locked."""

    charge_point_ids: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    transaction_ids: set[str] = field(default_factory=set)
    start_keys: set[str] = field(default_factory=set)
    running_at: set[str] = field(default_factory=set)
    around: list[tuple[str, datetime]] = field(default_factory=list)
    before: list[tuple[str, datetime]] = field(default_factory=list)
    silent: list[tuple[str, datetime]] = field(default_factory=list)
    new_numbers: int = 0


def keyed(event: TransactionEvent) -> KeyedEvent:
    """`event` with its key."""
    return KeyedEvent(event, key_of(event))


def needs_of(batch: Iterable[KeyedEvent], rules: Concurrency) -> Needs:
    """What must be locked and loaded before a batch is recorded."""
    needs = Needs()
    for event, key in batch:
        needs.charge_point_ids.add(event.charge_point_id)
        if event.presents_good_token:
            card, group = tokens_that_matter(event, rules)
            needs.tokens.update(filter(None, (card,)))
            needs.groups.update(filter(None, (group,)))
        if not event.names_no_transaction:
            needs.transaction_ids.add(transaction_id_of(event.charge_point_id, event.ocpp_transaction_id))
        if event.wants_number:
            needs.start_keys.add(key)
            needs.new_numbers += 1
            if not event.is_dated:
                needs.silent.append((event.charge_point_id, event.received_time))
        if event.kind is EventKind.STARTED:
            needs.running_at.add(event.charge_point_id)
            if event.offline or event.received_time - event.corrected_time > _LATE:
                needs.around.append((event.charge_point_id, event.corrected_time))
    return needs


def stray_ends(batch: Iterable[KeyedEvent], stored: Iterable[Transaction]) -> list[StrayEnd]:
    """The ends of a batch that name no transaction which is known to have begun."""
    begun = {transaction.id for transaction in stored if transaction.start_time is not None}
    return [
        StrayEnd(event.charge_point_id, stop_rank(unplaced(event, key)), key, event.device_time, event.corrected_time)
        for event, key in batch
        if event.kind is EventKind.ENDED
        if event.names_no_transaction
        or transaction_id_of(event.charge_point_id, event.ocpp_transaction_id) not in begun
    ]


def undated_updates(batch: Iterable[KeyedEvent]) -> list[tuple[str, datetime]]:
    """Transaction and time of each update that its charge point has not dated: it may have been told before."""
    return [
        (transaction_id_of(event.charge_point_id, event.ocpp_transaction_id), event.received_time)
        for event, _ in batch
        if event.kind is EventKind.UPDATED and not event.is_dated
    ]


def questioned(batch: Sequence[KeyedEvent], stored: Iterable[Transaction], rules: Concurrency) -> list[str]:
    """The transactions of which it matters when they were last read: those that may keep tokens of the batch in use,
    and those that their charge points do not know any more."""
    lost = [
        transaction_id_of(event.charge_point_id, event.ocpp_transaction_id)
        for event, _ in batch
        if event.kind is EventKind.LOST
    ]
    return [*lost, *rivals(batch, stored, rules)]


def unplaced(event: TransactionEvent, key: str) -> Fact:
    """The fact that the event will become, as far as its rank goes."""
    return Fact(key=key, transaction_id="", ocpp_transaction_id="", authorization=None, event=event)
