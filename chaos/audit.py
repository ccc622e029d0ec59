"""The auditor: compares the chargers' books with the databases and the stream, check by check. Changes nothing."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos import books, stored, stream
from chaos.books import Book
from chaos.checks.check import Check
from chaos.checks.events import event_checks
from chaos.checks.facts import doubled_facts, fact_checks, lost_facts
from chaos.checks.lies import Count, doubled_of_liars, lie_checks, lie_counts, lost_of_liars
from chaos.checks.sessions import once, once_in_billing, session_checks
from chaos.stored import Stored
from chaos.stream import Stream
from simulator.ledger import read_ledger, read_truths

# How long an event may wait for its publication when nothing breaks any more.
_PUBLISHED_WITHIN_SECONDS = 30.0
_LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Audit:
    """The book of a run, every check, and what became of the sessions with each lie."""

    book: Book
    checks: Sequence[Check]
    lies: Mapping[str, Count]


def audit(book: Book, kept: Stored, stream: Stream) -> list[Check]:
    """Every check, in the order of the report."""
    return [
        *fact_checks(book, kept),
        *session_checks(book, kept),
        *lie_checks(book, kept),
        *event_checks(kept, stream),
    ]


def lost(book: Book, kept: Stored) -> list[Check]:
    """Only whether everything that was acknowledged is there, whatever else is wrong."""
    return [*lost_facts(book, kept), *lost_of_liars(book, kept)]


def doubled(book: Book, kept: Stored) -> list[Check]:
    """Only whether anything is there more than once, or under two names."""
    checks = [*doubled_facts(book, kept), once(book, kept), once_in_billing(book, kept)]
    return [*checks, *doubled_of_liars(book, kept)]


async def audit_system(ledger: Path, databases: Mapping[str, str], nats_url: str) -> Audit:
    """What a run was and what there is to say of it. Raises psycopg.Error, nats.errors.Error."""
    book, kept = books.read(read_ledger(ledger), read_truths(ledger)), await _all_that_is_stored(databases)
    return Audit(book, audit(book, kept, await stream.read(nats_url)), lie_counts(book, kept))


async def _all_that_is_stored(databases: Mapping[str, str]) -> Stored:
    """Everything, at a moment when no event is on its way: some alerts are raised by the clock, when all is settled."""
    give_up_at = time.monotonic() + _PUBLISHED_WITHIN_SECONDS
    while True:
        kept = await asyncio.to_thread(stored.load, databases)
        if _is_all_published(kept) or time.monotonic() > give_up_at:
            return kept
        await asyncio.sleep(_LOOK_SECONDS)


def _is_all_published(kept: Stored) -> bool:
    return all(event.is_published for each in kept.messaging.values() for event in each.outbox)
