"""The newest connection wins across edges, whatever the old one still has to say."""

import asyncio
import signal
import time
from datetime import datetime
from functools import partial
from typing import Any

from tests.e2e.cluster.charger import Charger
from tests.e2e.cluster.cluster import LEASE_SECONDS, Cluster
from tests.e2e.cluster.conftest import Note
from tests.fixtures.background import eventually
from tests.fixtures.system import Answer

_POLICY_VIOLATION = 1008


async def test_the_newest_connection_wins_across_edges(cluster: Cluster, note: Note) -> None:
    [name] = await asyncio.to_thread(cluster.register, "TAKEOVER", 1)
    old, new = Charger(name, cluster.edge_url(0)), Charger(name, cluster.edge_url(1))
    old.comes_back, old.obeys = False, False
    async with old.running():
        before = await asyncio.to_thread(_held_by, cluster, name, 0)
        # Its edge has told of it by then: from now on the old connection is one of which nothing new is heard.
        await _reports(cluster, before["node"], times=2)
        frames = await asyncio.to_thread(_frames_out, cluster)
        asked = asyncio.create_task(asyncio.to_thread(_ask, cluster, name))
        await eventually(lambda: _has_asked(cluster, frames))

        began = time.monotonic()
        async with new.running():
            connected = time.monotonic()
            after = await asyncio.to_thread(_held_by, cluster, name, 1)
            seen = time.monotonic()
            code = await old.closed(within_seconds=LEASE_SECONDS)
            refusal = await asked
            failed = time.monotonic()

            assert code == _POLICY_VIOLATION
            assert refusal.status == 504
            assert "connected anew" in refusal.text
            assert int(after["epoch"]) == int(before["epoch"]) + 1
            # The old edge has reported the end of the old socket by now, which is not the end of the new one.
            await eventually(lambda: _emptied(cluster, 0))
            assert await asyncio.to_thread(_held_by, cluster, name, 1) == after | {"lastSeenTime": _ANY}
            new.boot()
            await new.reported()
    note(
        f"connected to the other edge in {1000 * (connected - began):.0f} ms, shown there after"
        f" {1000 * (seen - began):.0f} ms, old socket closed after {old.book.ends[-1][0] - began:.2f} s,"
        f" pending call failed after {failed - began:.2f} s (a lease of {LEASE_SECONDS} s is renewed every second)"
    )


async def test_what_an_edge_says_late_of_a_charge_point_that_has_moved_changes_nothing(
    cluster: Cluster, note: Note
) -> None:
    [name] = await asyncio.to_thread(cluster.register, "FROZEN", 1)
    old, new = Charger(name, cluster.edge_url(0)), Charger(name, cluster.edge_url(1))
    old.comes_back = False
    async with old.running():
        old.boot()
        old.status("Available")
        await old.reported()
        pid = cluster.signal("edge", 0, signal.SIGSTOP)
        try:
            # These lie in the socket until the edge wakes up, with the epoch that it was given long ago.
            await old.send_blindly("StatusNotification", _status("Faulted"))
            await old.send_blindly("BootNotification", {"chargePointVendor": "Old", "chargePointModel": "Late"})
            async with new.running():
                new.boot()
                new.status("Charging")
                await new.reported()
                held = await asyncio.to_thread(_epoch, cluster, name)
                assert held[0] == 1
                cluster.signal("edge", 0, signal.SIGCONT)
                began = time.monotonic()
                assert await old.closed() == _POLICY_VIOLATION
                took = time.monotonic() - began
                await eventually(lambda: _emptied(cluster, 0))
                assert await asyncio.to_thread(_epoch, cluster, name) == held
                point = await asyncio.to_thread(lambda: cluster.system.get(f"/charge-points/{name}").data)
                assert point["vendor"] == "Vendor"
                statuses = await asyncio.to_thread(_statuses, cluster, name)
                assert statuses == ["CHARGING"]
        finally:
            cluster.signal("edge", 0, signal.SIGCONT)
        assert cluster.pid("edge", 0) == pid
    note(f"an edge that woke up closed the old socket after {took:.2f} s; the frames that lay in it changed nothing")


class _Any:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


_ANY = _Any()


def _status(status: str) -> dict[str, object]:
    return {"connectorId": 1, "errorCode": "NoError", "status": status}


def _held_by(cluster: Cluster, name: str, replica: int) -> dict[str, Any]:
    """The connection as REST shows it, which must be at this edge."""
    connection = cluster.connection(name)
    assert connection is not None
    assert connection["node"].startswith(f"{cluster.edge_address(replica)}/"), connection
    return connection


def _epoch(cluster: Cluster, name: str) -> tuple[int, int]:
    """The edge and the epoch of the open connection, without asking any edge."""
    [(epoch,)] = cluster.rows(
        "csms_stations", "SELECT epoch FROM connections WHERE charge_point_id = %s AND close_time IS NULL", name
    )
    return cluster.edge_of([name])[name], epoch


def _ask(cluster: Cluster, name: str) -> Answer:
    call = {"action": "GetConfiguration", "payload": {}}
    return cluster.system.call("POST", f"/connections/{name}/send", call)


def _frames_out(cluster: Cluster) -> float:
    """How many frames the first edge has sent since it started."""
    return cluster.metrics("edge", 0)['ocpp_frames_total{direction="out"}']


async def _has_asked(cluster: Cluster, frames_before: float) -> bool:
    """Whether the frame that asks the charge point has left the edge."""
    return await asyncio.to_thread(_frames_out, cluster) > frames_before


async def _reports(cluster: Cluster, node: str, times: int) -> None:
    """Wait until an edge node has reported so often."""
    for _ in range(times):
        until = await asyncio.to_thread(cluster.lease_end, node)
        await eventually(partial(_is_renewed, cluster, node, until))


async def _is_renewed(cluster: Cluster, node: str, until: datetime) -> bool:
    return await asyncio.to_thread(cluster.lease_end, node) > until


async def _emptied(cluster: Cluster, replica: int) -> bool:
    return (await asyncio.to_thread(cluster.metrics, "edge", replica))["ocpp_connections"] == 0


def _statuses(cluster: Cluster, name: str) -> list[str]:
    query = "SELECT status FROM connectors WHERE charge_point_id = %s AND connector_id = 1"
    return [str(status) for (status,) in cluster.rows("csms_stations", query, name)]
