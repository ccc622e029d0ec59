"""The local authorization list: versions, full and differential updates, and what it says about a token."""

from datetime import UTC, datetime, timedelta

import pytest

from simulator.local_list import Entry, LocalList

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD, BAD = Entry("Accepted"), Entry("Blocked")


def held(version: int = 5) -> LocalList:
    found = LocalList(most_entries=3, most_at_once=3)
    assert found.update(version, "Full", [("A", GOOD), ("b", BAD)]) == "Accepted"
    return found


def test_an_empty_list_has_version_0() -> None:
    found = held()
    assert (found.version, len(found)) == (5, 2)
    assert found.update(6, "Full", []) == "Accepted"
    assert (found.version, len(found)) == (0, 0)


def test_changes_add_replace_and_take_away() -> None:
    found = held()
    assert found.update(6, "Differential", [("a", None), ("B", GOOD), ("C", GOOD)]) == "Accepted"
    assert [found.status(token, NOW) for token in ("A", "b", "c")] == [None, "Accepted", "Accepted"]
    assert found.version == 6


@pytest.mark.parametrize(
    ("version", "kind", "entries", "status"),
    [
        (5, "Differential", [("C", GOOD)], "VersionMismatch"),
        (4, "Differential", [], "VersionMismatch"),
        (6, "Full", [("C", None)], "Failed"),
        (6, "Full", [("C", GOOD), ("c", BAD)], "Failed"),
        (0, "Full", [("C", GOOD)], "Failed"),
        (6, "Differential", [("C", GOOD), ("D", GOOD)], "Failed"),
        (6, "Full", [(str(number), GOOD) for number in range(4)], "Failed"),
    ],
)
def test_what_is_not_accepted_changes_nothing(
    version: int, kind: str, entries: list[tuple[str, Entry | None]], status: str
) -> None:
    found = held()
    assert found.update(version, kind, entries) == status
    assert (found.version, found.status("a", NOW), found.status("B", NOW)) == (5, "Accepted", "Blocked")


def test_a_full_list_may_go_back_to_an_earlier_version() -> None:
    found = held(5)
    assert found.update(2, "Full", [("C", GOOD)]) == "Accepted"
    assert (found.version, found.status("A", NOW)) == (2, None)


def test_an_entry_expires() -> None:
    found = LocalList(3, 3)
    found.update(1, "Full", [("A", Entry("Accepted", NOW))])
    assert found.status("A", NOW - timedelta(seconds=1)) == "Accepted"
    assert found.status("A", NOW) == "Expired"
