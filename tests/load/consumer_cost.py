"""What follows from sessions costs: CPU of each service, of PostgreSQL and of NATS per event, through the consumers.

`python -m tests.load.consumer_cost` starts a PostgreSQL (fsync on) and a NATS of its own and sends sessions through the
outbox, the stream and every consumer of them, one after the other, as they are deployed but in one process. Prints
microseconds per event, medians and minima over rounds. What billing asks of other services is answered in this process.
"""

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psutil
import uvloop
from nats.js.errors import NotFoundError

from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.transaction.v1.transaction_pb2 import Transaction
from services.billing.application.billing import Biller
from services.billing.application.invoicing import Invoicing
from services.billing.clients import GrpcDrivers, GrpcStations, GrpcTransactions
from services.billing.consumers import TransactionConsumer
from services.billing.domain.price_component import ComponentKind, PriceComponent
from services.billing.domain.tariff import MembershipTier, Tariff
from services.billing.sql.unit_of_work import SqlUnitsOfWork
from services.driver.consumers import UsageConsumer
from services.kernel.clock import SystemClock
from services.kernel.ids import derived_id, new_id
from services.messaging import outbox
from services.messaging.event_bus import STREAM, EventBus
from services.messaging.outbox import OutboxRelay
from services.messaging.subjects import subject
from services.monitoring.consumers import SessionConsumer
from services.postgres import migrations
from services.postgres.database import Database
from services.postgres.gathering import GatheringTransactions
from services.postgres.partitions import maintain
from services.rpc import channels
from services.rpc.protobuf import timestamp
from services.rpc.service_identity import ServiceIdentity
from services.transaction.consumers import CommandConsumer
from stack import nats, postgres
from stack.ports import free_port
from tests.contract.services.billing.neighbours import running_neighbours
from tests.fixtures.tokens import Tokens

_DATABASES = {
    "driver": "csms_drivers",
    "billing": "csms_billing",
    "monitoring": "csms_monitoring",
    "transaction": "csms_charge_points",
}
_DURABLES = {
    "driver": "driver-usage",
    "billing": "billing-sessions",
    "monitoring": "monitoring-sessions",
    "transaction": "transaction-commands",
}
_DRIVERS, _STATIONS, _CHARGE_POINTS = 1000, 100, 2000
_POLL_SECONDS = 0.05
_CLOCK = SystemClock()


@dataclass
class Cost:
    """Microseconds per event of each round."""

    service: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    broker: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)


class Fleet:
    """Sessions of many drivers at many stations; each begins, and ends an hour later."""

    def __init__(self) -> None:
        self._count = 0
        self._now = datetime.now(UTC)

    def sessions(self, count: int) -> tuple[list[DomainEvent], list[DomainEvent]]:
        """The events that tell of their begins, and those of their ends, in another order."""
        numbers = range(self._count, self._count + count)
        self._count += count
        started = [self._event(number, "started", 1) for number in numbers]
        # Neighbours end in another order than they began.
        ended = [self._event(number, "ended", 2) for number in sorted(numbers, key=lambda number: number * 37 % 61)]
        return started, ended

    def _event(self, number: int, verb: str, revision: int) -> DomainEvent:
        charge_point_id = f"CP{number % _CHARGE_POINTS:06}"
        start = self._now - timedelta(hours=1, seconds=number % 600)
        is_over = verb == "ended"
        transaction = Transaction(
            id=derived_id("session", number),
            ocpp_transaction_id=str(number),
            charge_point_id=charge_point_id,
            connector_id=1,
            station_id=_station(number % _STATIONS),
            driver_id=_driver(number % _DRIVERS),
            id_tag=f"TAG{number % _DRIVERS}",
            state=Transaction.ENDED if is_over else Transaction.ACTIVE,
            authorization=Transaction.ACCEPTED,
            start_time=timestamp(start),
            stop_time=timestamp(start + timedelta(hours=1)) if is_over else None,
            meter_start_wh=1000,
            meter_stop_wh=9000 + number if is_over else None,
            energy_wh=8000 + number if is_over else 0,
            stop_reason="Local" if is_over else "",
            protocol="ocpp1.6",
            revision=revision,
            create_time=timestamp(start),
            update_time=timestamp(_CLOCK.now()),
        )
        event = DomainEvent(id=new_id(), subject=subject("transaction_changed", verb, charge_point_id))
        event.create_time.GetCurrentTime()
        event.transaction_changed.transaction.CopyFrom(transaction)
        return event


@dataclass(frozen=True)
class Servers:
    """The processes beside this one."""

    database: psutil.Process
    broker: psutil.Process

    def seconds(self) -> tuple[float, float]:
        """CPU of PostgreSQL and of NATS so far."""
        # What a backend has used counts as its parent's once it has ended.
        ended = self.database.cpu_times()
        running = sum(map(_seconds, self.database.children(recursive=True)))
        return ended.children_user + ended.children_system + running, _seconds(self.broker)


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system


class Bench:
    """The consumers of all services on their databases, each started for as long as it is measured."""

    def __init__(self, databases: dict[str, Database], bus: EventBus, biller: Biller, servers: Servers) -> None:
        self._databases = databases
        self._bus = bus
        self._biller = biller
        self._servers = servers
        self._fleet = Fleet()
        self._relays = {name: OutboxRelay(database, bus) for name, database in databases.items()}
        self._consumers: dict[str, Callable[[], Awaitable[None]]] = {
            "driver": UsageConsumer(bus, databases["driver"], _CLOCK).run,
            "billing": TransactionConsumer(bus, databases["billing"], _CLOCK, biller).run,
            "monitoring": SessionConsumer(bus, databases["monitoring"], _CLOCK).run,
            "transaction": CommandConsumer(bus, databases["transaction"], _CLOCK).run,
        }
        self.costs: dict[tuple[str, str], Cost] = {}

    async def round(self, count: int) -> None:
        """`count` sessions begin, end and are billed."""
        for verb, events in zip(("started", "ended"), self._fleet.sessions(count), strict=True):
            async with self._databases["transaction"].transaction() as connection:
                await outbox.append(connection, events)
            await self._measure("transaction", f"relay, {verb}", count, lambda: self._relay("transaction"))
            for name in self._consumers:
                await self._measure(name, verb, count, lambda name=name: self._consume(name))  # type: ignore[misc]
        await self._measure("billing", "settle", count, self._settle)
        await self._measure("billing", "relay, billed", count, lambda: self._relay("billing"))
        for name in ("driver", "monitoring"):
            await self._measure(name, "billed", count, lambda name=name: self._consume(name))  # type: ignore[misc]

    async def _settle(self) -> None:
        assert await self._biller.settle_all() == 0

    async def _relay(self, name: str) -> None:
        async with self._databases[name].raw() as connection:

            async def is_done() -> bool:
                cursor = await connection.execute("SELECT FROM outbox WHERE publish_time IS NULL LIMIT 1")
                return await cursor.fetchone() is None

            await _run_until(self._relays[name].run, is_done)

    async def _consume(self, name: str) -> None:
        jetstream = await self._bus.ready()

        async def is_done() -> bool:
            try:
                info = await jetstream.consumer_info(STREAM, _DURABLES[name])
            except NotFoundError:  # in the first round
                return False
            return (info.num_pending, info.num_ack_pending) == (0, 0)

        await _run_until(self._consumers[name], is_done)

    async def _measure(self, service: str, what: str, events: int, work: Callable[[], Awaitable[None]]) -> None:
        # To ask for the shares of others costs time of our own, so it is asked for outside of ours.
        before = self._servers.seconds()
        own, clock = time.process_time(), time.perf_counter()
        await work()
        own, clock = time.process_time() - own, time.perf_counter() - clock
        database, broker = (after - then for after, then in zip(self._servers.seconds(), before, strict=True))
        cost = self.costs.setdefault((service, what), Cost())
        for spent, seconds in ((cost.service, own), (cost.database, database), (cost.broker, broker)):
            spent.append(seconds / events * 1e6)
        cost.milliseconds.append(clock * 1e3)


async def _run_until(run: Callable[[], Awaitable[None]], is_done: Callable[[], Awaitable[bool]]) -> None:
    running = asyncio.ensure_future(run())
    try:
        while not await is_done():
            assert not running.done()
            await asyncio.sleep(_POLL_SECONDS)
    finally:
        running.cancel()
        await asyncio.wait([running])


def _driver(number: int) -> str:
    return derived_id("driver", number)


def _station(number: int) -> str:
    return derived_id("station", number)


def _tariff() -> Tariff:
    now = _CLOCK.now() - timedelta(days=1)
    prices = [("ENERGY", "0.40", "", ""), ("TIME", "1.20", "08:00", "20:00"), ("FLAT", "0.50", "", "")]
    components = [
        PriceComponent(kind=ComponentKind(kind), price=Decimal(price), start_time_of_day=begin, end_time_of_day=end)
        for kind, price, begin, end in prices
    ]
    return Tariff(
        id=new_id(),
        name="Standard",
        currency_code="EUR",
        components=components,
        tax_basis_points=1900,
        tier_discounts={MembershipTier.GOLD: 1000},
        is_default=True,
        create_time=now,
        update_time=now,
    )


def _identity() -> ServiceIdentity:
    with tempfile.TemporaryDirectory() as folder:
        return Tokens(Path(folder)).identity("billing")


async def _run(postgres_url: str, nats_url: str, servers: Servers, options: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        databases = {name: Database(_url(postgres_url, name)) for name in _DATABASES}
        for database in databases.values():
            stack.push_async_callback(database.close)
        async with databases["monitoring"].transaction() as connection:
            await maintain(connection, "station_metrics", retention_days=400, today=datetime.now(UTC).date())
        bus = await EventBus.connect(nats_url)
        stack.push_async_callback(bus.close)
        known = await stack.enter_async_context(running_neighbours())
        known.tiers = {_driver(number): ("BASIC", "GOLD")[number % 2] for number in range(_DRIVERS)}
        known.time_zones = {_station(number): "Europe/Berlin" for number in range(_STATIONS)}
        channel = await stack.enter_async_context(channels.channel(known.address, "driver", _identity()))
        gathering = GatheringTransactions(databases["billing"])
        stack.push_async_callback(gathering.close)
        units_of_work = SqlUnitsOfWork(databases["billing"], OutboxRelay(databases["billing"], bus), _CLOCK, gathering)
        async with units_of_work() as work:
            await work.tariffs.add_version(_tariff())
        bench = Bench(
            databases,
            bus,
            Biller(
                units_of_work,
                _CLOCK,
                GrpcDrivers(channel),
                GrpcStations(channel),
                GrpcTransactions(channel),
                Invoicing(_CLOCK, Decimal(0)),
            ),
            servers,
        )
        for number in range(options.rounds + 1):
            await bench.round(options.sessions)
            if number == 0:
                bench.costs.clear()  # statements are prepared and plans made in the first one
                # As services do when they have started.
                gc.freeze()
                gc.set_threshold(50_000, 20, 50)
    _print(bench.costs, options)


def _print(costs: dict[tuple[str, str], Cost], options: argparse.Namespace) -> None:
    print(f"medians and minima of {options.rounds} rounds of {options.sessions} sessions; us of CPU per event")
    print(f"{'':13}{'':16}{'service':>15}{'PostgreSQL':>15}{'NATS':>15}{'ms per round':>15}")
    for (service, what), cost in costs.items():
        columns = (cost.service, cost.database, cost.broker, cost.milliseconds)
        print(f"{service:13}{what:16}" + "".join(f"{_summary(rounds):>15}" for rounds in columns))
    print("per message, that is half of what a session brings:")
    total = Cost()
    for name in _DATABASES:
        mine = [cost for (service, _), cost in costs.items() if service == name]
        own, database, broker = (
            [sum(rounds) / 2 for rounds in zip(*columns, strict=True)]
            for columns in ([c.service for c in mine], [c.database for c in mine], [c.broker for c in mine])
        )
        print(f"{name:29}{_summary(own):>15}{_summary(database):>15}{_summary(broker):>15}")
        total.service, total.database = _added(total.service, own), _added(total.database, database)
        total.broker = _added(total.broker, broker)
    print(f"{'all':29}{_summary(total.service):>15}{_summary(total.database):>15}{_summary(total.broker):>15}")


def _added(sums: list[float], more: list[float]) -> list[float]:
    return [one + other for one, other in zip(sums or [0.0] * len(more), more, strict=True)]


def _summary(rounds: list[float]) -> str:
    return f"{statistics.median(rounds):.1f} ({min(rounds):.1f})"


def _url(postgres_url: str, service: str) -> str:
    return f"{postgres_url.rsplit('/', 1)[0]}/{_DATABASES[service]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1280, help="sessions per round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="csms-consumer-cost-") as folder, ExitStack() as stack:
        place = Path(folder)
        stack.callback(postgres.remove, place / "postgres")
        database = postgres.start(place / "postgres", port=free_port())
        stack.callback(database.stop)
        broker = nats.start(place / "nats", port=free_port())
        stack.callback(broker.stop)
        for name in _DATABASES:
            migrations.upgrade(_url(database.url, name), name)
        servers = Servers(psutil.Process(database.child.pid), psutil.Process(broker.child.pid))
        uvloop.run(_run(database.url, broker.url, servers, options))


if __name__ == "__main__":
    main()
