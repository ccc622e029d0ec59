"""One unit of work on the database of the station service."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.clock import Clock
from services.messaging import outbox
from services.messaging.unit_of_work import Works
from services.postgres.database import Database
from services.rpc import idempotency
from services.station.domain.events import DomainEvent
from services.station.mapping.events import event_to_proto
from services.station.sql.charge_points import SqlChargePointRepository
from services.station.sql.connections import SqlConnectionRepository
from services.station.sql.connectors import SqlConnectorRepository
from services.station.sql.device_events import SqlDeviceEventRepository
from services.station.sql.refusals import SqlRefusalRepository
from services.station.sql.stations import SqlStationRepository


class SqlWork:
    """Satisfies ports.Work on one transaction."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self.has_events = False
        self.stations = SqlStationRepository(connection)
        self.charge_points = SqlChargePointRepository(connection)
        self.connectors = SqlConnectorRepository(connection)
        self.connections = SqlConnectionRepository(connection)
        self.device_events = SqlDeviceEventRepository(connection)
        self.refusals = SqlRefusalRepository(connection)

    async def remember(self, request_id: str, resource_id: str) -> str:
        return await idempotency.remember(self._connection, request_id, resource_id)

    async def publish(self, events: Sequence[DomainEvent]) -> None:
        now = self._clock.now()
        await outbox.append(self._connection, [event_to_proto(event, now) for event in events])
        self.has_events = self.has_events or bool(events)


class SqlWorks(Works[SqlWork]):
    """Satisfies ports.Works."""

    def __init__(self, database: Database, relay: outbox.OutboxRelay, clock: Clock) -> None:
        super().__init__(database, relay, lambda connection: SqlWork(connection, clock))
