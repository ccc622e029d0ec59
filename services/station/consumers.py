"""Carries what an operator set in a station on to its charge points, and notes what follows from pushed settings.

It follows from the station's own events, so that a change and its commands cannot come apart.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.transaction.v1.command_pb2 import Command
from services.kernel.clock import Clock
from services.kernel.tenancy import DEFAULT_TENANT, as_tenant
from services.messaging.event_bus import EventBus
from services.messaging.inbox import consume
from services.messaging.subjects import subscription
from services.postgres.database import Database
from services.station.application.configuration_push import send_availability, send_configuration
from services.station.application.configuration_reboots import take_in_change
from services.station.mapping.connectors import connector_of
from services.station.ports import Commands
from services.station.sql.unit_of_work import SqlUnitOfWork

_SETTINGS = subscription("station-settings", "station_changed.changed", "connector_availability_changed")


_PUSHES = subscription("station-configuration-pushes", "command_changed")
# An answer that was refused as a whole has changed some of it all the same.
_ANSWERED = (Command.ACCEPTED, Command.REJECTED)


class PushConsumer:
    """Notes which charge points are to be restarted after a push of a configuration template."""

    def __init__(self, bus: EventBus, database: Database, clock: Clock, commands: Commands) -> None:
        self._bus = bus
        self._database = database
        self._clock = clock
        self._commands = commands

    async def run(self) -> None:
        """Consume until cancelled."""
        await consume(self._bus, self._database, *_PUSHES, self.handle)

    async def handle(self, connection: AsyncConnection, event: DomainEvent) -> None:
        """Apply one event."""
        changed = event.command_changed
        if changed.kind != "change_settings" or changed.state not in _ANSWERED:
            return
        work, now = SqlUnitOfWork(connection, self._clock), self._clock.now()
        tenant_id = event.tenant_id or DEFAULT_TENANT
        with as_tenant(tenant_id):
            await take_in_change(work, self._commands, changed.charge_point_id, changed.command_id, tenant_id, now)


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
