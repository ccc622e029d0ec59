"""stack.metrics_page"""

from pathlib import Path

import pytest

from stack import metrics_page
from stack.metrics_page import Metric
from stack.protos import GenerationError


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("services", "ocpp_edge"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_a_metric_is_found_where_it_is_made(checkout: Path) -> None:
    (checkout / "services" / "a.py").write_text(
        "from services.process import metrics\n"
        'metrics.counter("a_total", "All.", name=name)\n'
        'metrics.gauge("b", "Be.").read_from(len)\n'
        "metrics.render()\n"
    )
    (checkout / "ocpp_edge" / "c.py").write_text(
        'from services.process.metrics import histogram\nhistogram("c_seconds", "See.", z=z, a=a)\n'
    )
    assert metrics_page.declared(checkout) == [
        Metric("a_total", "counter", ("name",), "All."),
        Metric("b", "gauge", (), "Be."),
        Metric("c_seconds", "histogram", ("a", "z"), "See."),
    ]


def test_a_counter_that_is_not_ours_is_none(checkout: Path) -> None:
    (checkout / "services" / "a.py").write_text('counter("x", "y")\nthings.gauge("x", "y")\n')
    assert metrics_page.declared(checkout) == []


@pytest.mark.parametrize(
    "call", ['counter(name, "All.")', 'counter("a_total")', 'counter("a_total", "All.", **labels)']
)
def test_a_metric_that_cannot_be_read_off_the_code_is_refused(call: str, checkout: Path) -> None:
    (checkout / "services" / "a.py").write_text(f"metrics.{call}\n")
    with pytest.raises(GenerationError, match=r"a\.py:1"):
        metrics_page.declared(checkout)


def test_one_name_with_two_meanings_is_refused(checkout: Path) -> None:
    (checkout / "services" / "a.py").write_text('metrics.gauge("a", "One.")\nmetrics.gauge("a", "Two.")\n')
    with pytest.raises(GenerationError, match="declared in two ways: a"):
        metrics_page.declared(checkout)


def test_a_row_stays_a_row() -> None:
    assert "| `a` | gauge | x, y | One / two. |\n" in metrics_page.page(
        [Metric("a", "gauge", ("x", "y"), "One | two.")]
    )
