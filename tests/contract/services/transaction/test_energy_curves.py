"""How the energy of transactions came about, for those who price it."""

import asyncio
from collections.abc import Sequence

import grpc.aio
import pytest

from csms.transaction.v1.transaction_service_pb2 import BatchGetEnergyCurvesRequest, EnergyCurve
from csms.transaction.v1.transaction_service_pb2_grpc import TransactionServiceStub
from services.kernel.errors import ErrorKind
from services.kernel.ids import new_id
from services.rpc.status import from_rpc_error
from tests.contract.services.transaction.conftest import Record
from tests.contract.services.transaction.reports import (
    ENDED,
    STARTED,
    UPDATED,
    event_201,
    meter_values_16,
    minutes,
    moment,
    reading,
    start_16,
    stop_16,
)
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.field_case("D2")


@pytest.fixture
async def internal(service: RunningService) -> TransactionServiceStub:
    """The service as billing sees it."""
    return TransactionServiceStub(await service.internal_channel("billing"))


async def _curves(internal: TransactionServiceStub, *ids: str) -> dict[str, EnergyCurve]:
    response = await internal.BatchGetEnergyCurves(BatchGetEnergyCurvesRequest(ids=ids))
    return {curve.transaction_id: curve for curve in response.transactions}


def _shown(curve: EnergyCurve) -> Sequence[tuple[float, int, int]]:
    """Minutes from the first point, energy, power."""
    columns = (curve.offsets_seconds, curve.energies_wh, curve.powers_w)
    return [(seconds / 60, wh, power) for seconds, wh, power in zip(*columns, strict=True)]


async def test_curves_of_many_transactions_are_told_at_once(record: Record, internal: TransactionServiceStub) -> None:
    [first] = await record(start_16(minutes(-60), meter_wh=1_000))
    samples = [
        reading(minutes(-60 + at), energy_wh=wh, power_w=power)
        for at, wh, power in ((15, 26_000, 90_000), (30, 37_000, 20_000))
    ]
    await record(meter_values_16(first.ocpp_transaction_id, minutes(-30), meter_values=samples))
    await record(stop_16(first.ocpp_transaction_id, minutes(-15), meter_wh=42_160))
    # One that runs, by OCPP 2.0.1, whose registers come with the context of a start in the same second.
    begin = [reading(minutes(-20), "Transaction.Begin", energy_wh=5_000), reading(minutes(-20), power_w=0)]
    [second] = await record(event_201(STARTED, minutes(-20), 0, charge_point_id="CP2", meter_values=begin))
    more = [reading(minutes(-10), energy_wh=7_000)]
    await record(event_201(UPDATED, minutes(-10), 1, charge_point_id="CP2", meter_values=more))
    found = await _curves(internal, first.transaction_id, second.transaction_id, new_id(), "no id")
    assert found.keys() == {first.transaction_id, second.transaction_id}
    assert moment(found[first.transaction_id].begin_time) == minutes(-60)
    shown = _shown(found[first.transaction_id])
    assert shown == [
        (0, 0, -1),
        (15, 25_000, 90_000),
        (30, 36_000, 20_000),
        (45, 41_160, -1),
    ]
    assert _shown(found[second.transaction_id]) == [(0, 0, 0), (10, 2_000, -1)]


async def test_a_transaction_of_which_nothing_was_read_has_start_and_stop(
    record: Record, internal: TransactionServiceStub
) -> None:
    [started] = await record(start_16(minutes(-60), meter_wh=1_000))
    await record(stop_16(started.ocpp_transaction_id, minutes(-15), meter_wh=6_000))
    curves = await _curves(internal, started.transaction_id)
    assert _shown(curves[started.transaction_id]) == [
        (0, 0, -1),
        (45, 5_000, -1),
    ]


async def test_of_very_many_readings_the_shape_is_told(record: Record, internal: TransactionServiceStub) -> None:
    """Ten thousand readings, a second apart: ever more of the energy in the first half."""
    [started] = await record(event_201(STARTED, minutes(-170), 0, meter_values=[reading(minutes(-170), energy_wh=0)]))
    for batch in range(10):
        values = [
            reading(minutes(-170 + second / 60), energy_wh=min(second, 5_000) * 10 + max(second - 5_000, 0))
            for second in range(batch * 1_000 + 1, batch * 1_000 + 1_001)
        ]
        await record(event_201(UPDATED, minutes(-170 + batch), batch + 1, meter_values=values))
    end = [reading(minutes(-170 + 10_000 / 60), "Transaction.End", energy_wh=55_000)]
    await record(event_201(ENDED, minutes(-170 + 10_000 / 60), 99, meter_values=end))
    curve = _shown((await _curves(internal, started.transaction_id))[started.transaction_id])
    assert len(curve) <= 500
    assert curve[-1][1] == 55_000
    by_minute = {round(at * 60): wh for at, wh, _ in curve}
    near = min(by_minute, key=lambda second: abs(second - 5_000))
    assert abs(by_minute[near] - min(near, 5_000) * 10 - max(near - 5_000, 0)) <= 50


async def test_curves_are_for_the_platforms_own_processes(service: RunningService) -> None:
    stub = TransactionServiceStub(await service.channel("admin"))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.BatchGetEnergyCurves(BatchGetEnergyCurvesRequest(ids=[new_id()]))
    assert from_rpc_error(refused.value).kind is ErrorKind.PERMISSION_DENIED


async def test_too_many_ids_are_refused_and_many_answered(record: Record, internal: TransactionServiceStub) -> None:
    answers = await record(*(start_16(minutes(-60), charge_point_id=f"CP{n}", meter_wh=n) for n in range(60)))
    await asyncio.gather(
        *(
            record(stop_16(one.ocpp_transaction_id, minutes(-5), charge_point_id=f"CP{n}", meter_wh=n + 100))
            for n, one in enumerate(answers)
        )
    )
    found = await _curves(internal, *(one.transaction_id for one in answers))
    assert [_shown(curve)[-1][1] for curve in found.values()] == [100] * 60
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _curves(internal, *(new_id() for _ in range(251)))
    assert from_rpc_error(refused.value).kind is ErrorKind.INVALID_ARGUMENT
