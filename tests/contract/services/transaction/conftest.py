"""The transaction service, running inside the test, and its callers."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any

import pytest

from csms.transaction.v1 import command_service_pb2_grpc as command_grpc
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import recording_service_pb2_grpc as recording_grpc
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from csms.transaction.v1 import transaction_service_pb2 as service_pb
from csms.transaction.v1 import transaction_service_pb2_grpc as service_grpc
from tests.contract.services.transaction.platform import Platform, Stations, running_edge
from tests.fixtures.postgres import FreshDatabase, KeptConnection
from tests.fixtures.services import RunningService, ServiceRunner
from tests.fixtures.tokens import Tokens

Record = Callable[..., Awaitable[Sequence[recording_pb.TransactionEventAnswer]]]


class Reader:
    """The service as an administrator reads it."""

    def __init__(self, stub: service_grpc.TransactionServiceStub) -> None:
        self.stub = stub

    async def get(self, transaction_id: str) -> transaction_pb.Transaction:
        response = await self.stub.GetTransaction(service_pb.GetTransactionRequest(id=transaction_id))
        return response.transaction

    async def list(self, **fields: Any) -> Sequence[transaction_pb.Transaction]:
        response = await self.stub.ListTransactions(service_pb.ListTransactionsRequest(**fields))
        return response.transactions

    async def meter_values(self, transaction_id: str) -> Sequence[transaction_pb.MeterValue]:
        response = await self.stub.ListMeterValues(service_pb.ListMeterValuesRequest(id=transaction_id, page_size=250))
        return response.meter_values


# In one of them, not in both.
_OUT_OF_STEP = """
SELECT * FROM (SELECT charge_point_id, id, id_tag, tenant_id FROM transactions WHERE state = 'ACTIVE') AS running
FULL JOIN running_transactions USING (charge_point_id, id, id_tag, tenant_id)
WHERE running IS NULL OR running_transactions IS NULL
"""


@pytest.fixture
def database_url(emptied_database: FreshDatabase, kept_connection: KeptConnection) -> Iterator[str]:
    """The URL of a database of the transaction service without rows. Whatever a test has recorded, the transactions
    that run have to be those of their table afterwards."""
    yield emptied_database("transaction")
    assert kept_connection("transaction").execute(_OUT_OF_STEP).fetchall() == []


@pytest.fixture(scope="module")
async def shared_service(module_services: ServiceRunner, kept_database: FreshDatabase) -> RunningService:
    """One for all tests of a module: it has no memory but its database, so that each finds it as if it were new."""
    return await module_services("transaction", database_url=kept_database("transaction"))


@pytest.fixture
def service(shared_service: RunningService, database_url: str, nats_url: str) -> RunningService:
    """The service, without what it does besides answering."""
    assert (shared_service.settings.database_url, shared_service.settings.nats_url) == (database_url, nats_url)
    shared_service.bus.stream_missing()  # as `nats_url` has left it
    return shared_service


@pytest.fixture(scope="module")
async def shared_record(shared_service: RunningService) -> Record:
    """The way of all tests of a module into their service."""
    return await recorder(shared_service)


@pytest.fixture(scope="module")
async def shared_reader(shared_service: RunningService) -> Reader:
    """What they see of it."""
    return await reader(shared_service)


@pytest.fixture
def record(service: RunningService, shared_record: Record) -> Record:
    """`await record(event, event)` records a batch as the edge does and gives the answers."""
    return shared_record


@pytest.fixture
def transactions(service: RunningService, shared_reader: Reader) -> Reader:
    """What can be read of what was recorded."""
    return shared_reader


async def reader(service: RunningService) -> Reader:
    """What an administrator sees of `service`."""
    return Reader(service_grpc.TransactionServiceStub(await service.channel()))


async def recorder(service: RunningService) -> Record:
    """The edge's way into `service`."""
    stub = recording_grpc.RecordingServiceStub(await service.internal_channel("edge"))

    async def record(*events: recording_pb.TransactionEvent) -> Sequence[recording_pb.TransactionEventAnswer]:
        response = await stub.RecordTransactionEvents(recording_pb.RecordTransactionEventsRequest(events=events))
        return response.answers

    return record


@pytest.fixture
async def platform(
    run_service: ServiceRunner, tokens: Tokens, emptied_database: FreshDatabase, database_url: str
) -> AsyncIterator[Platform]:
    """What commands need around them."""
    async with running_edge(tokens) as edge:
        stations = await run_service("station", background=True, database_url=emptied_database("station"))
        service = await run_service(
            "transaction", background=True, database_url=database_url, station_service_url=stations.address
        )
        known = Stations(stations)
        for charge_point_id in ("CP1", "CP2"):
            await known.create(charge_point_id)
        epoch = await known.connect("CP1", edge)
        stub = command_grpc.CommandServiceStub(await service.channel(sub="ann"))
        yield Platform(service, known, edge, stub, epoch)
