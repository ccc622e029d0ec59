"""What other services tell that the live status, metrics, alerts and usage are made of."""

import logging
from collections.abc import Sequence

from google.protobuf.message import DecodeError
from sqlalchemy.ext.asyncio import AsyncConnection

from csms.event.v1.domain_event_pb2 import DomainEvent
from services.kernel.clock import Clock
from services.kernel.errors import DomainError
from services.messaging.event_bus import EventBus
from services.messaging.inbox import consume_batches
from services.messaging.subjects import subscription
from services.monitoring.application.charge_points import (
    locked_points,
    take_in_boots,
    take_in_connectivity,
    take_in_deletions,
    take_in_device_events,
    take_in_refusals,
    take_in_statuses,
)
from services.monitoring.application.consequences import consequences
from services.monitoring.application.stations import take_in_stations
from services.monitoring.application.transactions import LiveMeter, take_in_bills, take_in_transactions
from services.monitoring.domain.charge_point import ChargePointSnapshot
from services.monitoring.mapping import from_proto
from services.monitoring.sql.unit_of_work import SqlUnitOfWork
from services.postgres.database import Database
from services.process.heartbeats import repeat
from services.process.stirring import AT_REST_SECONDS, Rest

_STATIONS = subscription(
    "monitoring-stations",
    "station_changed",
    "connector_status_changed.status_changed",
    "connectivity_changed",
    "connection_refused",
    "charge_point_booted",
    "charge_point_changed",
    "device_event_recorded",
)
_SESSIONS = subscription("monitoring-sessions", "transaction_changed", "session_billed", "session_unbilled")
_LIVE_SUBJECT = "csms.live.meter_values"
_WRITE_SECONDS = 5.0

_log = logging.getLogger(__name__)


class StationConsumer:
    """Follows stations, charge points and connectors."""

    def __init__(self, bus: EventBus, database: Database, clock: Clock) -> None:
        self._bus = bus
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Consume until cancelled."""
        await consume_batches(self._bus, self._database, *_STATIONS, self.handle)

    async def handle(self, connection: AsyncConnection, events: Sequence[DomainEvent]) -> None:
        """Apply events. Those of one kind go together: what comes of them does not hang on the order of the others."""
        work, clock = SqlUnitOfWork(connection, self._clock), self._clock
        stations, changes, reports, refusals, device_events = [], [], [], [], []
        boots: list[ChargePointSnapshot] = []
        gone: list[ChargePointSnapshot] = []
        for event in events:
            time, tenant_id = from_proto.told_time_of(event, clock), from_proto.tenant_of(event)
            match event.WhichOneof("payload"):
                case "station_changed":
                    changed = event.station_changed
                    stations.append(
                        from_proto.station_snapshot(changed.station, time, tenant_id, deleted=changed.deleted)
                    )
                case "connectivity_changed":
                    changes.append(from_proto.connectivity_change(event.connectivity_changed, time, tenant_id))
                case "connector_status_changed":
                    reports.append(from_proto.status_report(event.connector_status_changed, time, tenant_id))
                case "charge_point_booted":
                    boots.append(
                        from_proto.charge_point_snapshot(event.charge_point_booted.charge_point, time, tenant_id)
                    )
                case "charge_point_changed":
                    snapshot = from_proto.charge_point_snapshot(
                        event.charge_point_changed.charge_point, time, tenant_id
                    )
                    (gone if event.charge_point_changed.deleted else boots).append(snapshot)
                case "connection_refused":
                    refusals.append(from_proto.refusal(event.connection_refused, time, tenant_id))
                case "device_event_recorded":
                    device_events.append(from_proto.device_event(event.device_event_recorded, tenant_id))
        async with consequences(work, clock) as follows:
            await take_in_stations(work, stations, follows)
            told = {change.charge_point_id for change in changes} | {snapshot.id for snapshot in (*boots, *gone)}
            async with locked_points(work, told) as points:
                take_in_connectivity(points, changes, follows)
                take_in_boots(points, boots, follows)
                take_in_deletions(points, gone, follows)
            await take_in_statuses(work, reports, follows)
            take_in_refusals(refusals, follows)
            take_in_device_events(device_events, follows)


class SessionConsumer:
    """Follows transactions and their bills."""

    def __init__(self, bus: EventBus, database: Database, clock: Clock) -> None:
        self._bus = bus
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Consume until cancelled."""
        await consume_batches(self._bus, self._database, *_SESSIONS, self.handle)

    async def handle(self, connection: AsyncConnection, events: Sequence[DomainEvent]) -> None:
        """Apply events; the order of bills and transactions does not matter."""
        work, clock = SqlUnitOfWork(connection, self._clock), self._clock
        snapshots, bills = [], []
        for event in events:
            tenant_id = from_proto.tenant_of(event)
            match event.WhichOneof("payload"):
                case "transaction_changed":
                    snapshots.append(from_proto.transaction(event.transaction_changed.transaction, clock, tenant_id))
                case "session_billed":
                    bills.append(
                        from_proto.bill(event.session_billed, from_proto.told_time_of(event, clock), tenant_id)
                    )
                case "session_unbilled":
                    time = from_proto.told_time_of(event, clock)
                    bills.append(from_proto.bill_taken_back(event.session_unbilled, time, tenant_id))
        await take_in_transactions(work, snapshots, clock)
        await take_in_bills(work, bills)


class LiveConsumer:
    """Follows live meter values, which may be lost."""

    def __init__(self, bus: EventBus, meter: LiveMeter) -> None:
        self._bus = bus
        self._meter = meter
        self._rest = Rest()

    async def gather(self) -> None:
        """Listen until cancelled."""
        async with self._bus.subscribe_live(_LIVE_SUBJECT) as messages:
            async for message in messages:
                try:
                    self._meter.gather(from_proto.live_readings(message.payload))
                    self._rest.stir()
                except (DecodeError, DomainError) as error:
                    _log.warning("live meter values cannot be read: %s", error)

    async def write(self) -> None:
        """Write down what was gathered, every few seconds, until cancelled."""
        await repeat(self._write, _WRITE_SECONDS, _WRITE_SECONDS, self._rest)

    async def _write(self) -> float:
        while await self._meter.write():
            pass
        return AT_REST_SECONDS
