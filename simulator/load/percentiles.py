"""Latency figures: exact percentiles by nearest rank, nothing interpolated, nothing estimated."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Latency:
    """Milliseconds. All None when there was no sample."""

    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None


def percentile(ordered: Sequence[int], percent: int) -> int:
    """The smallest sample that at least `percent` of 100 samples do not exceed. `ordered` is sorted and not empty."""
    if not 0 < percent <= 100:
        raise ValueError("percent is from 1 to 100")
    return ordered[-(-len(ordered) * percent // 100) - 1]


def summarize(samples_us: "array[int]") -> Latency:
    """Latency figures of samples in microseconds, in any order."""
    if not samples_us:
        return Latency(None, None, None, None)
    ordered = sorted(samples_us)
    return Latency(*(percentile(ordered, percent) / 1_000 for percent in (50, 95, 99, 100)))
