"""The report for people: figures in, Markdown out."""

from typing import Any

import pytest

from bench.book import Book
from bench.goals import GOALS, Goal
from bench.markdown import number, table
from bench.plan import EDGE, NAIVE, QUICK, SATURATION
from bench.report import surroundings
from bench.tables import render


def _about() -> dict[str, Any]:
    return {**surroundings(QUICK), "loadBefore": 0.1}


def _book() -> Book:
    book = Book()
    for rate in (19_000.0, 21_000.0, 20_000.0):
        figures = {"rate": rate, "p50": 14.0, "p99": 28.0, "path us": 74.0, "edge us": 45.0, "generator 1 us": 20.0}
        book.add("traffic", ("metervalues", EDGE, SATURATION), figures)
    book.add("traffic", ("metervalues", NAIVE, SATURATION), {"rate": 500.0, "path us": 2_590.0, "naive edge us": 900.0})
    book.add("traffic", ("metervalues", EDGE, "75 %"), {"offered": 15_000, "rate": 15_000, "p99": 101.0})
    return book


def _line(text: str, *beginning: str) -> list[str]:
    lines = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in text.splitlines()]
    return next(line for line in lines if tuple(line[: len(beginning)]) == beginning)


@pytest.mark.parametrize(
    ("value", "reported"),
    [(None, "-"), (0.0, "0"), (1.5, "1.5"), (9.999, "10"), (12.345, "12.3"), (1234.5, "1,234"), (100.0, "100")],
)
def test_figures_have_about_three_digits(value: float | None, reported: str) -> None:
    assert number(value) == reported


def test_a_table_has_a_head_a_rule_and_its_rows() -> None:
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"


def test_saturation_shows_medians_spread_and_the_ratio_to_the_naive_server() -> None:
    cells = _line(render(_book(), _about()), "MeterValues", "edge", "20,000")
    assert cells[3] == "19,000..21,000"
    assert cells[-2:] == ["40", "35"] or cells[-2:] == ["40.0", "35.0"]


def test_the_cpu_of_the_naive_server_is_shown_where_it_was_asked_only() -> None:
    text = render(_book(), _about())
    edge, naive = text.split("way `edge`")[1].split("way `naive`")
    assert "naive edge" not in edge
    assert "naive edge" in naive


def test_a_goal_is_met_missed_or_not_measured() -> None:
    text = render(_book(), _about())
    assert _line(text, "MeterValues at saturation, edge")[-1] == "MISSED"
    assert _line(text, "MeterValues against the naive rate")[-2:] == ["40.0 x", "met"]
    assert _line(text, "p99 at 75 % load, any class and way")[-2:] == ["101 ms", "MISSED"]
    assert _line(text, "All back after an outage, TLS")[-1] == "not measured"


@pytest.mark.parametrize(("value", "verdict"), [(70.0, "met"), (70.1, "MISSED"), (None, "not measured")])
def test_a_limit_may_be_reached_and_not_passed(value: float | None, verdict: str) -> None:
    assert Goal("any", 70, "us", lambda _: value).verdict(Book()) == verdict


def test_no_goal_is_stated_twice() -> None:
    titles = [goal.title for goal in GOALS]
    assert len(set(titles)) == len(titles)


def test_growth_compares_the_most_chargers_with_the_fewest() -> None:
    book = Book()
    for count, us in ((15_000, 90.0), (1_000, 60.0), (5_000, 70.0)):
        book.add("growth", ("metervalues", f"{count} chargers"), {"path us": us})
    text = render(book, _about())
    assert _line(text, "MeterValues, most chargers against fewest")[-2:] == ["1.5 x", "MISSED"]


def test_what_failed_stands_before_everything_else() -> None:
    book = _book()
    book.fail("storm", ("TLS",), "nobody came back")
    text = render(book, _about())
    assert text.index("- storm TLS: nobody came back") < text.index("## Goals")


def test_a_chapter_without_figures_is_left_out() -> None:
    assert "Everybody comes back" not in render(_book(), _about())
