"""Figures are kept per run; medians and ratios are made of them, and nothing is made of nothing."""

import pytest

from bench.book import Book, Failure, Summary, ratio

_ROW = ("metervalues", "edge")


def _book(*values: float) -> Book:
    book = Book()
    for value in values:
        book.add("traffic", _ROW, {"rate": value, "p99": None})
    return book


@pytest.mark.parametrize(("values", "median"), [((5.0,), 5.0), ((9.0, 1.0, 5.0), 5.0), ((1.0, 2.0, 3.0, 100.0), 2.5)])
def test_the_median_of_the_runs_is_told(values: tuple[float, ...], median: float) -> None:
    assert _book(*values).median("traffic", _ROW, "rate") == median


def test_least_and_most_are_told_beside_it() -> None:
    assert _book(3.0, 1.0, 2.0).summary("traffic", _ROW, "rate") == Summary(2.0, 1.0, 3.0, 3)


def test_a_figure_that_was_never_measured_is_none() -> None:
    book = _book(1.0)
    assert book.median("traffic", _ROW, "p99") is None
    assert book.median("traffic", ("other",), "rate") is None
    assert book.columns("traffic", _ROW) == ["rate"]


def test_the_document_has_every_run() -> None:
    (row,) = _book(3.0, 1.0).document()
    assert row["row"] == list(_ROW)
    assert row["figures"]["rate"] == {"median": 2.0, "min": 1.0, "max": 3.0, "runs": [3.0, 1.0]}


def test_failures_are_kept_with_their_reason() -> None:
    book = Book()
    book.fail("storm", ("TLS",), "of 10 only 9 came back")
    assert book.failures == [Failure("storm", ("TLS",), "of 10 only 9 came back")]


@pytest.mark.parametrize(
    ("ours", "theirs", "times"), [(300.0, 10.0, 30.0), (None, 10.0, None), (1.0, None, None), (1.0, 0.0, None)]
)
def test_a_ratio_needs_both_sides(ours: float | None, theirs: float | None, times: float | None) -> None:
    assert ratio(ours, theirs) == times
