"""Carries what an operator set in a station on to its charge points.

It follows from the station's own events, so that a change and its commands cannot come apart.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from csms.event.v1.domain_event_pb2 import DomainEvent
from services.kernel.clock import Clock
from services.kernel.tenancy import DEFAULT_TENANT, as_tenant
from services.messaging.event_bus import EventBus
from services.messaging.inbox import consume
from services.messaging.subjects import subscription
from services.postgres.database import Database
from services.station.application.configuration_push import send_availability, send_configuration
from services.station.mapping.connectors import connector_of
from services.station.ports import Commands
from services.station.sql.unit_of_work import SqlUnitOfWork

_SETTINGS = subscription("station-settings", "station_changed.changed", "connector_availability_changed")


class SettingsConsumer:
    """Commands charge points after a change of configuration or availability."""

    def __init__(self, bus: EventBus, database: Database, clock: Clock, commands: Commands) -> None:
        self._bus = bus
        self._database = database
        self._clock = clock
        self._commands = commands

    async def run(self) -> None:
        """Consume until cancelled."""
        await consume(self._bus, self._database, *_SETTINGS, self.handle)

    async def handle(self, connection: AsyncConnection, event: DomainEvent) -> None:
        """Apply one event. The commands are the tenant's whose the station is."""
        work = SqlUnitOfWork(connection, self._clock)
        with as_tenant(event.tenant_id or DEFAULT_TENANT):
            match event.WhichOneof("payload"):
                case "station_changed":
                    changed = event.station_changed
                    changes = dict(changed.changed_configuration)
                    await send_configuration(work, self._commands, changed.station.id, changes, event.id)
                case "connector_availability_changed":
                    plug = connector_of(event.connector_availability_changed.connector)
                    await send_availability(work, self._commands, plug, event.id)
