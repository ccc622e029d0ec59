"""Latency figures."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.load.percentiles import Latency, percentile, summarize


def test_percentiles_are_samples_that_were_measured() -> None:
    samples = list(range(1, 101))
    assert [percentile(samples, percent) for percent in (1, 50, 95, 99, 100)] == [1, 50, 95, 99, 100]


@pytest.mark.parametrize(("samples", "p50", "p99"), [([7], 7, 7), ([1, 9], 1, 9), ([1, 2, 3], 2, 3)])
def test_few_samples_give_the_nearest_rank(samples: list[int], p50: int, p99: int) -> None:
    assert (percentile(samples, 50), percentile(samples, 99)) == (p50, p99)


@pytest.mark.parametrize("percent", [0, -1, 101])
def test_there_is_no_such_percentile(percent: int) -> None:
    with pytest.raises(ValueError, match="percent"):
        percentile([1], percent)


def test_a_summary_is_in_milliseconds_and_needs_no_order() -> None:
    assert summarize(array("L", [3_000, 1_000, 2_500])) == Latency(2.5, 3.0, 3.0, 3.0)


def test_without_samples_there_are_no_figures() -> None:
    assert summarize(array("L")) == Latency(None, None, None, None)


@given(st.lists(st.integers(0, 10**7), min_size=1), st.integers(1, 100))
def test_at_least_so_many_of_a_hundred_do_not_exceed_it(samples: list[int], percent: int) -> None:
    samples.sort()
    value = percentile(samples, percent)
    assert sum(sample <= value for sample in samples) * 100 >= percent * len(samples)
    assert sum(sample < value for sample in samples) * 100 < percent * len(samples)
