"""Connections after they are open: closed, reported live, found, listed, and given up with their edge node."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import delete, select, update

from csms.error.v1 import error_reason_pb2 as reasons
from csms.station.v1 import connectivity_service_pb2 as pb
from csms.station.v1.charge_point_service_pb2 import DeleteChargePointRequest
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from services.kernel.clock import SystemClock
from services.messaging.outbox import OutboxRelay
from services.station.application.connectivity import Connectivity, Policy
from services.station.sql.batches import SqlBatches
from services.station.sql.unit_of_work import SqlUnitsOfWork
from services.station.tables import CONNECTIONS, EDGE_NODES
from services.station.tasks import LeaseSweeper
from tests.contract.services.station.callers import (
    EDGE,
    attempt,
    close_all,
    create_point,
    get_point,
    live,
    open_all,
    open_one,
)
from tests.fixtures.background import eventually, running
from tests.fixtures.calls import bad_fields, reason
from tests.fixtures.events import reported
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

STALE = reasons.ERROR_REASON_STALE_EPOCH


def _now() -> datetime:
    return datetime.now(UTC)


async def _connect(points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str, node: str = EDGE) -> int:
    """Make a charge point and let it in; returns the epoch."""
    await create_point(points, name)
    return await open_one(edge, name, node=node)


async def _find(edge: ConnectivityServiceStub, name: str) -> pb.FindConnectionResponse:
    return await edge.FindConnection(pb.FindConnectionRequest(charge_point_id=name))


async def _let_lease_run_out(service: RunningService, node: str, ago: timedelta = timedelta(seconds=1)) -> None:
    async with service.database.transaction() as connection:
        past = update(EDGE_NODES).where(EDGE_NODES.c.node == node).values(lease_end_time=_now() - ago)
        await connection.execute(past)


@pytest_asyncio.fixture(loop_scope="module")
async def connectivity(service: RunningService) -> AsyncIterator[Connectivity]:
    """The use cases as another replica runs them."""
    database, relay = service.database, OutboxRelay(service.database, service.bus)
    units_of_work, batches = SqlUnitsOfWork(database, relay, SystemClock()), SqlBatches(database, relay)
    yield Connectivity(units_of_work, batches, SystemClock(), Policy(60, False))
    await batches.close()


async def _lease_end(service: RunningService, node: str) -> datetime:
    async with service.database.read() as connection:
        found = await connection.execute(select(EDGE_NODES.c.lease_end_time).where(EDGE_NODES.c.node == node))
        end: datetime = found.scalar_one()
    return end


async def test_a_handshake_lets_its_node_live_on_and_leaves_a_long_lease_alone(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    await _connect(points, edge, name, node=name)
    first = await _lease_end(service, name)
    await open_one(edge, name, node=name)
    second = await _lease_end(service, name)
    await _let_lease_run_out(service, name)
    await open_one(edge, name, node=name)

    assert timedelta(seconds=20) < first - _now() <= timedelta(seconds=30)
    assert second == first
    assert await _lease_end(service, name) >= first


async def test_a_connection_is_found_with_the_address_of_its_node(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    epoch = await _connect(points, edge, name)

    found = (await _find(edge, name)).connection

    assert (found.charge_point_id, found.epoch, found.protocol) == (name, epoch, "ocpp1.6")
    assert (found.node, found.node_address, found.remote_address) == (EDGE, f"{EDGE}:14000", "192.0.2.1")
    assert found.connected_time == found.last_seen_time
    assert await reason(_find(edge, f"{name}-B")) == "CONNECTION_NOT_FOUND"


async def test_open_connections_are_listed_by_charge_point_in_pages(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    async with service.database.transaction() as connection:
        await connection.execute(delete(CONNECTIONS))
    names = [f"{name}-{letter}" for letter in "CAB"]
    for point in names:
        await _connect(points, edge, point)

    first = await edge.ListConnections(pb.ListConnectionsRequest(page_size=2))
    last = await edge.ListConnections(pb.ListConnectionsRequest(page_size=2, page_token=first.next_page_token))

    listed = [connection.charge_point_id for connection in (*first.connections, *last.connections)]
    assert listed == sorted(names)
    assert (first.total_size, last.next_page_token) == (3, "")
    assert await bad_fields(edge.ListConnections(pb.ListConnectionsRequest(page_size=-1))) == ["pageSize"]


async def test_a_closed_connection_is_gone_and_its_epoch_stays_counted(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    epoch = await _connect(points, edge, name)

    assert await close_all(edge, (name, epoch)) == [0]

    assert await reason(_find(edge, name)) == "CONNECTION_NOT_FOUND"
    assert not (await get_point(points, name)).online
    [event] = await reported(service.database, f"connection.closed.{name}")
    change = event.connectivity_changed
    assert (change.charge_point_id, change.online, change.epoch, change.reason) == (name, False, epoch, "gone")
    assert await open_one(edge, name) == epoch + 1


async def test_closing_again_changes_nothing(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    epoch = await _connect(points, edge, name)

    assert [await close_all(edge, (name, epoch)), await close_all(edge, (name, epoch))] == [[0], [0]]
    assert len(await reported(service.database, f"connection.closed.{name}")) == 1


async def test_a_stale_connection_closes_nothing_whatever_comes_beside_it(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    old = await _connect(points, edge, name)
    new = await open_one(edge, name, node="edge-2")
    other = await _connect(points, edge, f"{name}-B")

    answers = await close_all(edge, (name, old), (f"{name}-B", other), (name, new + 1), ("nobody", 1))

    assert answers == [STALE, 0, STALE, STALE]
    assert (await _find(edge, name)).connection.epoch == new
    assert await close_all(edge, (name, old), (name, new)) == [STALE, 0]


async def test_what_was_heard_is_noted_and_never_taken_back(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    epoch = await _connect(points, edge, name)
    later = _now() + timedelta(seconds=7)

    assert await live(edge, (name, epoch, later)) == []
    assert await live(edge, (name, epoch, later - timedelta(seconds=5))) == []

    assert (await _find(edge, name)).connection.last_seen_time.ToDatetime(tzinfo=UTC) == later
    assert (await get_point(points, name)).last_seen_time.ToDatetime(tzinfo=UTC) == later


async def test_a_node_is_told_which_of_its_connections_are_no_longer_the_open_ones(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    names = [f"{name}-{what}" for what in ("kept", "moved", "ended", "gone")]
    epochs = {point: await _connect(points, edge, point) for point in names}
    for point in names[1:3]:
        epoch = await open_one(edge, point, node="edge-2")
    await close_all(edge, (names[2], epoch))
    await points.DeleteChargePoint(DeleteChargePointRequest(charge_point_id=names[3]))
    later = _now() + timedelta(seconds=7)

    superseded = await live(edge, *((point, epoch, later) for point, epoch in epochs.items()))

    assert superseded == names[1:]
    assert (await get_point(points, names[1])).last_seen_time.ToDatetime(tzinfo=UTC) < later


async def test_five_thousand_sightings_are_taken_at_once_and_no_more(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    epoch = await _connect(points, edge, name)
    most = [(name, epoch, _now())] * 5000

    assert await live(edge, *most) == []
    assert await bad_fields(live(edge, *most, most[0])) == ["sightings"]


@pytest.mark.parametrize("seconds", [4, 301, -1])
async def test_a_lease_is_bounded(edge: ConnectivityServiceStub, seconds: int) -> None:
    assert await bad_fields(live(edge, lease_seconds=seconds)) == ["lease"]


async def test_the_lease_of_a_node_is_never_cut_short(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    node = f"edge-{name}"
    await live(edge, node=node, lease_seconds=300)
    await live(edge, node=node, lease_seconds=5)
    await _connect(points, edge, name, node)

    async with service.database.read() as connection:
        rows = await connection.execute(EDGE_NODES.select().where(EDGE_NODES.c.node == node))
        [lease] = [row.lease_end_time for row in rows]
    assert lease - _now() > timedelta(seconds=200)


async def test_a_node_that_no_longer_reports_has_no_connections(
    points: ChargePointServiceStub,
    edge: ConnectivityServiceStub,
    connectivity: Connectivity,
    service: RunningService,
    name: str,
) -> None:
    epoch = await _connect(points, edge, name, node=f"dead-{name}")
    other = await _connect(points, edge, f"{name}-B", node="edge-2")
    left = await connectivity.forget_nodes()
    assert left is not None
    assert timedelta() < left <= Policy(60, False).node_lease
    await _let_lease_run_out(service, f"dead-{name}")

    # Nobody may be sent there from this moment on, swept or not.
    assert await reason(_find(edge, name)) == "CONNECTION_NOT_FOUND"

    assert await connectivity.close_abandoned() == 1
    assert await connectivity.close_abandoned() == 0
    [event] = await reported(service.database, f"connection.closed.{name}")
    change = event.connectivity_changed
    assert (change.online, change.epoch, change.reason) == (False, epoch, "the lease of its edge node ran out")
    assert (await _find(edge, f"{name}-B")).connection.epoch == other


async def test_a_node_that_comes_back_too_late_must_let_its_charge_points_go(
    points: ChargePointServiceStub,
    edge: ConnectivityServiceStub,
    connectivity: Connectivity,
    service: RunningService,
    name: str,
) -> None:
    node = f"late-{name}"
    epoch = await _connect(points, edge, name, node)
    await _let_lease_run_out(service, node)
    await connectivity.close_abandoned()

    assert await live(edge, (name, epoch, _now()), node=node) == [name]
    assert await open_one(edge, name, node=node) == epoch + 1
    assert await live(edge, (name, epoch + 1, _now()), node=node) == []


async def test_the_sweeper_closes_what_dead_nodes_left_once_it_has_waited(
    points: ChargePointServiceStub,
    edge: ConnectivityServiceStub,
    connectivity: Connectivity,
    service: RunningService,
    name: str,
) -> None:
    await _connect(points, edge, name, node=f"dead-{name}")
    await _let_lease_run_out(service, f"dead-{name}", timedelta(days=2))
    impatient = LeaseSweeper(connectivity, timedelta(0))

    async def is_closed_and_forgotten() -> bool:
        async with service.database.read() as connection:
            node = EDGE_NODES.select().where(EDGE_NODES.c.node == f"dead-{name}")
            is_known = (await connection.execute(node)).first() is not None
        return not is_known and not (await get_point(points, name)).online

    patient = LeaseSweeper(connectivity, timedelta(seconds=30))
    async with running(patient.run()):
        await asyncio.sleep(0)
        assert not await is_closed_and_forgotten()
    async with running(impatient.run()):
        await eventually(is_closed_and_forgotten)


async def test_opening_closing_and_reporting_at_once_do_not_wait_for_each_other_in_a_circle(
    points: ChargePointServiceStub,
    edge: ConnectivityServiceStub,
    connectivity: Connectivity,
    service: RunningService,
    name: str,
) -> None:
    names = [f"{name}-{number:02d}" for number in range(30)]
    epochs = {point: await _connect(points, edge, point, node=f"old-{name}") for point in names}
    await _let_lease_run_out(service, f"old-{name}")
    backwards = names[::-1]

    answers = await asyncio.gather(
        open_all(edge, *(attempt(point, node="edge-2") for point in names)),
        close_all(edge, *((point, epochs[point]) for point in backwards)),
        live(edge, *((point, epochs[point], _now()) for point in backwards), node=f"old-{name}"),
        connectivity.close_abandoned(),
        open_all(edge, *(attempt(point, node="edge-3") for point in backwards)),
        live(edge, *((point, epochs[point] + 1, _now()) for point in names), node="edge-2"),
    )

    assert len(answers) == 6
    for point in names:
        found = (await _find(edge, point)).connection
        assert found.epoch == epochs[point] + 2
        changes = [event.connectivity_changed for event in await reported(service.database, point, "connection.")]
        assert changes[-1].online


async def test_batches_are_bounded(edge: ConnectivityServiceStub) -> None:
    assert await bad_fields(close_all(edge, *[("CP", 1)] * 1001)) == ["connections"]
    assert await close_all(edge) == []
