"""services.kernel.ids"""

import time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.ids import derived_id, is_id, new_id, request_number

_parts = st.lists(st.text() | st.integers(), max_size=4)


def test_a_new_id_is_a_uuid_version_7() -> None:
    parsed = UUID(new_id())

    assert parsed.version == 7
    assert parsed.variant == "specified in RFC 4122"


def test_a_new_id_carries_the_time_it_was_made_at() -> None:
    before = time.time_ns() // 1_000_000
    stamp = UUID(new_id()).int >> 80
    after = time.time_ns() // 1_000_000

    assert before <= stamp <= after


def test_new_ids_are_all_different() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_ids_made_one_after_the_other_sort_in_that_order(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(1_700_000_000_000_000_000, 1_700_000_000_010_000_000, 1_000))
    monkeypatch.setattr("services.kernel.ids.time.time_ns", lambda: next(ticks))

    made = [new_id() for _ in range(5_000)]

    assert made == sorted(made)


@given(_parts)
def test_a_derived_id_follows_from_its_parts_alone(parts: list[str | int]) -> None:
    derived = derived_id(*parts)

    assert derived == derived_id(*parts)
    assert UUID(derived).version == 8
    assert UUID(derived).variant == "specified in RFC 4122"


def test_a_derived_id_is_the_same_for_ever() -> None:
    assert derived_id("transaction", "CP1", 42) == "7c97f2ac-56dc-823a-b548-2f838dee1352"


@given(_parts, _parts)
def test_other_parts_give_another_id(one: list[str | int], other: list[str | int]) -> None:
    same = [str(part) for part in one] == [str(part) for part in other]

    assert (derived_id(*one) == derived_id(*other)) is same


def test_the_border_between_parts_counts() -> None:
    assert derived_id("ab", "c") != derived_id("a", "bc")


def test_the_number_of_a_command_never_changes() -> None:
    """Stations tell it hours later, to another release."""
    assert request_number("0199f1c2-0000-7000-8000-00000000000c") == 1999556570
    assert 0 <= request_number("") < 2**31


def test_only_the_canonical_form_is_an_id() -> None:
    known = new_id()

    assert is_id(known)
    for other in ("", "x", known.upper(), known.replace("-", ""), f"{{{known}}}", known + "0"):
        assert not is_id(other)
