"""Numbers that tell how a service does: counters, gauges and histograms.

Plain Python for one event loop; a number costs an addition. Services that share a process have numbers of their own.
Does not write or serve anything: `prometheus` and `exposition` do.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from services.process.service_name import service_name

# Seconds; from a cache hit to a call that ran into its deadline.
LATENCY_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# Values by the names of labels, sorted.
Labels = tuple[tuple[str, str], ...]


class _Number:
    """A number that is kept here, or asked for when it is read."""

    __slots__ = ("_read", "value")

    def __init__(self) -> None:
        self.value: float = 0
        self._read: Callable[[], float] | None = None

    def read_from(self, read: Callable[[], float]) -> None:
        """Take the value from `read`; of several calls the last one counts."""
        self._read = read

    def now(self) -> float:
        return self._read() if self._read else self.value


class Counter(_Number):
    """A number that only grows."""

    __slots__ = ()
    kind = "counter"

    def add(self, amount: float = 1) -> None:
        self.value += amount


class Gauge(_Number):
    """A number that goes up and down."""

    __slots__ = ()
    kind = "gauge"

    def set(self, value: float) -> None:
        self.value = value


class Histogram:
    """How often a value fell below each of LATENCY_BOUNDS, and the sum of all."""

    __slots__ = ("counts", "sum")
    kind = "histogram"

    def __init__(self) -> None:
        self.counts = [0] * (len(LATENCY_BOUNDS) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(LATENCY_BOUNDS, value)] += 1
        self.sum += value

    def buckets(self) -> Iterator[tuple[str, float]]:
        total = 0
        for bound, count in zip((*map(str, LATENCY_BOUNDS), "+Inf"), self.counts, strict=True):
            total += count
            yield bound, total


_Metric = TypeVar("_Metric", Counter, Gauge, Histogram)
_Families = dict[str, tuple[str, str, dict[Labels, Counter | Gauge | Histogram]]]
_families_of: dict[str, _Families] = {}


def counter(name: str, meaning: str, **labels: str) -> Counter:
    """The counter of this name and these labels, made when it is asked for first."""
    return _find(Counter, name, meaning, labels)


def gauge(name: str, meaning: str, **labels: str) -> Gauge:
    """The gauge of this name and these labels, made when it is asked for first."""
    return _find(Gauge, name, meaning, labels)


def histogram(name: str, meaning: str, **labels: str) -> Histogram:
    """The histogram of this name and these labels, made when it is asked for first."""
    return _find(Histogram, name, meaning, labels)


def families() -> Iterator[tuple[str, str, str, Mapping[Labels, Counter | Gauge | Histogram]]]:
    """Name, kind, meaning and numbers by labels of every family of this service, by name."""
    for name, (kind, meaning, members) in sorted(_families_of.get(service_name(), {}).items()):
        yield name, kind, meaning, members


def _find(cls: type[_Metric], name: str, meaning: str, labels: dict[str, str]) -> _Metric:
    families = _families_of.setdefault(service_name(), {})
    kind, _, members = families.setdefault(name, (cls.kind, meaning, {}))
    if kind != cls.kind:
        raise ValueError(f"metric {name} is a {kind}, not a {cls.kind}")
    metric = members.setdefault(tuple(sorted(labels.items())), cls())
    assert isinstance(metric, cls)
    return metric
