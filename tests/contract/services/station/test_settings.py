"""What operators set reaches the charge points: configuration and availability, through the transaction service."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.station.v1 import station_pb2
from csms.station.v1.station_service_pb2_grpc import StationServiceStub
from services.kernel.clock import SystemClock
from services.kernel.errors import DomainError, ErrorKind, failed_precondition, not_found, unavailable
from services.messaging.outbox import OutboxRelay
from services.rpc.channels import channel
from services.rpc.service_identity import ServiceIdentity
from services.station.clients import GrpcCommands
from services.station.consumers import SettingsConsumer
from tests.contract.services.station.callers import (
    ChargePoint,
    Connector,
    create_station,
    update_connector,
    update_station,
)
from tests.contract.services.station.transactions import Order, Platform
from tests.fixtures.background import eventually, running
from tests.fixtures.events import reported
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def consumer(service: RunningService, platform: Platform) -> AsyncIterator[SettingsConsumer]:
    """The consumer of the service, not running."""
    async with channel(platform.address, "transaction", ServiceIdentity("station", service.settings)) as to_platform:
        yield SettingsConsumer(service.bus, service.database, SystemClock(), GrpcCommands(to_platform))


async def _handle(consumer: SettingsConsumer, service: RunningService, *events: DomainEvent) -> None:
    for event in events:
        async with service.database.transaction() as connection:
            await consumer.handle(connection, event)


def _orders(platform: Platform, name: str) -> list[Order]:
    return sorted((order for order in platform.orders.values() if order[0].startswith(name)), key=str)


async def _station(stations: StationServiceStub, name: str, count: int = 1) -> tuple[station_pb2.Station, list[str]]:
    """A station with so many charge points of one connector each, and their identities."""
    names = [f"{name}-{number}" for number in range(count)]
    plugs = [Connector(charge_point_id=point, connector_id=1) for point in names]
    return await create_station(
        stations, charge_points=[ChargePoint(id=point) for point in names], connectors=plugs
    ), names


async def _configurations(service: RunningService, station_id: str) -> list[DomainEvent]:
    return await reported(service.database, f"station.changed.{station_id}")


async def test_a_changed_setting_is_sent_to_every_charge_point_of_the_station_once(
    stations: StationServiceStub, service: RunningService, consumer: SettingsConsumer, platform: Platform, name: str
) -> None:
    station, names = await _station(stations, name, 2)
    # Keys that begin alike must not be taken for one another.
    keys = ("MeterValueSampleInterval", "MeterValueSampleIntervalIdle")
    await update_station(stations, station.id, configuration=dict.fromkeys(keys, "60"))
    events = await _configurations(service, station.id)

    await _handle(consumer, service, *events, *events)

    assert _orders(platform, name) == [(point, key, "60") for point in names for key in keys]


@pytest.mark.parametrize(("tenant", "whose"), [("south", "south"), (None, "default")])
async def test_what_a_tenant_sets_is_commanded_in_its_name(
    service: RunningService,
    consumer: SettingsConsumer,
    platform: Platform,
    name: str,
    tenant: str | None,
    whose: str,
) -> None:
    stations = StationServiceStub(await service.channel("admin", tenant=tenant))
    station, [point] = await _station(stations, name)
    await update_station(stations, station.id, configuration={"a": "new"})
    await _handle(consumer, service, *await _configurations(service, station.id))

    assert platform.asked_for[point] == whose


async def test_what_has_been_changed_again_since_is_not_sent(
    stations: StationServiceStub, service: RunningService, consumer: SettingsConsumer, platform: Platform, name: str
) -> None:
    station, [point] = await _station(stations, name)
    await update_station(stations, station.id, configuration={"a": "old", "b": "kept"})
    await update_station(stations, station.id, configuration={"a": "new", "b": "kept"})
    events = await _configurations(service, station.id)

    await _handle(consumer, service, *reversed(events))

    assert _orders(platform, name) == [(point, "a", "new"), (point, "b", "kept")]


async def test_a_change_of_anything_else_sends_nothing(
    stations: StationServiceStub, service: RunningService, consumer: SettingsConsumer, platform: Platform, name: str
) -> None:
    station, _ = await _station(stations, name)
    await update_station(stations, station.id, city="Berlin", configuration={})

    await _handle(consumer, service, *await _configurations(service, station.id))

    assert _orders(platform, name) == []


@pytest.mark.parametrize(
    "last_word",
    [
        not_found("charge point", "it"),
        failed_precondition("CHARGE_POINT_NOT_ACCEPTED", "not accepted"),
        DomainError(ErrorKind.DEADLINE_EXCEEDED, "CHARGE_POINT_TIMEOUT", "no answer"),
    ],
)
async def test_a_charge_point_that_refuses_does_not_keep_it_from_the_others(
    stations: StationServiceStub,
    service: RunningService,
    consumer: SettingsConsumer,
    platform: Platform,
    name: str,
    last_word: DomainError,
) -> None:
    station, names = await _station(stations, name, 3)
    await update_station(stations, station.id, configuration={"a": "1"})
    platform.failures[names[0]] = [last_word]

    await _handle(consumer, service, *await _configurations(service, station.id))

    assert _orders(platform, name) == [(point, "a", "1") for point in names[1:]]


async def test_what_may_pass_is_tried_again_and_the_others_are_not_asked_twice(
    stations: StationServiceStub, service: RunningService, consumer: SettingsConsumer, platform: Platform, name: str
) -> None:
    station, names = await _station(stations, name, 3)
    await update_station(stations, station.id, configuration={"a": "1"})
    events = await _configurations(service, station.id)
    platform.failures[names[0]] = [unavailable("later")]

    with pytest.raises(DomainError) as failed:
        await _handle(consumer, service, *events)
    before = set(platform.orders)
    await _handle(consumer, service, *events)

    assert failed.value.reason == "UNAVAILABLE"
    assert _orders(platform, name) == [(point, "a", "1") for point in names]
    assert len(platform.orders.keys() - before) == 1


async def test_a_changed_availability_is_sent_unless_it_was_changed_again(
    stations: StationServiceStub, service: RunningService, consumer: SettingsConsumer, platform: Platform, name: str
) -> None:
    station, [point] = await _station(stations, name)
    for availability in (Connector.INOPERATIVE, Connector.OPERATIVE, Connector.INOPERATIVE):
        await update_connector(stations, station.id, "1", availability=availability)
    events = await reported(service.database, f"availability_changed.{point}")

    await _handle(consumer, service, events[1], events[2], events[2])

    assert _orders(platform, name) == [(point, 1, 1, Connector.INOPERATIVE)]


async def test_what_is_set_arrives_by_itself(
    stations: StationServiceStub,
    service: RunningService,
    consumer: SettingsConsumer,
    platform: Platform,
    name: str,
) -> None:
    station, [point] = await _station(stations, name)
    relay = OutboxRelay(service.database, service.bus)

    async def has_arrived() -> bool:
        return set(_orders(platform, name)) == {(point, 1, 1, Connector.INOPERATIVE), (point, "a", "1")}

    async with running(relay.run(), consumer.run()):
        await update_connector(stations, station.id, "1", availability=Connector.INOPERATIVE)
        await update_station(stations, station.id, configuration={"a": "1"})
        await eventually(has_arrived)
