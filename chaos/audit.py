"""The auditor: compares the chargers' books with the databases and the stream, check by check. Changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos import books, stored, stream
from chaos.books import Book
from chaos.checks.check import Check
from chaos.checks.events import event_checks
from chaos.checks.facts import fact_checks
from chaos.checks.lies import Count, lie_checks, lie_counts
from chaos.checks.sessions import session_checks
from chaos.stored import Stored
from chaos.stream import Stream
from simulator.ledger import read_ledger, read_truths


@dataclass(frozen=True)
class Audit:
    """The book of a run, every check, and what became of the sessions with each lie."""

    book: Book
    checks: Sequence[Check]
    lies: Mapping[str, Count]


def audit(book: Book, kept: Stored, told: Stream) -> list[Check]:
    """Every check, in the order of the report."""
    return [
        *fact_checks(book, kept),
        *session_checks(book, kept),
        *lie_checks(book, kept),
        *event_checks(kept, told),
    ]


async def audit_system(ledger: Path, databases: Mapping[str, str], nats_url: str) -> Audit:
    """What a run was and what there is to say of it. Raises psycopg.Error, nats.errors.Error."""
    book, kept = books.read(read_ledger(ledger), read_truths(ledger)), stored.load(databases)
    return Audit(book, audit(book, kept, await stream.read(nats_url)), lie_counts(book, kept))
