"""Transactions by OCPP 2.0.1: any order, tokens that come later, charging states."""

import pytest

from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.kernel.ids import derived_id
from tests.contract.services.transaction.conftest import Reader, Record
from tests.contract.services.transaction.reports import (
    ACCEPTED,
    ENDED,
    STARTED,
    UPDATED,
    event_201,
    minutes,
    moment,
    reading,
    start_16,
)

T_1 = derived_id("CP1", "T-1")


async def test_an_end_before_its_start_gives_the_whole_transaction(record: Record, transactions: Reader) -> None:
    [end] = await record(event_201(ENDED, minutes(-5), 3, meter_wh=6000, stop_reason="EVDisconnected"))
    assert (end.transaction_id, end.ocpp_transaction_id) == (T_1, "T-1")
    orphan = await transactions.get(T_1)
    assert (orphan.state, orphan.HasField("start_time")) == (transaction_pb.Transaction.ORPHAN, False)
    await record(event_201(STARTED, minutes(-30), 0, meter_wh=1000, id_tag="TAG", authorization=ACCEPTED))
    transaction = await transactions.get(T_1)
    assert (transaction.state, transaction.energy_wh) == (transaction_pb.Transaction.ENDED, 5000)
    assert moment(transaction.start_time) == minutes(-30)
    [late] = await record(event_201(UPDATED, minutes(-20), 1, charging_state="Charging", offline=True))
    assert late.transaction_id == T_1
    assert (await transactions.get(T_1)).charging_state == "Charging"


async def test_the_token_may_come_after_the_cable(record: Record, transactions: Reader) -> None:
    [plugged] = await record(event_201(STARTED, minutes(-30), 0, charging_state="EVConnected"))
    assert plugged.authorization == transaction_pb.Transaction.AUTHORIZATION_UNSPECIFIED
    swipe = {"id_tag": "tag", "authorization": ACCEPTED, "driver_id": "D", "trigger_reason": "Authorized"}
    [swiped] = await record(event_201(UPDATED, minutes(-29), 1, **swipe))
    assert swiped.authorization == ACCEPTED
    transaction = await transactions.get(T_1)
    assert (transaction.id_tag, transaction.driver_id, transaction.authorization) == ("TAG", "D", ACCEPTED)


async def test_a_token_that_comes_later_is_concurrent_when_it_charges_elsewhere(record: Record) -> None:
    await record(start_16(minutes(-40), charge_point_id="CP2"))
    await record(event_201(STARTED, minutes(-30), 0))
    swipe = event_201(UPDATED, minutes(-29), 1, id_tag="TAG", authorization=ACCEPTED)
    for _ in range(2):
        [swiped] = await record(swipe)
        assert swiped.authorization == transaction_pb.Transaction.CONCURRENT_TX


async def test_a_charge_point_that_always_sends_sequence_number_zero_loses_nothing(
    record: Record, transactions: Reader
) -> None:
    answers = [
        (await record(event))[0]
        for event in (
            event_201(STARTED, minutes(-30), 0),
            event_201(UPDATED, minutes(-20), 0, charging_state="Charging"),
            event_201(UPDATED, minutes(-20), 0, charging_state="SuspendedEV"),
            event_201(ENDED, minutes(-5), 0),
        )
    ]
    assert [answer.duplicate for answer in answers] == [False] * 4
    assert (await transactions.get(T_1)).state == transaction_pb.Transaction.ENDED


async def test_the_registers_may_come_among_the_readings(record: Record, transactions: Reader) -> None:
    begin, end = (
        reading(minutes(-30), "Transaction.Begin", energy_wh=1000),
        reading(minutes(-5), "Transaction.End", energy_wh=7000),
    )
    await record(event_201(STARTED, minutes(-30), 0, meter_values=[begin]))
    await record(event_201(ENDED, minutes(-5), 1, meter_values=[end]))
    transaction = await transactions.get(T_1)
    assert (transaction.meter_start_wh, transaction.meter_stop_wh, transaction.energy_wh) == (1000, 7000, 6000)


async def test_without_any_register_the_readings_tell_the_energy(record: Record, transactions: Reader) -> None:
    await record(event_201(STARTED, minutes(-30), 0))
    for n in range(3):
        [answer] = await record(
            event_201(UPDATED, minutes(n - 20), n, meter_values=[reading(minutes(n - 20), energy_wh=1000 * n + 500)])
        )
        assert answer.transaction_id == T_1
    assert (await transactions.get(T_1)).energy_wh == 2000
    await record(event_201(ENDED, minutes(-5), 9, meter_values=[reading(minutes(-5), energy_wh=4500)]))
    transaction = await transactions.get(T_1)
    assert (transaction.HasField("meter_stop_wh"), transaction.energy_wh) == (False, 4000)
    assert len(await transactions.meter_values(T_1)) == 4


@pytest.mark.parametrize("again", ["Charging", "SuspendedEVSE"])
async def test_only_a_change_of_charging_state_makes_a_new_revision(
    record: Record, transactions: Reader, again: str
) -> None:
    await record(event_201(STARTED, minutes(-30), 0, charging_state="Charging"))
    await record(event_201(UPDATED, minutes(-20), 1, charging_state=again))
    transaction = await transactions.get(T_1)
    assert (transaction.charging_state, transaction.revision) == (again, 1 if again == "Charging" else 2)


async def test_events_by_a_wrong_clock_are_told_apart_by_the_clock_of_the_device(
    record: Record, transactions: Reader
) -> None:
    await record(event_201(STARTED, minutes(-30), 0))
    reported = minutes(-600)
    for correction in (580.0, 580.01):
        at = minutes(-600 + correction)
        await record(event_201(UPDATED, reported, 1, corrected_time=at, meter_values=[reading(at, energy_wh=5)]))
    assert len(await transactions.meter_values(T_1)) == 1
