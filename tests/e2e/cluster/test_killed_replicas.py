"""kill -9 of one replica of every service at once, under load: nobody who calls sees an error."""

import asyncio
import signal
import time

from stack.topology import SERVICES
from tests.e2e.cluster.charger import Charger
from tests.e2e.cluster.cluster import Cluster
from tests.e2e.cluster.conftest import Note
from tests.e2e.cluster.traffic import audit, charging, reading

_CHARGERS = 30


async def test_a_replica_of_every_service_is_killed_and_no_caller_sees_it(cluster: Cluster, note: Note) -> None:
    names = await asyncio.to_thread(cluster.register, "REPLICA", _CHARGERS)
    chargers = [Charger(name, cluster.system.ocpp_url()) for name in names]
    retries = await asyncio.to_thread(cluster.envoy_retries)
    began = time.monotonic()
    async with reading(cluster) as reads, charging(chargers, "TAG-REPLICA", every_seconds=0.5):
        pids = {name: cluster.signal(name, 1, signal.SIGKILL) for name in SERVICES}
        for charger in chargers:
            # What else a charge point says: to the station and the driver service.
            charger.status("SuspendedEV")
            charger.tell("Authorize", {"idTag": "TAG-REPLICA"})
            charger.tell("Heartbeat", {})
        waits = [asyncio.to_thread(cluster.until_back, name, 1, pid) for name, pid in pids.items()]
        await asyncio.gather(*waits)
    took = time.monotonic() - began
    assert not reads.failures, cluster.refusals()
    assert not [charger.book.refused for charger in chargers if charger.book.refused], cluster.refusals()
    assert not any(charger.book.ends for charger in chargers), "no socket was touched"
    counts = await asyncio.to_thread(audit, cluster, chargers)
    retries = await asyncio.to_thread(cluster.envoy_retries) - retries
    slowest = max(charger.book.slowest_answer_seconds for charger in chargers)
    note(
        f"{len(SERVICES)} processes killed and back within {took:.0f} s; {reads.count} REST reads, 0 failed,"
        f" slowest {reads.slowest_seconds:.2f} s, {retries} repeated by Envoy; slowest answer to a frame"
        f" {slowest:.2f} s; {counts}"
    )
