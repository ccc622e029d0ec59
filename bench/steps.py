"""A run as a list of steps: done in order, told to the reader with the time that remains; none can stop the rest."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.book import Book, Row


@dataclass(frozen=True)
class Step:
    """Something to measure. `seconds` is about how long it takes; `run` returns what is worth telling at once."""

    section: str
    row: Row
    seconds: float
    run: Callable[[], str]


def carry_out(steps: Sequence[Step], book: Book, check: Callable[[], None], recover: Callable[[], None]) -> None:
    """Do every step. One that fails is written down, `recover` is called, and the next begins.

    `check` raises when nothing can be measured any more; that ends the run.
    """
    expected, spent, began = sum(step.seconds for step in steps), 0.0, time.monotonic()
    for number, step in enumerate(steps, 1):
        check()
        try:
            said = step.run()
        except Exception as error:  # whatever it is, the other rows can still be measured
            said = f"FAILED: {type(error).__name__}: {error}"
            book.fail(step.section, step.row, said.removeprefix("FAILED: "))
            recover()
        spent += step.seconds
        left = remaining_seconds(expected, spent, time.monotonic() - began)
        name = " ".join((step.section, *step.row))
        tell(f"[{number}/{len(steps)}, {left / 60:.0f} min left] {name}: {said}")


def remaining_seconds(expected: float, spent: float, elapsed: float) -> float:
    """How long the rest takes when it goes on as it went: `spent` of the `expected` seconds took `elapsed`."""
    return (expected - spent) * (elapsed / spent if spent else 1.0)


def tell(line: str) -> None:
    """Tell the reader."""
    print(line, file=sys.stderr, flush=True)
