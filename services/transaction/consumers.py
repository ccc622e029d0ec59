"""What the platform tells: what commands wait for, what is evidence about transactions, and what connectors can give,
which transactions are judged by."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from csms.event.v1.domain_event_pb2 import DomainEvent
from services.kernel.clock import Clock
from services.kernel.tenancy import DEFAULT_TENANT
from services.messaging.event_bus import EventBus
from services.messaging.inbox import consume_batches
from services.messaging.subjects import subscription
from services.postgres.database import Database
from services.rpc.protobuf import time_of
from services.transaction.application.command_effects import note_boot, note_connection, note_transaction
from services.transaction.application.evidence import ask_after_boots, note_reports
from services.transaction.domain.command import Place
from services.transaction.mapping.evidence import boot_to_ask_after, connector_report
from services.transaction.mapping.stations import connector_powers
from services.transaction.sql.unit_of_work import SqlUnitOfWork

_COMMANDS = subscription(
    "transaction-commands", "transaction_changed", "charge_point_booted", "connectivity_changed.opened"
)
_STATIONS = subscription("transaction-stations", "station_changed.changed")
_EVIDENCE = subscription("transaction-evidence", "connector_status_changed")


class CommandConsumer:
    """Notes the effects of commands, and when queued ones can be delivered; has charge points that have booted asked
    after their transactions."""

    def __init__(self, bus: EventBus, database: Database, clock: Clock) -> None:
        self._bus = bus
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Consume until cancelled."""
        await consume_batches(self._bus, self._database, *_COMMANDS, self.handle)

    async def handle(self, connection: AsyncConnection, events: Sequence[DomainEvent]) -> None:
        """Apply events in their order. Hardly one of them is about a charge point that was commanded at all."""
        work, now = SqlUnitOfWork(connection, self._clock), self._clock.now()
        charge_point_ids = [_charge_point_of(event) for event in events]
        commanded = await work.commands.lock_open_at({name for name in charge_point_ids if name}, now)
        for charge_point_id, event in zip(charge_point_ids, events, strict=True):
            if charge_point_id in commanded:
                await _note(work, Place(charge_point_id, event.tenant_id or DEFAULT_TENANT), event, now)
        if boots := dict(boot for boot in map(boot_to_ask_after, events) if boot is not None):
            await ask_after_boots(work, boots, now)


class StationConsumer:
    """Notes what connectors can give."""

    def __init__(self, bus: EventBus, database: Database, clock: Clock) -> None:
        self._bus = bus
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Consume until cancelled."""
        await consume_batches(self._bus, self._database, *_STATIONS, self.handle)

    async def handle(self, connection: AsyncConnection, events: Sequence[DomainEvent]) -> None:
        """Apply events; their order does not matter."""
        work, now = SqlUnitOfWork(connection, self._clock), self._clock.now()
        await work.connector_powers.note(
            [
                power
                for event in events
                for power in connector_powers(event.station_changed.station, time_of(event, "create_time") or now)
            ]
        )


class EvidenceConsumer:
    """Takes in what connectors do, as far as it is about transactions."""

    def __init__(self, bus: EventBus, database: Database, clock: Clock) -> None:
        self._bus = bus
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Consume until cancelled."""
        await consume_batches(self._bus, self._database, *_EVIDENCE, self.handle)

    async def handle(self, connection: AsyncConnection, events: Sequence[DomainEvent]) -> None:
        """Take in events. Hardly one of them is about a charge point at which a transaction runs."""
        work, now = SqlUnitOfWork(connection, self._clock), self._clock.now()
        if reports := [report for report in map(connector_report, events) if report is not None]:
            await note_reports(work, reports, now)


def _charge_point_of(event: DomainEvent) -> str:
    """The charge point that an event is about; empty when it changes nothing for commands."""
    match event.WhichOneof("payload"):
        case "transaction_changed":
            return event.transaction_changed.transaction.charge_point_id
        case "charge_point_booted":
            return event.charge_point_booted.charge_point.id
        case "connectivity_changed" if event.connectivity_changed.online:
            return event.connectivity_changed.charge_point_id
    return ""


async def _note(work: SqlUnitOfWork, place: Place, event: DomainEvent, now: datetime) -> None:
    match event.WhichOneof("payload"):
        case "transaction_changed":
            await note_transaction(work, place, event.transaction_changed.transaction.id, now)
        case "charge_point_booted":
            await note_boot(work, place, time_of(event, "create_time") or now, now)
        case "connectivity_changed":
            await note_connection(work, place, now)
