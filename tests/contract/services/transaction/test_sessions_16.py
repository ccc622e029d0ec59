"""Sessions by OCPP 1.6: numbers, repetitions, lost numbers, meter values."""

from csms.transaction.v1 import transaction_pb2 as transaction_pb
from csms.transaction.v1 import transaction_service_pb2 as service_pb
from csms.transaction.v1 import transaction_service_pb2_grpc as transaction_grpc
from tests.contract.services.transaction.conftest import Record
from tests.contract.services.transaction.reports import (
    ACCEPTED,
    meter_values_16,
    minutes,
    moment,
    start_16,
    stop_16,
)

Transactions = transaction_grpc.TransactionServiceStub


async def _get(transactions: Transactions, transaction_id: str) -> transaction_pb.Transaction:
    response = await transactions.GetTransaction(service_pb.GetTransactionRequest(id=transaction_id))
    return response.transaction


async def test_a_session_runs_from_start_to_stop(record: Record, transactions: Transactions) -> None:
    [started] = await record(start_16(minutes(-30)))
    assert started.transaction_id.isdigit()
    assert (started.authorization, started.duplicate) == (ACCEPTED, False)
    [metered] = await record(meter_values_16(started.transaction_id, minutes(-20), 2500))
    assert metered.id == started.id
    running = await _get(transactions, started.id)
    assert (running.state, running.energy_wh) == (transaction_pb.Transaction.ACTIVE, 1500)
    [ended] = await record(stop_16(started.transaction_id, minutes(-5)))
    assert ended.id == started.id
    session = await _get(transactions, started.id)
    assert session.state == transaction_pb.Transaction.ENDED
    assert (session.meter_start_wh, session.meter_stop_wh, session.energy_wh) == (1000, 6000, 5000)
    assert (moment(session.start_time), moment(session.stop_time)) == (minutes(-30), minutes(-5))
    assert (session.stop_reason, list(session.flags)) == ("Local", [])
