"""Every process tells its numbers, and none that the page of metrics does not explain."""

from stack.config import PROJECT
from tests.e2e.cluster.cluster import EVERYONE, REPLICAS, Cluster
from tests.e2e.cluster.conftest import Note

_PARTS = ("_bucket", "_sum", "_count")


def test_every_replica_tells_its_numbers_and_each_is_explained(cluster: Cluster, note: Note) -> None:
    page = (PROJECT / "docs" / "metrics.md").read_text(encoding="utf-8")
    lag, resident = 0.0, []
    for name in EVERYONE:
        for replica in range(REPLICAS):
            reported = cluster.metrics(name, replica)
            for metric in {each.partition("{")[0] for each in reported}:
                family = next((metric.removesuffix(part) for part in _PARTS if metric.endswith(part)), metric)
                assert f"| `{family}` |" in page or f"| `{metric}` |" in page, metric
            assert reported["process_cpu_seconds_total"] > 0
            resident.append(reported["process_resident_memory_bytes"] / 2**20)
            lag = max(lag, reported["event_loop_lag_max_seconds"])
    note(
        f"{len(resident)} processes of {min(resident):.0f} to {max(resident):.0f} MiB, greatest lag of an event loop"
        f" {lag:.2f} s"
    )
