"""Operators repair orphans: list them, have one looked at again, say where it belongs."""

import pytest

from csms.transaction.v1 import transaction_pb2 as transaction_pb
from csms.transaction.v1 import transaction_service_pb2 as pb
from csms.transaction.v1 import transaction_service_pb2_grpc as grpc_pb
from services.kernel.ids import new_id
from tests.contract.services.transaction.conftest import Reader, Record
from tests.contract.services.transaction.reports import minutes, moment, start_16, stop_16
from tests.contract.services.transaction.test_matching import matcher_of
from tests.fixtures.calls import bad_fields, reason
from tests.fixtures.services import RunningService
from tests.fixtures.shorthand import flags_of

State = transaction_pb.Transaction


@pytest.fixture
async def operator(service: RunningService) -> grpc_pb.TransactionServiceStub:
    return grpc_pb.TransactionServiceStub(await service.channel("operator"))


async def _replayed(operator: grpc_pb.TransactionServiceStub, id: str) -> transaction_pb.Transaction:
    return (await operator.ReplayOrphan(pb.ReplayOrphanRequest(id=id))).transaction


async def _assigned(operator: grpc_pb.TransactionServiceStub, id: str, to: str) -> transaction_pb.Transaction:
    return (await operator.AssignOrphan(pb.AssignOrphanRequest(id=id, transaction_id=to))).transaction


async def test_an_orphan_is_looked_at_again_when_an_operator_asks(
    record: Record, transactions: Reader, operator: grpc_pb.TransactionServiceStub
) -> None:
    [stop] = await record(stop_16("0", minutes(-30)))
    assert [orphan.id for orphan in await transactions.list(state=State.ORPHAN)] == [stop.transaction_id]
    assert (await _replayed(operator, stop.transaction_id)).state == State.ORPHAN
    [begun] = await record(start_16(minutes(-60), offline=True))
    merged = await _replayed(operator, stop.transaction_id)
    assert (merged.state, merged.merged_into) == (State.MERGED, begun.transaction_id)
    assert await _replayed(operator, stop.transaction_id) == merged
    assert (await transactions.get(begun.transaction_id)).energy_wh == 5000
    assert await transactions.list(state=State.ORPHAN) == []


async def test_an_orphan_belongs_where_an_operator_says_whatever_comes_later(
    service: RunningService, record: Record, transactions: Reader, operator: grpc_pb.TransactionServiceStub
) -> None:
    [one] = await record(start_16(minutes(-60), id_tag="A"))
    [other] = await record(start_16(minutes(-60), id_tag="B", connector_id=2))
    [stop] = await record(stop_16("0", minutes(-30)))
    merged = await _assigned(operator, stop.transaction_id, other.transaction_id)
    assert (merged.state, merged.merged_into) == (State.MERGED, other.transaction_id)
    assert await _assigned(operator, stop.transaction_id, other.transaction_id) == merged
    await record(start_16(minutes(-45), id_tag="C", connector_id=2, offline=True))
    await matcher_of(service).look()
    transaction = await transactions.get(other.transaction_id)
    assert (transaction.state, moment(transaction.stop_time)) == (State.ENDED, minutes(-30))
    assert flags_of(transaction) == ["assigned_stop"]
    assert (await transactions.get(one.transaction_id)).state == State.ACTIVE


async def test_an_orphan_goes_to_no_transaction_that_it_cannot_belong_to(
    record: Record, operator: grpc_pb.TransactionServiceStub
) -> None:
    [stop] = await record(stop_16("0", minutes(-30)))
    [orphan] = await record(stop_16("-1", minutes(-40)))
    [elsewhere] = await record(start_16(minutes(-60), charge_point_id="CP2"))
    [later] = await record(start_16(minutes(-10), id_tag="B"))
    for target in (
        new_id(),
        "nonsense",
        elsewhere.transaction_id,
        later.transaction_id,
        orphan.transaction_id,
        stop.transaction_id,
    ):
        assert await bad_fields(_assigned(operator, stop.transaction_id, target)) == ["transactionId"]
    assert await bad_fields(_assigned(operator, stop.transaction_id, "")) == ["transactionId"]


async def test_what_is_no_orphan_is_not_repaired(record: Record, operator: grpc_pb.TransactionServiceStub) -> None:
    [begun] = await record(start_16(minutes(-60)))
    [other] = await record(start_16(minutes(-60), id_tag="B", connector_id=2))
    assert await reason(_replayed(operator, begun.transaction_id)) == "TRANSACTION_NOT_ORPHAN"
    assert await reason(_assigned(operator, begun.transaction_id, other.transaction_id)) == "TRANSACTION_NOT_ORPHAN"
    assert await reason(_replayed(operator, new_id())) == "TRANSACTION_NOT_FOUND"
    assert await reason(_assigned(operator, new_id(), other.transaction_id)) == "TRANSACTION_NOT_FOUND"


async def test_who_may_only_read_repairs_nothing(service: RunningService, record: Record) -> None:
    [stop] = await record(stop_16("0", minutes(-30)))
    viewer = grpc_pb.TransactionServiceStub(await service.channel("viewer"))
    assert await reason(_replayed(viewer, stop.transaction_id)) == "PERMISSION_DENIED"
    assert await reason(_assigned(viewer, stop.transaction_id, stop.transaction_id)) == "PERMISSION_DENIED"
