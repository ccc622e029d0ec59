"""Carries what an operator set in a station on to its charge points.

It follows from the station's own events, so that a change and its commands cannot come apart.
"""

import logging

from sqlalchemy.ext.asyncio import AsyncConnection

from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.station.v1 import station_pb2 as station_pb
from services.chassis.database import Database
from services.chassis.events import EventBus
from services.chassis.inbox import consume
from services.kernel.errors import DomainError, ErrorKind
from services.station.domain.connector import Availability
from services.station.ports import Commands

_SUBJECTS = ("csms.event.station.station.changed.*", "csms.event.station.connector.availability_changed.*")
# Later tries help with these; any other failure is the charge point's last word.
_WORTH_ANOTHER_TRY = (ErrorKind.UNAVAILABLE, ErrorKind.INTERNAL, ErrorKind.RESOURCE_EXHAUSTED)

_log = logging.getLogger(__name__)


class SettingsConsumer:
    """Commands charge points after a change of configuration or availability."""

    def __init__(self, bus: EventBus, database: Database, commands: Commands) -> None:
        self._bus = bus
        self._database = database
        self._commands = commands

    async def run(self) -> None:
        """Consume until cancelled."""
        await consume(self._bus, self._database, "station-settings", _SUBJECTS, self.handle)

    async def handle(self, _connection: AsyncConnection, event: DomainEvent) -> None:
        """Apply one event. The commands are idempotent by the id of the event."""
        try:
            match event.WhichOneof("payload"):
                case "station_changed":
                    for point in event.station_changed.station.charge_points:
                        for key, value in sorted(event.station_changed.changed_configuration.items()):
                            await self._commands.change_configuration(
                                point.id, key, value, f"{event.id}/{point.id}/{key}"[:100]
                            )
                case "connector_availability_changed":
                    plug = event.connector_availability_changed.connector
                    availability = Availability(station_pb.Connector.Availability.Name(plug.availability))
                    await self._commands.change_availability(
                        plug.charge_point_id, plug.evse_id, plug.connector_id, availability, event.id
                    )
        except DomainError as error:
            if error.kind in _WORTH_ANOTHER_TRY:
                raise
            _log.warning("a setting did not reach its charge point: %s", error.message)
