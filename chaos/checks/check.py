"""One check: what it looked at, and what it found wrong."""

from collections.abc import Iterable
from dataclasses import dataclass

_SHOWN = 10


@dataclass(frozen=True)
class Check:
    """The outcome of one check. `examples` are the first few failures, each in one line for people."""

    subject: str
    claim: str
    checked: int
    failed: int
    examples: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        return not self.failed


def check(subject: str, claim: str, checked: int, failures: Iterable[str]) -> Check:
    """A check of `checked` things with its failures."""
    found = list(failures)
    return Check(subject, claim, checked, len(found), tuple(found[:_SHOWN]))
