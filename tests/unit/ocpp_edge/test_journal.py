"""The journal's waiting room keeps the newest frames within its bounds."""

from ocpp_edge.journal import FrameRecord, Journal
from ocpp_edge.versions import Version
from tests.unit.ocpp_edge.harness import NOW


def record(number: int, size: int = 10) -> FrameRecord:
    return FrameRecord("CP1", 1, Version.V16, True, NOW, 2, str(number), "Heartbeat", b"x" * size, None, "")


def ids(records: list[FrameRecord]) -> list[str]:
    return [taken.message_id for taken in records]


def test_records_are_taken_oldest_first() -> None:
    journal = Journal()
    for number in range(5):
        journal.append(record(number))
    assert ids(journal.take(3)) == ["0", "1", "2"]
    assert ids(journal.take(3)) == ["3", "4"]
    assert journal.take(3) == []


def test_records_are_taken_up_to_a_size_but_one_at_least() -> None:
    journal = Journal()
    for number, size in enumerate((40, 50, 20, 200)):
        journal.append(record(number, size))
    assert ids(journal.take(10, 100)) == ["0", "1"]
    assert ids(journal.take(10, 100)) == ["2"]
    assert ids(journal.take(10, 100)) == ["3"]


def test_a_full_journal_forgets_the_oldest_and_counts_them() -> None:
    journal = Journal(max_records=3)
    before = journal.forgotten.value
    for number in range(5):
        journal.append(record(number))
    assert ids(journal.take(10)) == ["2", "3", "4"]
    assert journal.forgotten.value - before == 2


def test_large_frames_are_bounded_by_their_bytes() -> None:
    journal = Journal(max_bytes=100)
    for number in range(5):
        journal.append(record(number, size=40))
    assert ids(journal.take(10)) == ["3", "4"]
    journal.append(record(5, size=100))
    assert ids(journal.take(10)) == ["5"]


def test_a_frame_larger_than_the_journal_is_forgotten_itself() -> None:
    journal = Journal(max_bytes=100)
    journal.append(record(0, size=101))
    assert len(journal) == 0
