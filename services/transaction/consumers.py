"""What the platform tells that commands wait for: sessions, boots and connections of charge points."""

from sqlalchemy.ext.asyncio import AsyncConnection

from csms.event.v1.domain_event_pb2 import DomainEvent
from services.chassis.database import Database
from services.chassis.events import EventBus
from services.chassis.inbox import consume
from services.chassis.protobuf import time_of
from services.kernel.clock import Clock
from services.transaction.application.effects import note_boot, note_connection, note_session
from services.transaction.sql.work import SqlWork

_SUBJECTS = (
    "csms.event.transaction.session.*.*",
    "csms.event.station.charge_point.booted.*",
    "csms.event.station.connection.opened.*",
)


class CommandConsumer:
    """Notes the effects of commands, and when queued ones can be delivered."""

    def __init__(self, bus: EventBus, database: Database, clock: Clock) -> None:
        self._bus = bus
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Consume until cancelled."""
        await consume(self._bus, self._database, "transaction-commands", _SUBJECTS, self.handle)

    async def handle(self, connection: AsyncConnection, event: DomainEvent) -> None:
        """Apply one event."""
        work, now = SqlWork(connection, self._clock), self._clock.now()
        match event.WhichOneof("payload"):
            case "transaction_changed":
                session = event.transaction_changed.transaction
                await note_session(work, session.charge_point_id, session.id, now)
            case "charge_point_booted":
                charge_point_id = event.charge_point_booted.charge_point.id
                await note_boot(work, charge_point_id, time_of(event, "create_time") or now, now)
            case "connectivity_changed" if event.connectivity_changed.online:
                await note_connection(work, event.connectivity_changed.charge_point_id, now)
