"""Any edge may be asked about any charge point: the answer comes from the one that holds the socket."""

import asyncio
import statistics
import time

from csms.edge.v1 import edge_service_pb2 as edge_pb
from csms.edge.v1.edge_service_pb2_grpc import EdgeServiceStub
from services.rpc.channels import channel
from tests.e2e.cluster.charger import Charger
from tests.e2e.cluster.cluster import Cluster
from tests.e2e.cluster.conftest import Note

_CALLS = 30
_HANDLED = 'rpc_handled_total{code="OK",method="/csms.edge.v1.EdgeService/SendOcppCall"}'


async def test_a_call_to_the_wrong_edge_is_answered_by_the_right_one(cluster: Cluster, note: Note) -> None:
    [name] = await asyncio.to_thread(cluster.register, "WRONG", 1)
    charger = Charger(name, cluster.edge_url(0))
    async with charger.running():
        charger.boot()
        await charger.reported()
        before = await asyncio.to_thread(_handled, cluster)
        answers = await asyncio.gather(*(asyncio.to_thread(_clear_cache, cluster, name) for _ in range(_CALLS)))
        after = await asyncio.to_thread(_handled, cluster)

        assert answers == ["Accepted"] * _CALLS
        holder, other = after[0] - before[0], after[1] - before[1]
        # All of them end at the holder; Envoy knows nothing of that and sends some of them to the other first.
        assert holder == _CALLS
        assert 0 < other < _CALLS

        async def seconds(replica: int) -> float:
            async with channel(cluster.edge_address(replica), "edge", cluster.edge_identity()) as made:
                call = edge_pb.SendOcppCallRequest(charge_point_id=name, action="ClearCache")
                stub = EdgeServiceStub(made)
                await stub.SendOcppCall(call)
                times = []
                for _ in range(_CALLS):
                    began = time.perf_counter()
                    await stub.SendOcppCall(call)
                    times.append(time.perf_counter() - began)
                return statistics.median(times)

        right, wrong = await seconds(0), await seconds(1)
    note(
        f"{_CALLS} calls by REST, {other:.0f} came to the wrong edge, all answered; median over gRPC"
        f" {1000 * right:.1f} ms at the right edge, {1000 * wrong:.1f} ms by way of the wrong one"
    )


def _clear_cache(cluster: Cluster, name: str) -> str:
    answer = cluster.system.call("POST", f"/connections/{name}/send", {"action": "ClearCache", "payload": {}})
    assert answer.status == 200, answer.text
    return str(answer.data["status"])


def _handled(cluster: Cluster) -> list[float]:
    return [cluster.metrics("edge", replica).get(_HANDLED, 0.0) for replica in range(2)]
