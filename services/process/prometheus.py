"""The numbers of the process in the text format of Prometheus, with what it uses: CPU, memory, files, its start.

Loaded when somebody asks for the first time: the client of Prometheus brings an HTTP server along.
"""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from services.process.metrics import Counter, Gauge, Histogram, Labels, families


class _Numbers(Collector):
    """Our numbers as the Prometheus client knows them."""

    def collect(self) -> Iterable[Metric]:
        for name, kind, meaning, members in families():
            labels = [label for label, _ in next(iter(members), ())]
            yield _family(kind, name, meaning, labels, members)


_REGISTRY = CollectorRegistry()
_REGISTRY.register(_Numbers())
ProcessCollector(registry=_REGISTRY)


def render() -> str:
    """Every number of the process in the Prometheus text format 0.0.4."""
    return generate_latest(_REGISTRY).decode()


def _family(
    kind: str, name: str, meaning: str, labels: list[str], members: Mapping[Labels, Counter | Gauge | Histogram]
) -> Metric:
    if kind == Histogram.kind:
        histograms = HistogramMetricFamily(name, meaning, labels=labels)
        for values, one in members.items():
            assert isinstance(one, Histogram)
            histograms.add_metric([value for _, value in values], list(one.buckets()), one.sum)
        return histograms
    family = CounterMetricFamily if kind == Counter.kind else GaugeMetricFamily
    numbers = family(name, meaning, labels=labels)
    for values, number in members.items():
        assert not isinstance(number, Histogram)
        numbers.add_metric([value for _, value in values], number.now())
    return numbers
