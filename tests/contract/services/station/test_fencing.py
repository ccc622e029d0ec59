"""What happens between the look at an epoch and the change that depends on it, when somebody else is quicker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from csms.error.v1 import error_reason_pb2 as reasons
from csms.station.v1 import connectivity_service_pb2 as pb
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.station_service_pb2_grpc import StationServiceStub
from services.station.tables import CHARGE_POINTS, CONNECTIONS, CONNECTORS
from tests.contract.services.station.callers import (
    ChargePoint,
    Connector,
    close_all,
    create_point,
    create_station,
    get_point,
    get_station,
    live,
    open_one,
    report,
    status,
)
from tests.fixtures.background import eventually
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

STALE = reasons.ERROR_REASON_STALE_EPOCH
_WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


async def _somebody_waits(service: RunningService) -> None:
    async def is_so() -> bool:
        async with service.database.read() as connection:
            return bool(await connection.scalar(_WAITING))

    await eventually(is_so)


@asynccontextmanager
async def _newer_connection_in_the_making(service: RunningService, name: str) -> AsyncIterator[AsyncConnection]:
    """Another replica lets the charge point in: it has locked it, and commits at the end of the block."""
    async with service.database.transaction() as connection:
        await connection.execute(select(CHARGE_POINTS).where(CHARGE_POINTS.c.id == name).with_for_update())
        yield connection
        newer = update(CONNECTIONS).where(CONNECTIONS.c.charge_point_id == name).values(epoch=CONNECTIONS.c.epoch + 1)
        await connection.execute(newer)


async def test_a_boot_of_a_connection_that_is_just_replaced_changes_nothing(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    await create_point(points, name)
    epoch = await open_one(edge, name)
    boots = pb.ReportBootsRequest(boots=[pb.BootReport(charge_point_id=name, epoch=epoch, vendor="ACME")])

    async with _newer_connection_in_the_making(service, name):
        boot = asyncio.ensure_future(edge.ReportBoots(boots))
        await _somebody_waits(service)

    assert [answer.error.reason for answer in (await boot).answers] == [STALE]
    assert (await get_point(points, name)).vendor == ""


async def test_a_status_of_a_connection_that_is_just_replaced_changes_nothing(
    stations: StationServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    station = await create_station(stations, charge_points=[ChargePoint(id=name)])
    epoch = await open_one(edge, name)

    async with _newer_connection_in_the_making(service, name):
        reporting = asyncio.create_task(report(edge, status(name, epoch, Connector.FAULTED)))
        await _somebody_waits(service)

    assert await reporting == [STALE]
    assert list((await get_station(stations, station.id)).connectors) == []


async def test_a_connection_that_is_just_replaced_closes_nothing(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    await create_point(points, name)
    epoch = await open_one(edge, name)

    async with _newer_connection_in_the_making(service, name):
        closing = asyncio.create_task(close_all(edge, (name, epoch)))
        await _somebody_waits(service)

    assert await closing == [STALE]
    assert (await get_point(points, name)).online


async def test_a_report_does_not_undo_what_an_operator_is_just_setting(
    stations: StationServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    plugs = [Connector(connector_id=1)]
    station = await create_station(stations, charge_points=[ChargePoint(id=name)], connectors=plugs)
    epoch = await open_one(edge, name)

    async with service.database.transaction() as connection:
        plug = update(CONNECTORS).where(CONNECTORS.c.charge_point_id == name)
        await connection.execute(plug.values(availability="INOPERATIVE"))
        reporting = asyncio.create_task(report(edge, status(name, epoch, Connector.AVAILABLE)))
        await _somebody_waits(service)

    assert await reporting == [0]
    [after] = (await get_station(stations, station.id)).connectors
    assert (after.availability, after.status) == (Connector.INOPERATIVE, Connector.AVAILABLE)


async def test_a_node_that_reports_waits_for_nobody(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    names = [f"{name}-{number}" for number in range(2)]
    epochs = []
    for point in names:
        await create_point(points, point)
        epochs.append(await open_one(edge, point))
    later = datetime.now(UTC) + timedelta(seconds=7)

    async with service.database.transaction() as connection:
        locked = select(CONNECTIONS).where(CONNECTIONS.c.charge_point_id == names[0])
        await connection.execute(locked.with_for_update())
        sightings = [(point, epoch, later) for point, epoch in zip(names, epochs, strict=True)]
        assert await live(edge, *sightings) == []

    seen = [(await get_point(points, point)).last_seen_time.ToDatetime(tzinfo=UTC) for point in names]
    assert (seen[0] < later, seen[1]) == (True, later)
