"""What reads cost: CPU of the service and of PostgreSQL for each request of the lists that callers ask for most.

`python -m tests.load.reading_cost` starts a PostgreSQL of its own, records sessions with readings and makes stations,
and prints microseconds per request, medians over rounds. Requests go to the servicers, answers are serialized; gRPC and
Envoy are not in it.
"""

import argparse
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import uvloop
from google.protobuf.message import Message

from csms.station.v1 import station_service_pb2 as station_pb
from csms.transaction.v1 import transaction_pb2 as transaction
from csms.transaction.v1 import transaction_service_pb2 as transaction_pb
from services.kernel.clock import SystemClock
from services.kernel.tenancy import DEFAULT_TENANT, as_tenant
from services.messaging.event_bus import EventBus
from services.messaging.outbox import OutboxRelay
from services.postgres.database import Database
from services.postgres.readers import Readers
from services.rpc.calls import Call, set_call
from services.rpc.json_answers import serializer
from services.station.application.connectors import Connectors
from services.station.application.stations import Stations
from services.station.servicer import StationServicer
from services.station.sql.batches import SqlBatches
from services.station.sql.reads import SqlStationReads
from services.station.sql.unit_of_work import SqlUnitsOfWork as StationUnitsOfWork
from services.transaction.application.ending import Endings
from services.transaction.application.orphans import Orphans
from services.transaction.application.placing import Placing
from services.transaction.application.recording import Recorder
from services.transaction.application.transactions import Transactions
from services.transaction.mapping.recording import EventMessage, answer_to_proto
from services.transaction.servicer.transactions import TransactionServicer
from services.transaction.sql.matching import SqlMatchings
from services.transaction.sql.meter_values import SqlMeterStore
from services.transaction.sql.reads import SqlTransactionReads
from services.transaction.sql.recording import SqlRecordings
from services.transaction.sql.unit_of_work import SqlUnitsOfWork as TransactionUnitsOfWork
from tests.load.costs import Costs, databases
from tests.load.recording_cost import Batch, Fleet

_CLOCK = SystemClock()
_CONTEXT: Any = None
_STATIONS, _CHARGE_POINTS_EACH = 25, 2
_BATCH = 64

_serialize = serializer(lambda message: message.SerializeToString())

Read = Callable[[], Awaitable[Message]]


async def sessions(database: Database, relay: OutboxRelay, options: argparse.Namespace) -> Mapping[str, Read]:
    """Record sessions, the newest with readings, half of those over; returns what is read of them."""
    recorder = Recorder(SqlMeterStore(database), SqlRecordings(database, relay), _CLOCK)
    fleet = Fleet(_BATCH, _BATCH)

    async def record(batch: Batch) -> None:
        answers = await recorder.record([EventMessage(event) for event in batch])
        fleet.note(batch, [answer_to_proto(answer) for answer in answers])

    for _ in range(options.sessions // _BATCH):
        await record(fleet.starts())
    for _ in range(options.readings):
        await record(fleet.meter_values())
    await record(fleet.stops()[: _BATCH // 2])
    await recorder.close()
    units_of_work = TransactionUnitsOfWork(database, relay, _CLOCK)
    readers = Readers(database)
    transactions = Transactions(units_of_work, SqlTransactionReads(readers), _CLOCK)
    orphans = Orphans(transactions, Placing(SqlMatchings(database, relay), _CLOCK))
    servicer = TransactionServicer(transactions, orphans, Endings(transactions, units_of_work, _CLOCK))
    page = transaction_pb.ListTransactionsRequest(page_size=50)
    over = transaction_pb.ListTransactionsRequest(page_size=50, state=transaction.Transaction.ENDED)
    newest = (await servicer.ListTransactions(page, _CONTEXT)).transactions[-1].id
    one = transaction_pb.GetTransactionRequest(id=newest)
    return {
        "50 transactions": lambda: servicer.ListTransactions(page, _CONTEXT),
        "50 transactions as JSON": _as_json(lambda: servicer.ListTransactions(page, _CONTEXT), page),
        "50 that are over as JSON": _as_json(lambda: servicer.ListTransactions(over, _CONTEXT), over),
        "1 transaction": lambda: servicer.GetTransaction(one, _CONTEXT),
    }


async def stations(database: Database, relay: OutboxRelay) -> Mapping[str, Read]:
    """Make stations with charge points and connectors; returns what is read of them."""
    units_of_work, reports = StationUnitsOfWork(database, relay, _CLOCK), SqlBatches(database, relay)
    all_stations = Stations(units_of_work, SqlStationReads(Readers(database)), _CLOCK, Nobody())
    for number in range(_STATIONS):
        points = [{"id": f"CP{number:03}{place}"} for place in range(_CHARGE_POINTS_EACH)]
        place = {"name": f"Station {number}", "city": "Leipzig", "country": "DE", "latitude": 51.3, "longitude": 12.3}
        plugs = [{"charge_point_id": point["id"], "evse_id": 1, "connector_id": 1} for point in points]
        await all_stations.create(place, points, plugs, "")
    servicer = StationServicer(all_stations, Connectors(units_of_work, reports, _CLOCK))
    page = station_pb.ListStationsRequest(page_size=20)
    one = station_pb.GetStationRequest(station_id=(await servicer.ListStations(page, _CONTEXT)).stations[0].id)
    return {
        "20 stations": lambda: servicer.ListStations(page, _CONTEXT),
        "20 stations as JSON": _as_json(lambda: servicer.ListStations(page, _CONTEXT), page),
        "1 station": lambda: servicer.GetStation(one, _CONTEXT),
    }


class Nobody:
    """Stations where nothing runs."""

    async def at_station(self, station_id: str) -> bool:
        return False

    async def at_charge_point(self, charge_point_id: str) -> bool:
        return False


def _as_json(read: Read, request: Message) -> Read:
    """The read as Envoy asks for it."""

    async def answer() -> Message:
        set_call(Call("", "", request, wants_json=True))
        try:
            return await read()
        finally:
            set_call(Call("", "", request))

    return answer


def _repeated(read: Read, times: int) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        # As people read: the platform, which no policy narrows, reads cheaper.
        with as_tenant(DEFAULT_TENANT):
            for _ in range(times):
                _serialize(await read())

    return work


async def _run(urls: Sequence[str], costs: Costs, options: argparse.Namespace) -> None:
    opened = [Database(url) for url in urls]
    relays = [OutboxRelay(database, EventBus("nats://127.0.0.1:1")) for database in opened]
    reads = {
        **await sessions(opened[0], relays[0], options),
        **await stations(opened[1], relays[1]),
    }
    for _ in range(options.rounds):
        for name, read in reads.items():
            await costs.measure(name, _repeated(read, options.requests), items=options.requests, calls=options.requests)
    for database in opened:
        await database.close()
    print(f"medians of {options.rounds} rounds of {options.requests} requests, one at a time")
    costs.print("request", "request")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=12_000, help="more than lists are counted to")
    parser.add_argument("--readings", type=int, default=100, help="per session, of the newest sessions")
    parser.add_argument("--requests", type=int, default=50, help="per round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with databases({"transaction": "csms_charge_points", "station": "csms_stations"}) as (urls, server):
        uvloop.run(_run(urls, Costs(server), options))


if __name__ == "__main__":
    main()
