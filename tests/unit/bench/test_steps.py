"""A run goes on after a step that failed, and says how long it will take."""

import pytest

from bench.book import Book
from bench.steps import Step, carry_out, remaining_seconds
from stack.errors import StackError


def _step(name: str, done: list[str], error: Exception | None = None) -> Step:
    def run() -> str:
        done.append(name)
        if error is not None:
            raise error
        return "fine"

    return Step("traffic", (name,), 1.0, run)


def test_a_failed_step_is_written_down_and_the_next_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []
    book, recovered = Book(), []
    steps = [_step("a", done), _step("b", done, ValueError("broken")), _step("c", done)]
    carry_out(steps, book, lambda: None, lambda: recovered.append(len(done)))
    assert done == ["a", "b", "c"]
    assert recovered == [2]
    assert [(each.row, each.reason) for each in book.failures] == [(("b",), "ValueError: broken")]
    reported = capsys.readouterr().err.splitlines()
    assert reported[0].startswith("[1/3, ")
    assert reported[1].endswith("traffic b: FAILED: ValueError: broken")


def test_a_system_that_is_gone_ends_the_run() -> None:
    done: list[str] = []

    def check() -> None:
        if done:
            raise StackError("edge of the measured stack is gone")

    with pytest.raises(StackError):
        carry_out([_step("a", done), _step("b", done)], Book(), check, lambda: None)
    assert done == ["a"]


@pytest.mark.parametrize(
    ("expected", "spent", "elapsed", "left"), [(100.0, 50.0, 100.0, 100.0), (100.0, 0.0, 0.0, 100.0), (60, 60, 30, 0)]
)
def test_what_remains_goes_on_as_it_went(expected: float, spent: float, elapsed: float, left: float) -> None:
    assert remaining_seconds(expected, spent, elapsed) == left
