"""Reading transactions: filters, pages, order of change, permissions, bad input."""

from collections.abc import Sequence
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from csms.transaction.v1 import transaction_pb2 as transaction_pb
from csms.transaction.v1 import transaction_service_pb2 as service_pb
from csms.transaction.v1 import transaction_service_pb2_grpc as service_grpc
from services.kernel.ids import new_id
from services.rpc.protobuf import timestamp
from services.rpc.status import from_rpc_error
from tests.contract.services.transaction.conftest import Reader, Record
from tests.contract.services.transaction.reports import meter_values_16, minutes, start_16, stop_16
from tests.fixtures.calls import read_both_ways
from tests.fixtures.services import RunningService

Request = service_pb.ListTransactionsRequest
_LIST = "/csms.transaction.v1.TransactionService/ListTransactions"
_ENDED = transaction_pb.Transaction.ENDED


def _stamp(at: float) -> Timestamp:
    made = timestamp(minutes(at))
    assert made is not None
    return made


async def _three(record: Record) -> Sequence[str]:
    """Ids of transactions at CP0, CP1 and CP2 that began in this order; the first one is over."""
    answers = [
        (await record(start_16(minutes(-30 + n), charge_point_id=f"CP{n}", id_tag=f"TAG{n}", station_id=f"S{n % 2}")))[
            0
        ]
        for n in range(3)
    ]
    await record(stop_16(answers[0].ocpp_transaction_id, minutes(-5), charge_point_id="CP0"))
    return [answer.transaction_id for answer in answers]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [2, 1, 0]),
        ({"charge_point_id": "CP1"}, [1]),
        ({"station_id": "S0"}, [2, 0]),
        ({"id_tag": "tag1"}, [1]),
        ({"driver_id": "nobody"}, []),
        ({"state": transaction_pb.Transaction.ACTIVE}, [2, 1]),
        ({"state": transaction_pb.Transaction.ENDED}, [0]),
        ({"start_time_from": _stamp(-29)}, [2, 1]),
        ({"start_time_to": _stamp(-29)}, [0]),
        ({"update_time_from": _stamp(-60)}, [1, 2, 0]),
        ({"ids": ["nonsense"]}, []),
    ],
)
async def test_a_list_holds_what_was_asked_for(
    record: Record, transactions: Reader, fields: dict[str, Any], expected: list[int]
) -> None:
    ids = await _three(record)
    assert [ids.index(found.id) for found in await transactions.list(**fields)] == expected


async def test_a_list_can_be_asked_for_by_ids(record: Record, transactions: Reader) -> None:
    ids = await _three(record)
    assert {found.id for found in await transactions.list(ids=[ids[0], ids[2], new_id()])} == {ids[0], ids[2]}


@pytest.mark.parametrize("fields", [{}, {"update_time_from": _stamp(-60)}])
async def test_pages_hold_every_transaction_once(record: Record, transactions: Reader, fields: dict[str, Any]) -> None:
    await record(*(start_16(charge_point_id=f"CP{n}", id_tag=f"TAG{n}") for n in range(7)))
    whole = [found.id for found in await transactions.list(**fields)]
    paged: list[str] = []
    token = ""
    while True:
        page = await transactions.stub.ListTransactions(Request(page_size=3, page_token=token, **fields))
        assert page.total_size == 7
        paged += [found.id for found in page.transactions]
        token = page.next_page_token
        if not token:
            break
    assert paged == whole
    assert len(set(paged)) == 7


async def test_pages_of_meter_values_run_in_the_order_of_sampling(record: Record, transactions: Reader) -> None:
    [started] = await record(start_16(minutes(-30)))
    for at in (-10, -20, -15):
        await record(meter_values_16(started.ocpp_transaction_id, minutes(at), 2000 + at))
    first = await transactions.stub.ListMeterValues(
        service_pb.ListMeterValuesRequest(id=started.transaction_id, page_size=2)
    )
    rest = await transactions.stub.ListMeterValues(
        service_pb.ListMeterValuesRequest(id=started.transaction_id, page_size=2, page_token=first.next_page_token)
    )
    energies = [value.energy_wh for value in [*first.meter_values, *rest.meter_values]]
    assert energies == [1980, 1985, 1990]
    assert (first.total_size, rest.next_page_token) == (3, "")


@pytest.mark.parametrize("unknown", [new_id(), "nonsense"])
async def test_an_unknown_transaction_is_not_found(transactions: Reader, unknown: str) -> None:
    for call in (
        transactions.stub.GetTransaction(service_pb.GetTransactionRequest(id=unknown)),
        transactions.stub.ListMeterValues(service_pb.ListMeterValuesRequest(id=unknown)),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert from_rpc_error(caught.value).reason == "TRANSACTION_NOT_FOUND"


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (Request(page_size=-1), "pageSize"),
        (Request(page_token="%"), "pageToken"),
        (Request(ids=["x"] * 251), "ids"),
        (Request(state=99), "state"),  # type: ignore[arg-type]  # a number the contract does not know
        (Request(start_time_from=Timestamp(seconds=10**15)), "startTimeFrom"),
    ],
)
async def test_bad_input_is_named(transactions: Reader, request_: Request, field: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await transactions.stub.ListTransactions(request_)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in from_rpc_error(caught.value).violations] == [field]


@pytest.mark.parametrize(("role", "may_read"), [("operator", True), ("viewer", True), ("driver", False)])
async def test_roles_that_read_everything_read_transactions(service: RunningService, role: str, may_read: bool) -> None:
    channel = await service.channel(role, driver_id=new_id() if role == "driver" else None)
    stub = service_grpc.TransactionServiceStub(channel)
    if may_read:
        assert (await stub.ListTransactions(Request())).total_size == 0
        return
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.ListTransactions(Request())
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_page_is_the_same_as_json_after_each_change(record: Record, service: RunningService) -> None:
    channel = await service.channel("viewer")

    async def listed(**fields: Any) -> Sequence[transaction_pb.Transaction]:
        """Twice: what was written before comes from memory."""
        for _ in range(2):
            found = await read_both_ways(channel, _LIST, Request(**fields), service_pb.ListTransactionsResponse)
        return found.transactions

    first, second, third = await _three(record)
    assert [one.id for one in await listed()] == [third, second, first]
    [one] = await listed(page_size=1)
    assert one.id == third
    await record(meter_values_16(one.ocpp_transaction_id, minutes(-4), 7000, charge_point_id="CP2"))
    assert [one.energy_wh for one in await listed(page_size=1)] == [7000 - 1000]
    await record(stop_16(one.ocpp_transaction_id, minutes(-3), charge_point_id="CP2", meter_wh=9000))
    assert [(one.state, one.energy_wh) for one in await listed(page_size=1)] == [(_ENDED, 9000 - 1000)]
    # Read in it, and told when it is over: what was kept of it is no longer so.
    await record(meter_values_16(one.ocpp_transaction_id, minutes(-3.5), 12_000, charge_point_id="CP2"))
    before, after = one.revision, (await listed())[0]
    assert (after.id, after.revision > before, len(after.flags)) == (third, True, 1)
    assert await listed(charge_point_id="CP9") == []
    assert [one.id for one in await listed(update_time_from=_stamp(-60))][-1] == third
