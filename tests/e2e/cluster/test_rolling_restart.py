"""Everything is stopped in order and started anew, one after the other, while 60 charge points charge."""

import asyncio
import signal
import time

from stack.topology import SERVICES
from tests.e2e.cluster.charger import Charger
from tests.e2e.cluster.cluster import REPLICAS, Cluster
from tests.e2e.cluster.conftest import Note
from tests.e2e.cluster.traffic import audit, charging, reading

_CHARGERS = 60
_GOING_AWAY = 1001


async def test_a_rolling_restart_loses_nothing(cluster: Cluster, note: Note) -> None:
    names = await asyncio.to_thread(cluster.register, "ROLLING", _CHARGERS)
    chargers = [Charger(name, cluster.system.ocpp_url()) for name in names]
    retries = await asyncio.to_thread(cluster.envoy_retries)
    async with reading(cluster) as reads, charging(chargers, "TAG-ROLLING", every_seconds=2):
        for replica in range(REPLICAS):
            await _restart_edge(cluster, replica, chargers, note)
        began = time.monotonic()
        for replica in range(REPLICAS):
            pids = {name: cluster.signal(name, replica, signal.SIGTERM) for name in SERVICES}
            waits = [asyncio.to_thread(cluster.until_back, name, replica, pid) for name, pid in pids.items()]
            await asyncio.gather(*waits)
        took = time.monotonic() - began
    assert not reads.failures, cluster.refusals()
    assert not [charger.book.refused for charger in chargers if charger.book.refused], cluster.refusals()
    assert {code for charger in chargers for _, code in charger.book.ends} == {_GOING_AWAY}
    counts = await asyncio.to_thread(audit, cluster, chargers)
    retries = await asyncio.to_thread(cluster.envoy_retries) - retries
    repeated = sum(charger.book.repeated for charger in chargers)
    slowest = max(charger.book.slowest_answer_seconds for charger in chargers)
    note(
        f"all replicas of {len(SERVICES)} services in {took:.0f} s; {reads.count} REST reads, 0 failed, slowest"
        f" {reads.slowest_seconds:.2f} s, {retries} repeated by Envoy; no frame refused, {repeated} repeated after a"
        f" close, slowest answer {slowest:.2f} s; {counts}"
    )


async def _restart_edge(cluster: Cluster, replica: int, chargers: list[Charger], note: Note) -> None:
    names = [charger.identity for charger in chargers]
    edges = await asyncio.to_thread(cluster.edge_of, names)
    there = [charger for charger in chargers if edges[charger.identity] == replica]
    # Envoy has spread them, or they have all come here from the one that was restarted before.
    assert len(there) >= _CHARGERS // 4
    ended_before = {charger.identity: len(charger.book.ends) for charger in there}
    pid = cluster.signal("edge", replica, signal.SIGTERM)
    began = time.monotonic()
    for charger in there:
        await charger.closed_more_often_than(ended_before[charger.identity])
    for charger in there:
        await charger.connected()
    edges = await asyncio.to_thread(cluster.edge_of, names)
    ends = sorted(charger.book.ends[-1][0] - began for charger in there)
    away = sorted(charger.book.away_seconds[-1] for charger in there)
    await asyncio.to_thread(cluster.until_back, "edge", replica, pid)
    back = time.monotonic() - began
    # A hundredth of a second lies between two closes, up to five seconds in all.
    assert ends[-1] - ends[0] > 0.5 * min(5.0, 0.01 * len(there))
    # Where is Envoy's choice: who comes back late may find the new process of the old edge.
    assert set(edges) == set(names)
    moved = sum(edges[charger.identity] != replica for charger in there)
    note(
        f"edge {replica + 1}: {len(there)} sockets closed with {_GOING_AWAY} over {ends[-1] - ends[0]:.1f} s, all"
        f" connected again, {moved} of them to the other edge; away {away[len(away) // 2]:.2f} s in the median,"
        f" {away[-1]:.1f} s at most; back after {back:.1f} s"
    )
