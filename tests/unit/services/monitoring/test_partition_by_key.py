"""Rounds: many things at once, in the order of each."""

from hypothesis import given
from hypothesis import strategies as st

from services.monitoring.application.partition_by_key import partition_by_key


@given(st.lists(st.tuples(st.integers(0, 3), st.integers())))
def test_a_round_has_a_key_once_and_each_key_keeps_its_order(items: list[tuple[int, int]]) -> None:
    found = partition_by_key(items, lambda item: item[0])
    for batch in found:
        assert len({key for key, _ in batch}) == len(batch)
    for key in range(4):
        assert [item for batch in found for item in batch if item[0] == key] == [
            item for item in items if item[0] == key
        ]
    assert sum(map(len, found)) == len(items)


def test_there_are_as_few_rounds_as_the_busiest_key_needs() -> None:
    assert [len(batch) for batch in partition_by_key("aabac", lambda letter: letter)] == [3, 1, 1]
