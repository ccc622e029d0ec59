"""What connections cost: CPU of the station service and of PostgreSQL for each handshake, boot, status and the like.

`python -m tests.load.station_cost` starts a PostgreSQL of its own (fsync on), registers charge points and lets them
connect, boot, report and leave, in batches as the edge sends them, one at a time; gRPC is not in it. Prints
microseconds per item, medians over rounds.
"""

import argparse
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop

from csms.station.v1 import connectivity_service_pb2 as pb
from csms.station.v1.connector_pb2 import Connector
from csms.station.v1.evse_ref_pb2 import EvseRef
from services.kernel.clock import SystemClock
from services.messaging.event_bus import EventBus
from services.messaging.outbox import OutboxRelay
from services.postgres.database import Database
from services.rpc.protobuf import timestamp
from services.station.application.charge_points import ChargePoints
from services.station.application.connectivity import Connectivity, Policy
from services.station.application.connectors import Connectors
from services.station.application.device_events import DeviceEvents
from services.station.application.free_vending import StartRules
from services.station.application.refusals import Memory, Refusals
from services.station.domain.charge_point import made
from services.station.servicer import ConnectivityServicer
from services.station.sql.batches import SqlBatches
from services.station.sql.unit_of_work import SqlUnitsOfWork
from tests.load.costs import Costs, databases

_PASSWORD = "a long and secret word"
_NODE, _ADDRESS = "edge-1", "127.0.0.1:14000"
_CLOCK = SystemClock()
_CONTEXT: Any = None

Batches = Sequence[Sequence[str]]


class Bench:
    """The servicer of connectivity on one database; `batches` hold the identities of all charge points."""

    def __init__(
        self, units_of_work: SqlUnitsOfWork, servicer: ConnectivityServicer, costs: Costs, batches: Batches
    ) -> None:
        self._units_of_work = units_of_work
        self._servicer = servicer
        self._costs = costs
        self._batches = batches
        self._epochs: dict[str, int] = {}

    async def fill(self) -> None:
        """Register all charge points; every second one has a password. Each connector is known afterwards."""
        for batch in self._batches:
            points = [
                made({"id": name, "password": _PASSWORD if number % 2 else ""}, _CLOCK.now())
                for number, name in enumerate(batch)
            ]
            async with self._units_of_work() as work:
                await work.charge_points.add(points)
            await self._open(self._attempts(batch))
            for connector in (1, 2):
                await self._report(self._statuses(batch, Connector.UNAVAILABLE, connector))

    async def round(self) -> None:
        await self._measure("Disconnect", self._closed, self._close)
        await self._measure("Handshake", self._attempts, self._open)
        await self._measure("Boot", self._boots, self._boot)
        await self._measure("Status, changed", self._available, self._report)
        await self._measure("Status, repeated", self._available, self._report)
        await self._measure("Status, changed back", self._unavailable, self._report)
        await self._measure("Handshake, connected already", self._attempts, self._open)
        await self._measure("Sighting", self._sightings, self._live)

    def _attempts(self, batch: Sequence[str]) -> pb.OpenConnectionsRequest:
        return pb.OpenConnectionsRequest(
            attempts=[
                pb.ConnectionAttempt(
                    charge_point_id=name,
                    protocol="ocpp1.6",
                    node=_NODE,
                    node_address=_ADDRESS,
                    remote_address="127.0.0.1",
                    password=_PASSWORD.encode(),
                    security_profile=1,
                )
                for name in batch
            ]
        )

    def _boots(self, batch: Sequence[str]) -> pb.ReportBootsRequest:
        return pb.ReportBootsRequest(
            boots=[
                pb.BootReport(
                    charge_point_id=name,
                    epoch=self._epochs[name],
                    vendor="ACME",
                    model="Wall",
                    serial_number="S1",
                    firmware_version="1.0",
                    received_time=timestamp(_CLOCK.now()),
                )
                for name in batch
            ]
        )

    def _available(self, batch: Sequence[str]) -> pb.ReportStatusesRequest:
        return self._statuses(batch, Connector.AVAILABLE, 1)

    def _unavailable(self, batch: Sequence[str]) -> pb.ReportStatusesRequest:
        return self._statuses(batch, Connector.UNAVAILABLE, 1)

    def _statuses(
        self, batch: Sequence[str], status: Connector.Status.ValueType, connector: int
    ) -> pb.ReportStatusesRequest:
        now = timestamp(datetime.now(UTC))
        return pb.ReportStatusesRequest(
            statuses=[
                pb.StatusReport(
                    charge_point_id=name,
                    epoch=self._epochs[name],
                    evse=EvseRef(connector_id=connector),
                    status=status,
                    error_code="NoError",
                    device_time=now,
                    received_time=now,
                )
                for name in batch
            ]
        )

    def _closed(self, batch: Sequence[str]) -> pb.CloseConnectionsRequest:
        return pb.CloseConnectionsRequest(
            connections=[
                pb.ClosedConnection(charge_point_id=name, epoch=self._epochs[name], reason="connection_lost")
                for name in batch
            ]
        )

    def _sightings(self, batch: Sequence[str]) -> pb.ReportLivenessRequest:
        now = timestamp(datetime.now(UTC))
        return pb.ReportLivenessRequest(
            node=_NODE,
            node_address=_ADDRESS,
            sightings=[
                pb.Sighting(charge_point_id=name, epoch=self._epochs[name], last_seen_time=now) for name in batch
            ],
        )

    async def _open(self, request: pb.OpenConnectionsRequest) -> None:
        response = await self._servicer.OpenConnections(request, _CONTEXT)
        for attempt, admission in zip(request.attempts, response.admissions, strict=True):
            assert admission.epoch, admission
            self._epochs[attempt.charge_point_id] = admission.epoch

    async def _boot(self, request: pb.ReportBootsRequest) -> None:
        response = await self._servicer.ReportBoots(request, _CONTEXT)
        assert not any(answer.HasField("error") for answer in response.answers)

    async def _report(self, request: pb.ReportStatusesRequest) -> None:
        response = await self._servicer.ReportStatuses(request, _CONTEXT)
        assert not any(answer.HasField("error") for answer in response.answers)

    async def _close(self, request: pb.CloseConnectionsRequest) -> None:
        response = await self._servicer.CloseConnections(request, _CONTEXT)
        assert not any(answer.HasField("error") for answer in response.answers)

    async def _live(self, request: pb.ReportLivenessRequest) -> None:
        response = await self._servicer.ReportLiveness(request, _CONTEXT)
        assert not response.superseded_charge_point_ids

    async def _measure(
        self, name: str, make: Callable[[Sequence[str]], Any], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        made = [(request := make(batch)).SerializeToString() for batch in self._batches]
        read = type(request).FromString

        async def work() -> None:
            for each in made:
                await send(read(each))

        await self._costs.measure(name, work, items=sum(map(len, self._batches)), calls=len(self._batches))


class Idle:
    """Satisfies ports.RunningTransactions: nothing runs."""

    async def at_station(self, station_id: str) -> bool:
        return False

    async def at_charge_point(self, charge_point_id: str) -> bool:
        return False


async def _run(url: str, costs: Costs, options: argparse.Namespace) -> None:
    database = Database(url)
    relay = OutboxRelay(database, EventBus("nats://127.0.0.1:1"))
    units_of_work, reports = SqlUnitsOfWork(database, relay, _CLOCK), SqlBatches(database, relay)
    connectivity = Connectivity(units_of_work, reports, _CLOCK, Policy(300, False))
    refusals = Refusals(units_of_work, _CLOCK, Memory(timedelta(days=30)))
    connectors = Connectors(units_of_work, reports, _CLOCK)
    points, rules = ChargePoints(units_of_work, _CLOCK, Idle()), StartRules(units_of_work)
    servicer = ConnectivityServicer(
        connectivity, connectors, refusals, points, rules, DeviceEvents(units_of_work), _CLOCK
    )
    batches = [
        [f"CP{number:06}" for number in range(first, first + options.size)]
        for first in range(0, options.size * options.batches, options.size)
    ]
    bench = Bench(units_of_work, servicer, costs, batches)
    await bench.fill()
    for _ in range(options.rounds):
        await bench.round()
    await reports.close()
    await database.close()
    print(f"batches of {options.size}, medians of {options.rounds} rounds of {options.batches} batches")
    costs.print("item", "batch")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=64, help="items per batch")
    parser.add_argument("--batches", type=int, default=40, help="batches per round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with databases({"station": "csms_stations"}) as ([url], server):
        uvloop.run(_run(url, Costs(server), options))


if __name__ == "__main__":
    main()
