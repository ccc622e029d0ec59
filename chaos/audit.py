"""The auditor: compares the chargers' books with the databases and the stream, check by check. Changes nothing."""

from collections.abc import Mapping
from pathlib import Path

from chaos import books, stored, stream
from chaos.books import Book
from chaos.checks.check import Check
from chaos.checks.events import event_checks
from chaos.checks.facts import fact_checks
from chaos.checks.sessions import session_checks
from chaos.stored import Stored
from chaos.stream import Stream
from simulator.ledger import read_ledger


def audit(book: Book, kept: Stored, told: Stream) -> list[Check]:
    """Every check, in the order of the report."""
    return [*fact_checks(book, kept), *session_checks(book, kept), *event_checks(kept, told)]


async def audit_system(ledger: Path, databases: Mapping[str, str], nats_url: str) -> tuple[Book, list[Check]]:
    """The book of a run and what the audit of it says. Raises psycopg.Error, nats.errors.Error."""
    book = books.read(read_ledger(ledger))
    return book, audit(book, stored.load(databases), await stream.read(nats_url))
