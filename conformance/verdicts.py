"""What can become of a case, and how a case says so."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What became of a case."""

    PASS = "pass"
    FAIL = "fail"
    # It asks for an option that this CSMS does not claim, or that this run could not try.
    NOT_APPLICABLE = "not applicable"
    # It asks for messages that nobody handles yet: never counted as passed.
    TO_COME = "to come"


class Failed(Exception):
    """The CSMS did not do what the case expects."""


class NotApplicable(Exception):
    """The case cannot be tried here; the text says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one case: `reason` says what was expected and seen, or why it was not tried; `frames` are the last
    that passed, of one that failed."""

    id: str
    version: str
    requirement: str
    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0
    frames: list[str] = field(default_factory=list)


def same(what: str, seen: Any, expected: Any) -> None:
    """Raises Failed unless the two are equal."""
    if seen != expected:
        raise Failed(f"{what}: expected {expected!r}, seen {seen!r}")


def one_of(what: str, seen: Any, *expected: Any) -> None:
    """Raises Failed unless `seen` is one of those expected."""
    if seen not in expected:
        raise Failed(f"{what}: expected one of {', '.join(map(repr, expected))}, seen {seen!r}")


def holds(what: str, condition: object, seen: Any = None) -> None:
    """Raises Failed unless the condition is true."""
    if not condition:
        raise Failed(f"expected that {what}, seen {seen!r}")
