"""services.process.metrics"""

from contextvars import copy_context

import pytest

from services.process import metrics
from services.process.prometheus import render
from services.process.service_name import set_service_name


def _lines(name: str) -> list[str]:
    return [line for line in render().splitlines() if name in line]


def test_a_counter_is_the_same_one_whenever_it_is_asked_for() -> None:
    metrics.counter("tested_calls_total", "Calls.", method="a", code="OK").add()
    metrics.counter("tested_calls_total", "Calls.", code="OK", method="a").add(2)
    metrics.counter("tested_calls_total", "Calls.", method="b", code="OK").add()

    assert _lines("tested_calls_total") == [
        "# HELP tested_calls_total Calls.",
        "# TYPE tested_calls_total counter",
        'tested_calls_total{code="OK",method="a"} 3.0',
        'tested_calls_total{code="OK",method="b"} 1.0',
    ]


def test_a_gauge_is_set_or_asked() -> None:
    waiting = ["a", "b"]
    metrics.gauge("tested_level", "Level.").set(1.5)
    metrics.gauge("tested_waiting", "Waiting.").read_from(lambda: len(waiting))

    assert "tested_level 1.5" in _lines("tested_level")
    waiting.append("c")
    assert "tested_waiting 3.0" in _lines("tested_waiting")


def test_a_histogram_counts_what_fell_below_each_bound() -> None:
    seconds = metrics.histogram("tested_seconds", "Time.", method="a")
    for value in (0.001, 0.002, 0.3, 60):
        seconds.observe(value)

    lines = _lines("tested_seconds")
    assert 'tested_seconds_bucket{le="0.001",method="a"} 1.0' in lines
    assert 'tested_seconds_bucket{le="0.0025",method="a"} 2.0' in lines
    assert 'tested_seconds_bucket{le="0.5",method="a"} 3.0' in lines
    assert 'tested_seconds_bucket{le="+Inf",method="a"} 4.0' in lines
    assert 'tested_seconds_sum{method="a"} 60.303' in lines
    assert 'tested_seconds_count{method="a"} 4.0' in lines


def test_a_label_cannot_break_out_of_its_quotes() -> None:
    metrics.counter("tested_labels_total", "Labels.", path='a"b\\c\nd').add()

    assert 'tested_labels_total{path="a\\"b\\\\c\\nd"} 1.0' in _lines("tested_labels_total")


def test_one_name_is_one_kind() -> None:
    metrics.counter("tested_kind_total", "Kind.")

    with pytest.raises(ValueError, match="is a counter, not a gauge"):
        metrics.gauge("tested_kind_total", "Kind.")


def test_services_that_share_a_process_have_numbers_of_their_own() -> None:
    def counted(service: str) -> list[str]:
        set_service_name(service)
        metrics.counter("tested_shared_total", "Shared.").add()
        return _lines("tested_shared_total ")

    one, other = (copy_context().run(counted, service) for service in ("one", "other"))

    assert one[-1] == other[-1] == "tested_shared_total 1.0"
    assert _lines("tested_shared_total") == []
