"""SqlBatches: a batch is stored as a whole or not at all."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from services.kernel.errors import DomainError
from services.kernel.ids import new_id
from services.messaging.outbox import OutboxRelay
from services.station.domain.batch import Changes
from services.station.domain.charge_point import ChargePointState
from services.station.domain.connector import Connector
from services.station.domain.events import ConnectivityChanged
from services.station.sql.batches import SqlBatches
from tests.contract.services.station.callers import create_point, get_point, open_one
from tests.fixtures.events import reported
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def batches(service: RunningService) -> AsyncIterator[SqlBatches]:
    """Batches of another replica."""
    batches = SqlBatches(service.database, OutboxRelay(service.database, service.bus))
    yield batches
    await batches.close()


def _farewell(name: str) -> Changes:
    gone = ConnectivityChanged(
        charge_point_id=name,
        station_id=None,
        online=False,
        epoch=1,
        state=ChargePointState.ACCEPTED,
        tenant_id="default",
    )
    return Changes(time=datetime.now(UTC), closed=[name], events=[gone])


async def _store(batches: SqlBatches, name: str, changes: Changes) -> None:
    async with batches() as batch:
        await batch.places([name])
        await batch.commit(changes)


async def test_what_cannot_be_stored_takes_the_rest_of_its_batch_along(
    points: ChargePointServiceStub,
    edge: ConnectivityServiceStub,
    service: RunningService,
    batches: SqlBatches,
    name: str,
) -> None:
    await create_point(points, name)
    await open_one(edge, name)
    plug = Connector(id=new_id(), charge_point_id=name, evse_id=1, connector_id=1, error_code="\0")

    with pytest.raises(DomainError, match="cannot be stored"):
        await _store(batches, name, replace(_farewell(name), connectors=[plug]))

    assert (await get_point(points, name)).online
    assert await reported(service.database, f"connection.closed.{name}") == []
    assert await open_one(edge, name) == 2


async def test_a_batch_that_is_left_without_a_commit_holds_nobody_up(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, batches: SqlBatches, name: str
) -> None:
    await create_point(points, name)

    async with batches() as batch:
        known = await batch.points([name, "a\0b", ""])

    assert known.charge_points.keys() == {name}
    assert known.newest == {}
    assert await open_one(edge, name) == 1


async def test_a_batch_sees_what_was_committed_while_it_waited_for_its_locks(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, batches: SqlBatches, name: str
) -> None:
    await create_point(points, name)
    await open_one(edge, name)

    async with batches() as first, batches() as second:
        await first.places([name])
        waiting = asyncio.ensure_future(second.places([name]))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await first.commit(_farewell(name))
        places = await waiting

    assert not places.newest[name].is_open
