"""The transaction service, running inside the test, and its callers."""

from collections.abc import Awaitable, Callable, Sequence

import pytest

from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import recording_service_pb2_grpc as recording_grpc
from csms.transaction.v1 import transaction_service_pb2_grpc as transaction_grpc
from tests.fixtures.services import RunningService, ServiceRunner

Record = Callable[..., Awaitable[Sequence[recording_pb.TransactionEventAnswer]]]


@pytest.fixture
async def service(run_service: ServiceRunner) -> RunningService:
    """The service, without what it does besides answering."""
    return await run_service("transaction")


@pytest.fixture
async def record(service: RunningService) -> Record:
    """`await record(event, event)` records a batch as the edge does and gives the answers."""
    return await recorder(service)


@pytest.fixture
async def transactions(service: RunningService) -> transaction_grpc.TransactionServiceStub:
    """The service as an administrator reads it."""
    return transaction_grpc.TransactionServiceStub(await service.channel())


async def recorder(service: RunningService) -> Record:
    """The edge's way into `service`."""
    stub = recording_grpc.RecordingServiceStub(await service.internal_channel("ocpp_edge"))

    async def record(*events: recording_pb.TransactionEvent) -> Sequence[recording_pb.TransactionEventAnswer]:
        response = await stub.RecordTransactionEvents(recording_pb.RecordTransactionEventsRequest(events=events))
        return response.answers

    return record
