"""Whoever takes in facts at the same time waits for the others, never in a ring, which PostgreSQL ends by an error."""

import itertools
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from csms.event.v1.domain_event_pb2 import DomainEvent
from services.kernel.clock import FixedClock, SystemClock
from services.kernel.ids import new_id
from services.messaging.outbox import OutboxRelay
from services.monitoring.application.alerts import Alerts
from services.monitoring.application.charge_points import take_in_sightings
from services.monitoring.application.consequences import consequences
from services.monitoring.application.transactions import LiveMeter
from services.monitoring.consumers import SessionConsumer, StationConsumer
from services.monitoring.domain.charge_point import Sighting
from services.monitoring.domain.live_reading import LiveReading
from services.monitoring.domain.metrics import MetricChange, Metrics, bucket_of
from services.monitoring.sql.locks import OutOfOrder
from services.monitoring.sql.unit_of_work import SqlUnitsOfWork
from tests.contract.services.monitoring.messages import (
    NOW,
    a_charge_point,
    a_connector,
    a_transaction,
    at,
    billed,
    booted,
    connection,
    connector_reported,
    point_changed,
    session,
    station_changed,
)
from tests.fixtures.deadlocks import deadlocks_of, look_for_rings_at_once
from tests.fixtures.postgres import FreshDatabase
from tests.fixtures.services import RunningService, ServiceRunner

pytestmark = pytest.mark.field_case("E7")

HAMMERED_SECONDS = 6.0
STATIONS = [new_id() for _ in range(3)]
POINTS = [f"CP{number}" for number in range(6)]
SESSIONS = [str(number) for number in range(8)]


@dataclass(frozen=True)
class Hammer:
    """Takes in facts about a few things in every order, as consumers, readings, comparison and alerts do at once."""

    service: RunningService
    units_of_work: SqlUnitsOfWork
    dice: random.Random
    seconds: "itertools.count[int]"

    def tasks(self) -> list[Callable[[], Awaitable[object]]]:
        """What is done over and over, each beside the others."""
        return [
            *[self.stations] * 3,
            *[self.sessions] * 3,
            *[self.readings] * 2,
            self.sightings,
            self.away,
            Alerts(self.units_of_work, SystemClock()).clear_what_is_over,
        ]

    async def stations(self) -> None:
        events = [self._about_a_station() for _ in range(self.dice.randint(1, 12))]
        consumer = StationConsumer(self.service.bus, self.service.database, SystemClock())
        async with self.service.database.transaction() as held:
            await consumer.handle(held, events)

    async def sessions(self) -> None:
        events = [self._about_a_session() for _ in range(self.dice.randint(1, 12))]
        consumer = SessionConsumer(self.service.bus, self.service.database, SystemClock())
        async with self.service.database.transaction() as held:
            await consumer.handle(held, events)

    async def readings(self) -> None:
        meter = LiveMeter(self.units_of_work, SystemClock())
        for name in self.dice.sample(SESSIONS, 4):
            meter.gather(
                [LiveReading("CP1", name, datetime.now(UTC), self.dice.randint(0, 22_000), next(self.seconds))]
            )
        await meter.write()

    async def sightings(self) -> None:
        seen = [
            Sighting(charge_point_id=name, online=self.dice.random() < 0.5, epoch=next(self.seconds), time=NOW)
            for name in self.dice.sample(POINTS, 3)
        ]
        async with self.units_of_work() as work, consequences(work, SystemClock()) as follows:
            await take_in_sightings(work, seen, follows)

    async def away(self) -> None:
        await Alerts(self.units_of_work, FixedClock(datetime.now(UTC) + timedelta(minutes=30))).raise_for_those_away()

    def _about_a_station(self) -> DomainEvent:
        name, station_id, second = self.dice.choice(POINTS), self.dice.choice(STATIONS), next(self.seconds)
        status = self.dice.choice(("FAULTED", "AVAILABLE"))
        plug = a_connector(1, status, seconds=second, charge_point_id=name, station_id=station_id)
        about: list[Callable[[], DomainEvent]] = [
            lambda: connector_reported(plug, seconds=second),
            lambda: connection(
                online=self.dice.random() < 0.4, epoch=second, name=name, station_id=station_id, seconds=second
            ),
            lambda: booted(a_charge_point(name, station_id=station_id), seconds=second),
            lambda: point_changed(
                a_charge_point(name, station_id=station_id), seconds=second, deleted=self.dice.random() < 0.2
            ),
            lambda: station_changed(
                station_id=station_id,
                seconds=second,
                revision=second,
                charge_points=[a_charge_point(one) for one in self.dice.sample(POINTS, 3)],
                connectors=[plug],
            ),
        ]
        return self.dice.choice(about)()

    def _about_a_session(self) -> DomainEvent:
        name, second = self.dice.choice(SESSIONS), next(self.seconds)
        if self.dice.random() < 0.2:
            return billed(name, seconds=second, total_minor=second)
        more = {"state": "ENDED", "stop_time": at(second)} if self.dice.random() < 0.3 else {}
        return session(
            a_transaction(
                name,
                revision=second,
                station_id=self.dice.choice(STATIONS),
                authorization=self.dice.choice(("ACCEPTED", "INVALID")),
                energy_wh=second,
                start_time=at(self.dice.choice((0, 60, 120))),
                **more,
            )
        )


@pytest.fixture
async def hammer(run_service: ServiceRunner, fresh_database: FreshDatabase) -> Hammer:
    """On a database of its own."""
    url = fresh_database("monitoring")
    look_for_rings_at_once(url)
    service = await run_service("monitoring", database_url=url)
    units_of_work = SqlUnitsOfWork(service.database, OutboxRelay(service.database, service.bus), SystemClock())
    return Hammer(service, units_of_work, random.Random(11), itertools.count(1))


async def test_facts_from_all_sides_at_once_never_wait_in_a_ring(hammer: Hammer) -> None:
    assert await deadlocks_of(hammer.service, hammer.tasks(), HAMMERED_SECONDS) == 0


async def test_who_goes_back_in_the_order_is_stopped(hammer: Hammer) -> None:
    minute = MetricChange(station_id=STATIONS[0], time=bucket_of(NOW), metrics=Metrics(fault_count=1))

    async with hammer.units_of_work() as work:
        await work.metrics.add([minute])
        with pytest.raises(OutOfOrder, match="STATIONS after METRICS"):
            await work.stations.touch({STATIONS[0]: NOW})
        with pytest.raises(OutOfOrder, match="METRICS twice"):
            await work.metrics.add([minute])
        await work.alerts.find(new_id(), for_update=True)
        with pytest.raises(OutOfOrder, match="STATION_TURN after ALERT_TURN"):
            await work.charge_points.lock(["CP1"])
