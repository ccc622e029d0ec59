"""What other services tell that the live status, metrics, alerts and usage are made of."""

import asyncio
import logging

from google.protobuf.message import DecodeError
from sqlalchemy.ext.asyncio import AsyncConnection

from csms.event.v1.domain_event_pb2 import DomainEvent
from services.chassis.database import Database
from services.chassis.events import EventBus
from services.chassis.inbox import consume
from services.kernel.clock import Clock
from services.kernel.errors import DomainError
from services.monitoring.application.charge_points import take_in_boot, take_in_connectivity, take_in_status
from services.monitoring.application.stations import take_in_station
from services.monitoring.application.transactions import LiveMeter, take_in_bill, take_in_transaction
from services.monitoring.mapping import told
from services.monitoring.sql.work import SqlWork

_STATION_SUBJECTS = (
    "csms.event.station.station.*.*",
    "csms.event.station.connector.status_changed.*",
    "csms.event.station.connection.*.*",
    "csms.event.station.charge_point.booted.*",
)
_SESSION_SUBJECTS = ("csms.event.transaction.session.*.*", "csms.event.billing.session.billed.*")
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
        await consume(self._bus, self._database, "monitoring-stations", _STATION_SUBJECTS, self.handle)

    async def handle(self, connection: AsyncConnection, event: DomainEvent) -> None:
        """Apply one event."""
        work, time = SqlWork(connection, self._clock), told.told_time_of(event, self._clock)
        match event.WhichOneof("payload"):
            case "station_changed":
                changed = event.station_changed
                snapshot = told.station_snapshot(changed.station, time, deleted=changed.deleted)
                await take_in_station(work, snapshot, self._clock)
            case "connector_status_changed":
                connector = told.reported_connector(event.connector_status_changed, time)
                station_id = told.id_or_none(event.connector_status_changed.connector.station_id)
                await take_in_status(work, connector, station_id, self._clock)
            case "connectivity_changed":
                change = told.connectivity_change(event.connectivity_changed, time)
                await take_in_connectivity(work, change, self._clock)
            case "charge_point_booted":
                point = told.charge_point_snapshot(event.charge_point_booted.charge_point, time)
                await take_in_boot(work, point)


class SessionConsumer:
    """Follows transactions and their bills."""

    def __init__(self, bus: EventBus, database: Database, clock: Clock) -> None:
        self._bus = bus
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Consume until cancelled."""
        await consume(self._bus, self._database, "monitoring-sessions", _SESSION_SUBJECTS, self.handle)

    async def handle(self, connection: AsyncConnection, event: DomainEvent) -> None:
        """Apply one event."""
        work = SqlWork(connection, self._clock)
        match event.WhichOneof("payload"):
            case "transaction_changed":
                snapshot = told.transaction(event.transaction_changed.transaction, self._clock)
                await take_in_transaction(work, snapshot, self._clock)
            case "session_billed":
                await take_in_bill(work, told.bill(event.session_billed, told.told_time_of(event, self._clock)))


class LiveConsumer:
    """Follows live meter values, which may be lost."""

    def __init__(self, bus: EventBus, meter: LiveMeter) -> None:
        self._bus = bus
        self._meter = meter

    async def gather(self) -> None:
        """Listen until cancelled."""
        async with self._bus.subscribe_live(_LIVE_SUBJECT) as messages:
            async for message in messages:
                try:
                    self._meter.gather(told.live_readings(message.payload))
                except (DecodeError, DomainError) as error:
                    _log.warning("live meter values cannot be read: %s", error)

    async def write(self) -> None:
        """Write down what was gathered, every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(_WRITE_SECONDS)
            try:
                while await self._meter.write():
                    pass
            except DomainError as error:
                _log.warning("live meter values are not written down now: %s", error.message)
