"""What goes on while something is done to the cluster: charge points charge and people look; and the audit."""

import asyncio
import itertools
import threading
import time
import urllib.error
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.cluster.charger import Charger
from tests.e2e.cluster.cluster import Cluster

# One of every service, and of the edge.
_PATHS = (
    "/stations?pageSize=1",
    "/drivers?pageSize=1",
    "/charging-sessions?pageSize=1",
    "/alerts?pageSize=1",
    "/transactions?pageSize=1",
    "/connections?pageSize=1",
)
_READERS = 3
_PAUSE_SECONDS = 0.05
# Samples that wait with a charge point before it leaves one out.
_BACKLOG = 3
_AT_A_TIME = 50
_START_WH = 1000


@dataclass
class Reads:
    """What the readers were told."""

    count: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    slowest_seconds: float = 0.0


@asynccontextmanager
async def reading(cluster: Cluster) -> AsyncIterator[Reads]:
    """People who read through Envoy, several at a time, for the length of the block."""
    reads, over = Reads(), threading.Event()
    cluster.system.token("operator")
    readers = [asyncio.create_task(asyncio.to_thread(_read, cluster, reads, over)) for _ in range(_READERS)]
    try:
        yield reads
    finally:
        over.set()
        await asyncio.gather(*readers)


@asynccontextmanager
async def charging(chargers: Sequence[Charger], id_tag: str, every_seconds: float) -> AsyncIterator[None]:
    """Charge points that connect, charge and tell of it every so often; at the end all have stopped and told it."""
    try:
        for first in range(0, len(chargers), _AT_A_TIME):
            await asyncio.gather(*(charger.begin() for charger in chargers[first : first + _AT_A_TIME]))
        for charger in chargers:
            charger.boot()
            charger.status("Charging")
            charger.start(id_tag)
        await asyncio.gather(*(charger.reported(60) for charger in chargers))
        sampling = asyncio.create_task(_sample(chargers, every_seconds))
        try:
            yield
        finally:
            sampling.cancel()
            await asyncio.wait([sampling])
        for charger in chargers:
            charger.stop()
        await asyncio.gather(*(charger.reported(60) for charger in chargers))
    finally:
        await asyncio.gather(*(charger.leave() for charger in chargers))


def audit(cluster: Cluster, chargers: Sequence[Charger]) -> str:
    """Every acknowledged fact is stored exactly once and makes the right energy. Returns the counts."""
    rows = cluster.rows(
        "csms_charge_points",
        """
        SELECT t.charge_point_id, t.ocpp_transaction_id, t.state, t.energy_wh,
            (SELECT array_agg(m.energy_wh ORDER BY m.energy_wh) FROM meter_values m
             WHERE m.transaction_id = t.id),
            (SELECT array_agg(e.kind ORDER BY e.device_time) FROM transaction_events e
             WHERE e.transaction_id = t.id AND e.kind <> 'UPDATED')
        FROM transactions t WHERE t.charge_point_id = ANY(%s)
        """,
        [charger.identity for charger in chargers],
    )
    stored = {row[0]: row[1:] for row in rows}
    assert len(rows) == len(stored) == len(chargers), "one transaction each"
    facts = 0
    for charger in chargers:
        acknowledged = charger.book.acknowledged
        reported = [_register_wh(payload) for action, payload, _ in acknowledged if action == "MeterValues"]
        energy_wh = charger.register_wh - _START_WH
        expected = (str(charger.transaction_id), "ENDED", energy_wh, sorted(reported) or None, ["STARTED", "ENDED"])
        assert stored[charger.identity] == expected, charger.identity
        facts += len(reported) + 2
    return f"{facts} acknowledged facts of {len(chargers)} charge points: missing 0, twice 0, wrong energy 0"


def _register_wh(payload: dict[str, Any]) -> int:
    return int(payload["meterValue"][0]["sampledValue"][0]["value"])


async def _sample(chargers: Sequence[Charger], every_seconds: float) -> None:
    for charger in itertools.cycle(chargers):
        if charger.waiting < _BACKLOG:
            charger.sample()
        await asyncio.sleep(every_seconds / len(chargers))


def _read(cluster: Cluster, reads: Reads, over: threading.Event) -> None:
    for path in itertools.cycle(_PATHS):
        if over.wait(_PAUSE_SECONDS):
            return
        began = time.monotonic()
        try:
            status = str(cluster.system.get(path).status)
        except (OSError, urllib.error.URLError) as error:
            status = repr(error)
        reads.count += 1
        reads.slowest_seconds = max(reads.slowest_seconds, time.monotonic() - began)
        if status != "200":
            reads.failures[f"{path} {status}"] += 1
