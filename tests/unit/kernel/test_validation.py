"""services.kernel.validation"""

import pytest

from services.kernel.errors import DomainError, ErrorKind
from services.kernel.validation import Violations, search_text


def _refused(violations: Violations) -> list[tuple[str, str]]:
    with pytest.raises(DomainError) as refused:
        violations.raise_if_any()
    assert (refused.value.kind, refused.value.reason) == (ErrorKind.INVALID_ARGUMENT, "INVALID_FIELD")
    return [(violation.field, violation.description) for violation in refused.value.violations]


def test_every_bad_field_is_named_below_the_prefix() -> None:
    violations = Violations("driver")
    violations.check(False, "email", "is not an e-mail address")
    violations.check(True, "phone", "is not a telephone number")
    violations.number("age", 200, 18, 120)

    assert _refused(violations) == [
        ("driver.email", "is not an e-mail address"),
        ("driver.age", "must be between 18 and 120"),
    ]


def test_without_a_prefix_the_field_stands_alone() -> None:
    violations = Violations()
    violations.add("latitude", "is needed")

    assert _refused(violations) == [("latitude", "is needed")]


def test_nothing_is_raised_without_a_violation() -> None:
    violations = Violations("driver")
    violations.text("name", "a\tb\r\nc", longest=6, shortest=6)
    violations.number("age", 18, 18, 18)
    violations.parsed("length", lambda: int("1"))

    violations.raise_if_any()


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("", "must have 1 to 3 characters"),
        ("abcd", "must have 1 to 3 characters"),
        ("a\0b", "must not contain control characters"),
        ("\x1b", "must not contain control characters"),
    ],
)
def test_texts_are_bounded_and_hold_no_control_characters(text: str, description: str) -> None:
    violations = Violations()
    violations.text("name", text, longest=3, shortest=1)

    assert _refused(violations) == [("name", description)]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -90.001])
def test_numbers_are_bounded(number: float) -> None:
    violations = Violations()
    violations.number("latitude", number, -90, 90)

    assert _refused(violations) == [("latitude", "must be between -90 and 90")]


def test_what_a_parser_complains_of_is_the_description() -> None:
    def parse() -> None:
        raise ValueError("is no time of day")

    violations = Violations()
    violations.parsed("start", parse)

    assert _refused(violations) == [("start", "is no time of day")]


def test_a_text_to_search_for_has_at_most_200_characters() -> None:
    assert search_text("x" * 200) == "x" * 200
    with pytest.raises(DomainError) as refused:
        search_text("x" * 201)

    assert [violation.field for violation in refused.value.violations] == ["text"]
