"""One unit of work on the database of the station service."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from services.chassis import idempotency, outbox
from services.chassis.database import Database
from services.kernel.clock import Clock
from services.station.domain.events import DomainEvent
from services.station.mapping.events import event_to_proto
from services.station.sql.charge_points import SqlChargePointRepository
from services.station.sql.connections import SqlConnectionRepository
from services.station.sql.connectors import SqlConnectorRepository
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

    async def remember(self, scope: str, request_id: str, resource_id: str) -> str:
        return await idempotency.remember(self._connection, scope, request_id, resource_id)

    async def publish(self, events: Sequence[DomainEvent]) -> None:
        now = self._clock.now()
        await outbox.append(self._connection, [event_to_proto(event, now) for event in events])
        self.has_events = self.has_events or bool(events)


class SqlWorks:
    """Satisfies ports.Works. The relay is woken after each commit with events."""

    def __init__(self, database: Database, relay: outbox.OutboxRelay, clock: Clock) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[SqlWork]:
        async with self._database.transaction() as connection:
            work = SqlWork(connection, self._clock)
            yield work
        if work.has_events:
            self._relay.wake()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqlWork]:
        async with self._database.statements() as connection:
            yield SqlWork(connection, self._clock)
