"""When batches of the journal are worth sorting."""

from datetime import UTC, datetime

from services.transaction.domain.journal_batch import Backlog, JournalBatch

_NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _batch(exchanges: int, *charge_points: str) -> JournalBatch:
    return JournalBatch("", "", _NOW, _NOW, exchanges, charge_points, (1,) * len(charge_points), b"")


def _batches_until_due(exchanges: int, charge_points: int) -> int:
    backlog, count = Backlog(), 0
    names = [f"CP{number}" for number in range(charge_points)]
    while not backlog.is_due:
        backlog.add(_batch(exchanges, *names))
        count += 1
    return count


def test_a_few_busy_charge_points_are_sorted_soon() -> None:
    assert _batches_until_due(exchanges=100, charge_points=10) == 41


def test_many_wait_until_there_is_something_of_each() -> None:
    assert _batches_until_due(exchanges=100, charge_points=200) == 128


def test_memory_bounds_what_waits() -> None:
    assert _batches_until_due(exchanges=1000, charge_points=10_000) == 33


def test_lists_bound_how_many_batches_wait() -> None:
    assert _batches_until_due(exchanges=1, charge_points=1000) == 4096
