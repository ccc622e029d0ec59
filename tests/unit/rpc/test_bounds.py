"""services.rpc.bounds"""

from typing import Any

import pytest

from services.kernel.errors import DomainError, ErrorKind
from services.rpc.bound_rules import UnknownRule
from services.rpc.bounds import _bounds_of, enforce
from tests.fixtures.library import message


def _create(**shelf: Any) -> Any:
    return message("CreateShelfRequest")(shelf=shelf)


def _update(paths: list[str], **shelf: Any) -> Any:
    return message("UpdateShelfRequest")(shelf=shelf, update_mask={"paths": paths})


def _bad(request: Any) -> list[tuple[str, str]]:
    with pytest.raises(DomainError) as refused:
        enforce(request)
    assert (refused.value.kind, refused.value.reason) == (ErrorKind.INVALID_ARGUMENT, "INVALID_FIELD")
    return [(violation.field, violation.description) for violation in refused.value.violations]


@pytest.mark.parametrize(
    ("field", "good", "bad", "wrong"),
    [
        ("label", ["ab", "\U0001f50c" * 5], ["a", "abcdef"], "must have 2 to 5 characters"),
        ("code", ["AB"], ["A", "ab", "ABC", "AB\n", "ÄB"], "must be two capital letters"),
        ("floor", [-1, 9], [-2, 10], "must be between -1 and 9"),
        ("width_mm", [10, 5_000_000_000], [0, 9, 5_000_000_001], "must be between 10 and 5000000000"),
        ("load", [0.1, 2.4], [-0.1, 2.5, 3.0], "must be more than 0 and less than 2.5"),
        ("count", [1], [-1], "must not be negative"),
        ("picture", [b"123"], [b"1234"], "must have at most 3 bytes"),
        ("tags", [["a", "b", "c"]], [["a"] * 4], "must have at most 3 items"),
        ("notes", [{"a": "b", "c": "d"}], [{"a": "", "b": "", "c": ""}], "must have at most 2 entries"),
    ],
)
def test_a_value_out_of_its_bounds_is_refused_with_what_is_allowed(
    field: str, good: list[Any], bad: list[Any], wrong: str
) -> None:
    name = {"width_mm": "widthMm"}.get(field, field)
    for value in good:
        enforce(_create(**{field: value}))
    for value in bad:
        assert _bad(_create(**{field: value})) == [(f"shelf.{name}", wrong)]


def test_every_field_at_fault_is_named_by_its_path_in_json_wherever_it_is() -> None:
    bad = _bad(
        _create(
            tags=["good", "wrong"],
            notes={"long": "x", "a": "wrong"},
            below=[{}, {"count": -1}],
            beside={"left": {"count": -1}},
            above={"above": {"count": -1}},
            number="1234",
        )
    )

    assert dict(bad) == {
        "shelf.tags[1]": "must have at most 4 characters",
        "shelf.notes[long]": "its key must have at most 3 characters",
        "shelf.notes[a]": "must have at most 4 characters",
        "shelf.below[1].count": "must not be negative",
        "shelf.beside[left].count": "must not be negative",
        "shelf.above.above.count": "must not be negative",
        "shelf.number": "must have at most 3 characters",
    }
    assert len(bad) == 7


def test_what_is_not_said_is_in_no_bounds() -> None:
    enforce(_create())
    enforce(message("CreateShelfRequest")())


def test_what_only_the_server_sets_is_not_looked_at() -> None:
    enforce(_create(maker="far too long"))


def test_of_an_update_only_what_it_changes_is_looked_at() -> None:
    enforce(_update(["label"], label="abc", count=-1))
    enforce(_update([], number="not to be changed"))
    assert _bad(_update([], label="abc", count=-1)) == [("shelf.count", "must not be negative")]
    assert _bad(_update(["*"], count=-1)) == [("shelf.count", "must not be negative")]
    assert _bad(_update(["count"], label="a", count=-1)) == [("shelf.count", "must not be negative")]


def test_a_type_without_bounds_is_not_looked_at() -> None:
    assert _bounds_of(message("CreateBookRequest").DESCRIPTOR) is None


def test_a_rule_that_nothing_enforces_is_no_rule_of_ours() -> None:
    with pytest.raises(UnknownRule, match=r"library\.v1\.UncheckedRequest\.address: nothing enforces email"):
        enforce(message("UncheckedRequest")(address="x"))
