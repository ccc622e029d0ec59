"""kill -9 of an edge: who comes back goes on elsewhere, who does not is offline, and what is old changes nothing."""

import asyncio
import signal
import time

from csms.error.v1.error_reason_pb2 import ErrorReason
from csms.station.v1 import connectivity_service_pb2 as station_pb
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.connector_pb2 import Connector
from services.kernel.clock import SystemClock
from services.rpc.channels import channel
from services.rpc.protobuf import timestamp
from tests.e2e.cluster.charger import Charger
from tests.e2e.cluster.cluster import LEASE_SECONDS, Cluster
from tests.e2e.cluster.conftest import Note
from tests.e2e.cluster.traffic import audit, charging
from tests.fixtures.background import eventually
from tests.fixtures.system import until

_BACK, _LOST = 8, 4


async def test_transactions_go_on_at_the_other_edge_and_the_lost_are_offline_after_the_lease(
    cluster: Cluster, note: Note
) -> None:
    names = await asyncio.to_thread(cluster.register, "KILLED", _BACK + _LOST)
    chargers = [Charger(name, cluster.edge_url(0), cluster.edge_url(1)) for name in names]
    back, lost = chargers[:_BACK], chargers[_BACK:]
    for charger in lost:
        charger.comes_back = False
    async with charging(chargers, "TAG-KILLED", every_seconds=0.5):
        connection = await asyncio.to_thread(cluster.connection, names[0])
        assert connection is not None
        numbers = {charger.identity: charger.transaction_id for charger in chargers}
        for charger in back:
            # The killed one is up again within a second, and would be tried first.
            charger.urls = [cluster.edge_url(1)]
        pid = cluster.signal("edge", 0, signal.SIGKILL)
        killed, killed_time = time.monotonic(), SystemClock().now()

        await asyncio.gather(*(charger.closed() for charger in lost))
        await eventually(lambda: _all_on_the_other_edge(cluster, back))
        moved = time.monotonic() - killed
        before = [len(charger.book.acknowledged) for charger in back]
        # The lease was renewed a moment before the end, and at most a sixth of it before.
        lease = await asyncio.to_thread(cluster.lease_end, connection["node"]) - killed_time
        assert 0.5 * LEASE_SECONDS < lease.total_seconds() < 1.5 * LEASE_SECONDS
        await asyncio.to_thread(until, lambda: not _connections(cluster, lost))
        unconnected = time.monotonic() - killed
        await asyncio.to_thread(until, lambda: not _online(cluster, lost))
        offline = time.monotonic() - killed
        await eventually(lambda: _have_told_more(back, before))

        refused = await _say_late(cluster, names[0], int(connection["epoch"]))
        assert refused == ["STALE_EPOCH"] * 3
        assert await _all_on_the_other_edge(cluster, back)

        for charger in lost:
            charger.comes_back = True
            charger.notify()
        await asyncio.gather(*(charger.connected() for charger in lost))
    assert {charger.identity: charger.transaction_id for charger in chargers} == numbers
    assert not any(charger.book.refused for charger in chargers)
    counts = await asyncio.to_thread(audit, cluster, chargers)
    await asyncio.to_thread(cluster.until_back, "edge", 0, pid)
    away = max(charger.book.away_seconds[0] for charger in back)
    repeated = sum(charger.book.repeated for charger in chargers)
    note(
        f"{_BACK} charge points on the other edge {moved:.1f} s after the kill (longest away {away:.1f} s),"
        f" {_LOST} that stayed away without connection after {unconnected:.1f} s and told as offline after"
        f" {offline:.1f} s (lease {LEASE_SECONDS} s),"
        f" {repeated} messages repeated; {counts}"
    )


async def _all_on_the_other_edge(cluster: Cluster, chargers: list[Charger]) -> bool:
    edges = await asyncio.to_thread(cluster.edge_of, [charger.identity for charger in chargers])
    return [edges.get(charger.identity) for charger in chargers] == [1] * len(chargers)


async def _have_told_more(chargers: list[Charger], counts: list[int]) -> bool:
    return all(len(charger.book.acknowledged) > count for charger, count in zip(chargers, counts, strict=True))


def _connections(cluster: Cluster, chargers: list[Charger]) -> bool:
    return any(cluster.connection(charger.identity) for charger in chargers)


def _online(cluster: Cluster, chargers: list[Charger]) -> bool:
    return any(cluster.system.get(f"/charge-points/{charger.identity}").data.get("online") for charger in chargers)


async def _say_late(cluster: Cluster, name: str, epoch: int) -> list[str]:
    """What the killed edge might have left on its way: the end of the connection, a boot and a status."""
    address = f"127.0.0.1:{cluster.system.ports.process('station')}"
    now = timestamp(SystemClock().now())
    async with channel(address, "station", cluster.edge_identity()) as made:
        stub = ConnectivityServiceStub(made)
        closed = station_pb.ClosedConnection(charge_point_id=name, epoch=epoch, reason="late")
        boot = station_pb.BootReport(charge_point_id=name, epoch=epoch, vendor="Late", model="Late", received_time=now)
        status = station_pb.StatusReport(charge_point_id=name, epoch=epoch, status=Connector.FAULTED, received_time=now)
        status.evse.evse_id = status.evse.connector_id = 1
        errors = [
            (await stub.CloseConnections(station_pb.CloseConnectionsRequest(connections=[closed]))).answers[0].error,
            (await stub.ReportBoots(station_pb.ReportBootsRequest(boots=[boot]))).answers[0].error,
            (await stub.ReportStatuses(station_pb.ReportStatusesRequest(statuses=[status]))).answers[0].error,
        ]
    return [ErrorReason.Name(error.reason).removeprefix("ERROR_REASON_") for error in errors]
