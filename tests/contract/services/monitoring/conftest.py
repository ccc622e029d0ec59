"""The monitoring service, running inside the test, what it is told, and its callers."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import text

from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.monitoring.v1 import alert_service_pb2_grpc as alert_grpc
from csms.monitoring.v1 import analytics_service_pb2_grpc as analytics_grpc
from csms.monitoring.v1 import monitoring_service_pb2_grpc as monitoring_grpc
from services.kernel.clock import SystemClock
from services.messaging.event_batches import OutgoingEvent
from services.messaging.event_bus import EventBus
from services.messaging.outbox import OutboxRelay
from services.monitoring.consumers import SessionConsumer, StationConsumer
from services.monitoring.sql.unit_of_work import SqlUnitsOfWork
from tests.fixtures.background import eventually, running
from tests.fixtures.postgres import FreshDatabase
from tests.fixtures.services import RunningService, ServiceRunner

Tell = Callable[..., Awaitable[None]]

# Nobody listens there: what runs on this machine besides the test is none of its business.
NOWHERE = "127.0.0.1:1"


@pytest.fixture(scope="module")
async def shared_service(module_services: ServiceRunner, kept_database: FreshDatabase) -> RunningService:
    """One for all tests of a module: what it remembers is in its database and on the stream."""
    return await module_services(
        "monitoring",
        database_url=kept_database("monitoring"),
        station_service_url=NOWHERE,
        transaction_service_url=NOWHERE,
    )


@pytest.fixture
def service(shared_service: RunningService, emptied_database: FreshDatabase, nats_url: str) -> RunningService:
    """The service, without what it does besides answering, on a database and a stream without anything."""
    found = shared_service.settings
    assert (found.database_url, found.nats_url) == (emptied_database("monitoring"), nats_url)
    shared_service.bus.stream_missing()  # as `nats_url` has left it
    return shared_service


@pytest.fixture
def units_of_work(service: RunningService) -> SqlUnitsOfWork:
    """Units of work on the database of the service."""
    return SqlUnitsOfWork(service.database, OutboxRelay(service.database, service.bus), SystemClock())


@pytest.fixture
async def tell(service: RunningService) -> AsyncIterator[Tell]:
    """`await tell(event, event)` publishes events in this order and returns when they have had their effects."""
    database, bus, clock = service.database, service.bus, SystemClock()
    handled = text("SELECT count(DISTINCT event_id) FROM consumed_events WHERE event_id = ANY(CAST(:ids AS uuid[]))")
    parked = text("SELECT error FROM parked_events")

    async def tell(*events: DomainEvent) -> None:
        await publish(bus, *events)

        async def are_handled() -> bool:
            async with database.read() as connection:
                assert (await connection.scalars(parked)).all() == []
                count = await connection.scalar(handled, {"ids": [event.id for event in events]})
            return bool(count == len({event.id for event in events}))

        await eventually(are_handled)

    stations, sessions = StationConsumer(bus, database, clock), SessionConsumer(bus, database, clock)
    async with running(stations.run(), sessions.run()):
        yield tell


@pytest.fixture
async def monitoring(service: RunningService) -> monitoring_grpc.MonitoringServiceStub:
    """MonitoringService as an operator calls it."""
    return monitoring_grpc.MonitoringServiceStub(await service.channel("operator"))


@pytest.fixture
async def alerts(service: RunningService) -> alert_grpc.AlertServiceStub:
    """AlertService as an operator calls it."""
    return alert_grpc.AlertServiceStub(await service.channel("operator", sub="olga"))


@pytest.fixture
async def analytics(service: RunningService) -> analytics_grpc.AnalyticsServiceStub:
    """AnalyticsService as an operator calls it."""
    return analytics_grpc.AnalyticsServiceStub(await service.channel("operator"))


async def publish(bus: EventBus, *events: DomainEvent) -> None:
    """Put events on the stream, each under its id."""
    outgoing = [OutgoingEvent(event.id, event.subject, event.SerializeToString()) for event in events]
    assert all(await bus.publish(outgoing))
