"""Readings that named no transaction are those of the one that ran then, whatever came when, and nothing that was
concluded from them stays where they were for the time being."""

from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import transaction_service_pb2 as service_pb
from csms.transaction.v1 import transaction_service_pb2_grpc as service_grpc
from services.postgres.database import Database
from tests.contract.services.transaction.conftest import Reader, Record
from tests.contract.services.transaction.reports import meter_values_16, minutes, reading, start_16, stop_16
from tests.contract.services.transaction.test_looking_again import end_by_silence
from tests.contract.services.transaction.test_matching import matcher_of, received_in_turn
from tests.fixtures.postgres import FreshDatabase
from tests.fixtures.properties import examples
from tests.fixtures.services import RunningService
from tests.fixtures.shorthand import flags_of

# All that is shown of a transaction and may hang on readings, and which these are.
_SHOWN = """
SELECT id_tag, state, start_time, stop_time, meter_start_wh, meter_stop_wh, energy_wh, energy_doubt, flags, (
    SELECT array_agg((sampled_time, energy_wh, power_w, soc_percent)::text ORDER BY sampled_time, digest)
    FROM meter_values AS m WHERE m.transaction_id = t.id
) FROM transactions AS t WHERE state <> 'MERGED' ORDER BY id_tag
"""


def _unnamed(at: float, energy_wh: int | None = None, **measurands: Any) -> recording_pb.TransactionEvent:
    reported = measurands if energy_wh is None else {"energy_wh": energy_wh, **measurands}
    return meter_values_16("", minutes(at), meter_values=[reading(minutes(at), **reported)])


_END_OF_A = [reading(minutes(-560), "Transaction.End", energy_wh=2000), reading(minutes(-559), soc_percent=44)]
# Two vehicles at one connector one after the other; of the second the readings alone tell how much it was.
_REPORTED = received_in_turn(
    _unnamed(-610, 990, power_w=0),
    start_16(minutes(-600), id_tag="A", offline=True),
    _unnamed(-580, 1500, power_w=11_000, soc_percent=30),
    stop_16("0", minutes(-560), meter_wh=2000, id_tag="A", meter_values=_END_OF_A),
    _unnamed(-550, 2600, power_w=5),
    start_16(minutes(-540), id_tag="B", meter_wh=None, offline=True),
    _unnamed(-530, 3000),
    _unnamed(-520, 9_999_999),
    _unnamed(-510, 4000, soc_percent=80),
    stop_16("-1", minutes(-500), meter_wh=None, id_tag="B"),
    _unnamed(-490, 8000),
)


async def _shown(
    service: RunningService, record: Record, order: Sequence[int], looks: set[int]
) -> Sequence[tuple[Any, ...]]:
    """What is shown of the transactions when all was told in this order, with looks in between and after it."""
    matcher = matcher_of(service)
    for position, number in enumerate(order):
        [answer] = await record(_REPORTED[number])
        assert not answer.HasField("error")
        if position in looks:
            await matcher.look()
    await matcher.look()
    async with service.database.read() as connection:
        return [tuple(row) for row in await connection.execute(text(_SHOWN))]


@pytest.fixture
async def shown_in_order(service: RunningService, record: Record) -> Sequence[tuple[Any, ...]]:
    """What is shown when all is reported in its order."""
    return await _shown(service, record, range(len(_REPORTED)), set())


@settings(max_examples=examples(0.25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(len(_REPORTED))),
    repeated=st.lists(st.integers(0, len(_REPORTED) - 1), max_size=4),
    looks=st.sets(st.integers(0, 14), max_size=3),
)
# What was read between the two is told while the first goes on as far as is known; and what was read in the second.
@example(order=[0, 1, 2, 4, 3, 5, 6, 7, 8, 9, 10], repeated=[], looks=set())
@example(order=[0, 1, 2, 6, 3, 4, 5, 7, 8, 9, 10], repeated=[6], looks=set())
async def test_whatever_is_told_when_all_that_is_shown_is_the_same(
    service: RunningService,
    record: Record,
    emptied_database: FreshDatabase,
    shown_in_order: Sequence[tuple[Any, ...]],
    order: list[int],
    repeated: list[int],
    looks: set[int],
) -> None:
    emptied_database("transaction")
    assert await _shown(service, record, [*order, *repeated], looks) == shown_in_order


async def test_so_it_is_when_all_is_told_in_its_order(shown_in_order: Sequence[tuple[Any, ...]]) -> None:
    a, b = shown_in_order
    assert (a[0], a[6], a[8], len(a[9])) == ("A", 1000, ["matched_stop"], 3)
    assert (b[0], b[6], b[8], len(b[9])) == ("B", 1000, ["matched_stop", "outlier_reading"], 3)


_STOPPED = "stop told"
_HOW_IT_WENT_ON = ("reading told again", "reading told later", "state told", _STOPPED)


async def _stored(database: Database) -> list[tuple[Any, ...]]:
    """Each stored reading: its energy, and whether it is in the transaction."""
    query = (
        "SELECT m.energy_wh, t.id IS NOT NULL FROM meter_values AS m LEFT JOIN transactions AS t"
        " ON t.id = m.transaction_id ORDER BY sampled_time"
    )
    async with database.read() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


@pytest.mark.parametrize("then", _HOW_IT_WENT_ON)
async def test_readings_of_a_transaction_that_seemed_to_be_over_are_its_own_once_it_turns_out_to_go_on(
    service: RunningService, record: Record, transactions: Reader, then: str
) -> None:
    [begun] = await record(start_16(minutes(-60), received_time=minutes(-60)))
    await end_by_silence(service)
    sample = reading(minutes(-30), energy_wh=2500)
    elsewhere = {"connector_id": 2}
    await record(meter_values_16("", minutes(-30), meter_values=[sample]))
    await record(meter_values_16("", minutes(-65), 900), meter_values_16("", minutes(-30), 77, **elsewhere))
    assert sorted(await _stored(service.database)) == [(77, False), (900, False), (2500, False)]
    number = begun.ocpp_transaction_id
    match then:
        case "reading told again":
            event = meter_values_16(number, minutes(-30), meter_values=[sample])
        case "reading told later":
            event = meter_values_16(number, minutes(5), 4000)
        case "state told":
            event = meter_values_16(
                number, minutes(5), charging_state="Charging", trigger_reason="ChargingStateChanged"
            )
        case _:
            event = stop_16(number, minutes(-20), meter_wh=None)
    await record(event)
    stored = [row for row in await _stored(service.database) if row[0] != 4000]
    assert sorted(stored) == [(77, False), (900, False), (2500, True)]
    transaction = await transactions.get(begun.transaction_id)
    assert transaction.energy_wh == (3000 if then == "reading told later" else 1500)
    if then == _STOPPED:
        assert flags_of(transaction) == []


async def test_what_an_operator_ended_too_early_has_the_readings_that_came_until_its_end_was_told(
    service: RunningService, record: Record, transactions: Reader
) -> None:
    [begun] = await record(start_16(minutes(-60), received_time=minutes(-60)))
    stub = service_grpc.TransactionServiceStub(await service.channel(sub="ann"))
    await stub.EndTransaction(service_pb.EndTransactionRequest(id=begun.transaction_id, reason="it seemed to hang"))
    at = (await transactions.get(begun.transaction_id)).stop_time.ToDatetime(UTC) + timedelta(seconds=30)
    await record(meter_values_16("", at, 4000))
    assert await _stored(service.database) == [(4000, False)]
    await record(stop_16(begun.ocpp_transaction_id, at + timedelta(seconds=30), meter_wh=None))
    transaction = await transactions.get(begun.transaction_id)
    assert (transaction.energy_wh, await _stored(service.database)) == (3000, [(4000, True)])


async def test_readings_of_the_next_transaction_stay_with_it_when_the_one_before_turns_out_to_end_late(
    service: RunningService, record: Record, transactions: Reader
) -> None:
    [begun] = await record(start_16(minutes(-60), received_time=minutes(-60)))
    await end_by_silence(service)
    [other] = await record(start_16(minutes(-40), id_tag="B", meter_wh=2000, received_time=minutes(-40)))
    await record(meter_values_16("", minutes(-30), 2500))
    await record(stop_16(begun.ocpp_transaction_id, minutes(-45), meter_wh=2000))
    assert [one.energy_wh for one in await transactions.meter_values(other.transaction_id)] == [2500]
    assert (await transactions.get(begun.transaction_id)).energy_wh == 1000
