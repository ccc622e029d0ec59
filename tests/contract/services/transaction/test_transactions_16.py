"""Transactions by OCPP 1.6: numbers, repetitions, lost numbers."""

import pytest

from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.kernel.ids import derived_id
from tests.contract.services.transaction.conftest import Reader, Record
from tests.contract.services.transaction.reports import (
    ACCEPTED,
    meter_values_16,
    minutes,
    moment,
    reading,
    start_16,
    stop_16,
)
from tests.fixtures.shorthand import flags_of

ACTIVE, ENDED, ORPHAN = (
    transaction_pb.Transaction.ACTIVE,
    transaction_pb.Transaction.ENDED,
    transaction_pb.Transaction.ORPHAN,
)


async def test_a_transaction_runs_from_start_to_stop(record: Record, transactions: Reader) -> None:
    [started] = await record(start_16(minutes(-30), station_id="S", driver_id="D"))
    assert started.transaction_id == derived_id("CP1", started.ocpp_transaction_id)
    assert 0 < int(started.ocpp_transaction_id) < 2**31
    assert (started.authorization, started.duplicate) == (ACCEPTED, False)
    [metered] = await record(meter_values_16(started.ocpp_transaction_id, minutes(-20), 2500))
    assert (metered.transaction_id, metered.ocpp_transaction_id) == (
        started.transaction_id,
        started.ocpp_transaction_id,
    )
    running = await transactions.get(started.transaction_id)
    assert (running.state, running.energy_wh, running.HasField("stop_time")) == (ACTIVE, 1500, False)
    [ended] = await record(stop_16(started.ocpp_transaction_id, minutes(-5)))
    assert ended.transaction_id == started.transaction_id
    transaction = await transactions.get(started.transaction_id)
    assert (transaction.state, transaction.station_id, transaction.driver_id) == (ENDED, "S", "D")
    assert (transaction.meter_start_wh, transaction.meter_stop_wh, transaction.energy_wh) == (1000, 6000, 5000)
    assert (moment(transaction.start_time), moment(transaction.stop_time)) == (minutes(-30), minutes(-5))
    assert (transaction.stop_reason, flags_of(transaction), transaction.revision) == ("Local", [], 2)


async def test_a_start_that_is_sent_again_gets_the_same_number(record: Record, transactions: Reader) -> None:
    [first] = await record(start_16(minutes(-30)))
    [again] = await record(start_16(minutes(-30), epoch=2, received_time=minutes(0)))
    assert (again.transaction_id, again.ocpp_transaction_id, again.duplicate) == (
        first.transaction_id,
        first.ocpp_transaction_id,
        True,
    )
    await record(stop_16(first.ocpp_transaction_id, minutes(-5)))
    [late] = await record(start_16(minutes(-30)))
    assert (late.ocpp_transaction_id, late.duplicate) == (first.ocpp_transaction_id, True)
    assert (await transactions.get(first.transaction_id)).revision == 2


async def test_a_stop_that_is_sent_again_gets_the_same_answer(record: Record, transactions: Reader) -> None:
    [started] = await record(start_16(minutes(-30)))
    [first] = await record(stop_16(started.ocpp_transaction_id, minutes(-5)))
    [again] = await record(stop_16(started.ocpp_transaction_id, minutes(-5)))
    assert (first.duplicate, again.duplicate) == (False, True)
    assert (again.transaction_id, again.ocpp_transaction_id) == (first.transaction_id, first.ocpp_transaction_id)
    assert (await transactions.get(started.transaction_id)).revision == 2


async def test_the_same_event_twice_in_a_batch_is_recorded_once(record: Record, transactions: Reader) -> None:
    first, again = await record(start_16(), start_16())
    assert (first.duplicate, again.duplicate) == (False, True)
    assert first.transaction_id == again.transaction_id
    assert len(await transactions.list()) == 1


async def test_a_start_ends_what_ran_at_its_connector_until_the_late_stop_comes(
    record: Record, transactions: Reader
) -> None:
    [zombie] = await record(start_16(minutes(-60)))
    await record(meter_values_16(zombie.ocpp_transaction_id, minutes(-50), 2000, 3000))
    [started] = await record(start_16(minutes(-10), id_tag="OTHER", meter_wh=4000))
    guessed = await transactions.get(zombie.transaction_id)
    assert (guessed.state, moment(guessed.stop_time)) == (ENDED, minutes(-10))
    assert (guessed.energy_wh, flags_of(guessed)) == (2000, ["estimated_end"])
    assert (await transactions.get(started.transaction_id)).state == ACTIVE
    await record(stop_16(zombie.ocpp_transaction_id, minutes(-40), meter_wh=3500))
    reported = await transactions.get(zombie.transaction_id)
    assert (moment(reported.stop_time), reported.energy_wh, flags_of(reported)) == (minutes(-40), 2500, [])


async def test_a_start_kept_back_while_offline_ends_where_the_next_one_began(
    record: Record, transactions: Reader
) -> None:
    [later] = await record(start_16(minutes(-10), id_tag="B"))
    [earlier] = await record(start_16(minutes(-90), id_tag="A", offline=True))
    between, _ = await record(start_16(minutes(-50), id_tag="C", offline=True), start_16(charge_point_id="CP2"))
    stops = [(await transactions.get(answer.transaction_id)).stop_time for answer in (earlier, between)]
    assert [moment(stop) for stop in stops] == [minutes(-50), minutes(-10)]
    assert (await transactions.get(later.transaction_id)).state == ACTIVE


async def test_a_token_charges_in_one_place_at_a_time(record: Record, transactions: Reader) -> None:
    [first] = await record(start_16(minutes(-30)))
    [second] = await record(start_16(minutes(-20), charge_point_id="CP2"))
    assert second.authorization == transaction_pb.Transaction.CONCURRENT_TX
    assert flags_of(await transactions.get(second.transaction_id)) == ["concurrent_tx"]
    [again] = await record(start_16(minutes(-30)))
    assert again.authorization == ACCEPTED
    await record(stop_16(first.ocpp_transaction_id, minutes(-10)))
    [third] = await record(start_16(minutes(-5), charge_point_id="CP3"))
    assert third.authorization == ACCEPTED


@pytest.mark.parametrize("number", ["0", "-1", "2147483647"])
async def test_a_stop_with_a_lost_number_ends_the_transaction_it_must_mean(
    record: Record, transactions: Reader, number: str
) -> None:
    [started] = await record(start_16(minutes(-30)))
    [stop] = await record(stop_16(number, minutes(-5), connector_id=1))
    assert (stop.transaction_id, stop.ocpp_transaction_id) == (started.transaction_id, started.ocpp_transaction_id)
    [again] = await record(stop_16(number, minutes(-5), connector_id=1))
    assert (again.transaction_id, again.duplicate) == (started.transaction_id, True)
    transaction = await transactions.get(started.transaction_id)
    assert (transaction.state, transaction.energy_wh, flags_of(transaction)) == (ENDED, 5000, ["matched_stop"])


async def test_a_stop_that_fits_nothing_is_answered_and_kept(record: Record, transactions: Reader) -> None:
    [stop] = await record(stop_16("-1", minutes(-5)))
    [other] = await record(stop_16("-1", minutes(-4)))
    [again] = await record(stop_16("-1", minutes(-5)))
    assert stop.transaction_id != other.transaction_id
    assert (again.transaction_id, again.duplicate) == (stop.transaction_id, True)
    orphans = await transactions.list(state=ORPHAN)
    assert {orphan.id for orphan in orphans} == {stop.transaction_id, other.transaction_id}
    assert all(flags_of(orphan) == ["orphan_stop"] for orphan in orphans)


async def test_late_readings_correct_the_energy_of_a_transaction_without_a_stop_register(
    record: Record, transactions: Reader
) -> None:
    [started] = await record(start_16(minutes(-60)))
    await record(meter_values_16(started.ocpp_transaction_id, minutes(-50), 3000))
    stop = stop_16(started.ocpp_transaction_id, minutes(-30))
    stop.ClearField("meter_wh")
    await record(stop)
    assert (await transactions.get(started.transaction_id)).energy_wh == 2000
    [late] = await record(meter_values_16(started.ocpp_transaction_id, minutes(-31), 5500))
    assert late.transaction_id == started.transaction_id
    transaction = await transactions.get(started.transaction_id)
    assert (transaction.energy_wh, transaction.revision) == (4500, 3)


async def test_readings_with_an_unknown_number_are_kept_as_an_orphan(record: Record, transactions: Reader) -> None:
    [answer] = await record(meter_values_16("4711", minutes(-5), 1000, 1100))
    assert (answer.transaction_id, answer.ocpp_transaction_id) == (derived_id("CP1", "4711"), "4711")
    assert (await transactions.get(answer.transaction_id)).state == ORPHAN
    assert len(await transactions.meter_values(answer.transaction_id)) == 2


async def test_an_unauthorized_offline_start_gets_a_real_number_and_a_flag(
    record: Record, transactions: Reader
) -> None:
    invalid = transaction_pb.Transaction.INVALID
    [answer] = await record(start_16(minutes(-90), offline=True, authorization=invalid))
    assert int(answer.ocpp_transaction_id) > 0
    assert answer.authorization == invalid
    transaction = await transactions.get(answer.transaction_id)
    assert (transaction.offline, flags_of(transaction)) == (True, ["unauthorized"])


async def test_readings_of_the_stop_itself_are_kept(record: Record, transactions: Reader) -> None:
    [started] = await record(start_16(minutes(-30)))
    begin = reading(minutes(-30), "Transaction.Begin", energy_wh=1000)
    end = reading(minutes(-5), "Transaction.End", energy_wh=6000, soc_percent=80)
    await record(stop_16(started.ocpp_transaction_id, minutes(-5), meter_values=[begin, end]))
    assert list(await transactions.meter_values(started.transaction_id)) == [begin, end]
    assert (await transactions.get(started.transaction_id)).soc_percent == 80
