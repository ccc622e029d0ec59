"""Meter values: stored once, placed by connector and time when they name no transaction, passed on when committed."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.messaging.event_bus import LiveMessage
from services.postgres.database import Database
from services.transaction.mapping.recording import EventMessage
from tests.contract.services.transaction.conftest import Reader, Record
from tests.contract.services.transaction.reports import meter_values_16, minutes, reading, start_16, stop_16
from tests.fixtures.services import RunningService


async def _stored(database: Database) -> int:
    async with database.read() as connection:
        return await connection.scalar(text("SELECT count(*) FROM meter_values")) or 0


async def test_meter_values_that_are_sent_again_are_stored_once(record: Record, transactions: Reader) -> None:
    [started] = await record(start_16(minutes(-30)))
    report = meter_values_16(started.ocpp_transaction_id, minutes(-20), 2000, 2100, 2200)
    for _ in range(3):
        [answer] = await record(report)
        assert answer.transaction_id == started.transaction_id
    values = await transactions.meter_values(started.transaction_id)
    assert [value.energy_wh for value in values] == [2000, 2100, 2200]


async def test_every_measurand_comes_back_as_it_was_sent(record: Record, transactions: Reader) -> None:
    [started] = await record(start_16(minutes(-30)))
    full = reading(
        minutes(-20) + timedelta(microseconds=123456),
        "Sample.Clock",
        energy_wh=0,
        power_w=-7200,
        current_ma=16000,
        voltage_mv=230_100,
        soc_percent=0,
        power_offered_w=11_000,
        other_json='[{"value": "50.01", "measurand": "Frequency"}]',
    )
    sparse = reading(minutes(-19), "Trigger", power_w=5)
    await record(meter_values_16(started.ocpp_transaction_id, minutes(-20), meter_values=[full, sparse]))
    assert list(await transactions.meter_values(started.transaction_id)) == [full, sparse]
    running = await transactions.get(started.transaction_id)
    assert (running.power_w, running.soc_percent) == (5, 0)


async def test_power_and_state_of_charge_are_shown_for_as_long_as_the_last_readings_tell_them(
    record: Record, transactions: Reader
) -> None:
    [started] = await record(start_16(minutes(-200)))
    reported = reading(minutes(-190), power_w=7000, soc_percent=40)
    silent = [reading(minutes(-180 + number), energy_wh=2000 + number) for number in range(50)]
    shown = []
    for values in ([reported], silent[:49], silent[49:]):
        await record(meter_values_16(started.ocpp_transaction_id, minutes(-100), meter_values=values))
        shown.append(await transactions.get(started.transaction_id))
    assert [(running.power_w, running.soc_percent) for running in shown[:2]] == [(7000, 40), (7000, 40)]
    assert [shown[2].HasField(name) for name in ("power_w", "soc_percent")] == [False, False]
    assert shown[2].energy_wh == shown[1].energy_wh + 1


async def test_different_samples_of_one_moment_are_all_kept(record: Record, transactions: Reader) -> None:
    [started] = await record(start_16(minutes(-30)))
    for value in (reading(minutes(-20), energy_wh=2000), reading(minutes(-20), power_w=7000)):
        await record(meter_values_16(started.ocpp_transaction_id, minutes(-20), meter_values=[value]))
    assert len(await transactions.meter_values(started.transaction_id)) == 2


async def test_values_without_a_transaction_go_to_the_one_that_held_the_connector(
    record: Record, transactions: Reader, service: RunningService
) -> None:
    [ended] = await record(start_16(minutes(-90)))
    await record(stop_16(ended.ocpp_transaction_id, minutes(-60)))
    [running] = await record(start_16(minutes(-30), meter_wh=6000))
    expected = {-95: "", -70: ended.transaction_id, -45: "", -20: running.transaction_id}
    for at, transaction_id in expected.items():
        for number in ("", "0"):
            [answer] = await record(meter_values_16(number, minutes(at), 6500))
            assert (at, answer.transaction_id) == (at, transaction_id)
    [elsewhere] = await record(meter_values_16("", minutes(-20), 6500, connector_id=2))
    [whole] = await record(meter_values_16("", minutes(-20), 6500, connector_id=0))
    assert (elsewhere.transaction_id, whole.transaction_id) == ("", "")
    assert [value.energy_wh for value in await transactions.meter_values(running.transaction_id)] == [6500]
    assert len(await transactions.meter_values(ended.transaction_id)) == 1
    assert await _stored(service.database) == 6


async def test_values_outside_of_any_transaction_are_kept_apart_by_charge_point_and_connector(
    record: Record, service: RunningService
) -> None:
    reports = [
        meter_values_16("", minutes(-20), 1000, charge_point_id=name, connector_id=connector)
        for name in ("CP1", "CP2")
        for connector in (0, 1, 2)
    ]
    for report in reports * 2:
        await record(report)
    assert await _stored(service.database) == 6


@pytest.mark.parametrize("runs", [True, False])
async def test_values_without_a_transaction_are_stored_once_whatever_the_clock_is_corrected_by(
    record: Record, service: RunningService, runs: bool
) -> None:
    if runs:
        await record(start_16(minutes(-60)))
    # By a clock two hours ahead; the second value is of the same words at another time.
    device_time = minutes(110)
    for correction in (120, 118.5, 119):
        values = [reading(device_time - timedelta(minutes=correction + ago), energy_wh=1500) for ago in (1, 0)]
        shifted = device_time - timedelta(minutes=correction)
        report = meter_values_16("", device_time, corrected_time=shifted, meter_values=values)
        [answer] = await record(report)
        assert bool(answer.transaction_id) is runs
    assert await _stored(service.database) == 2


def test_a_correction_beyond_all_times_is_compared_and_breaks_nothing() -> None:
    values = [reading(datetime.min.replace(tzinfo=UTC), energy_wh=1)]
    report = meter_values_16("", minutes(-60), corrected_time=minutes(0), meter_values=values)
    [first] = EventMessage(report).event().readings
    assert first.energy_wh == 1


async def test_committed_meter_values_are_passed_on_live(record: Record, service: RunningService) -> None:
    await service.bus.ready()
    async with service.bus.subscribe_live("csms.live.meter_values") as messages:
        [started] = await record(start_16(minutes(-30), charge_point_id="LIVE1"))
        bad = meter_values_16("1", minutes(-20), 2000, charge_point_id="LIVE2", meter_values=[])
        reported = meter_values_16(started.ocpp_transaction_id, minutes(-20), 2000, charge_point_id="LIVE1")
        await record(reported, bad)
        passed_on: list[recording_pb.TransactionEvent] = []
        async with asyncio.timeout(5):
            while not passed_on:
                passed_on = _of_this_test(await anext(messages))
    assert passed_on == [reported]


def _of_this_test(message: LiveMessage) -> list[recording_pb.TransactionEvent]:
    """What the test before has recorded may still be on its way."""
    events = recording_pb.RecordTransactionEventsRequest.FromString(message.payload).events
    return [event for event in events if event.charge_point_id.startswith("LIVE")]


async def test_meter_values_that_come_together_are_passed_on_together(record: Record, service: RunningService) -> None:
    await service.bus.ready()
    charge_points = [f"LIVE-{number}" for number in range(1, 13)]
    reported = [meter_values_16("", minutes(-20), 2000, charge_point_id=name, evse_id=1) for name in charge_points]
    heard: list[str] = []
    messages_heard = 0
    async with service.bus.subscribe_live("csms.live.meter_values") as messages, asyncio.timeout(10):
        await asyncio.gather(*(record(one) for one in reported))
        while len(heard) < len(reported):
            events = _of_this_test(await anext(messages))
            messages_heard += bool(events)
            heard += [event.charge_point_id for event in events]
    assert sorted(heard) == sorted(charge_points)
    assert messages_heard < len(reported)


async def test_energy_of_a_running_transaction_without_a_start_register_comes_from_its_readings(
    record: Record, transactions: Reader
) -> None:
    start = start_16(minutes(-30))
    start.ClearField("meter_wh")
    [started] = await record(start)
    await record(meter_values_16(started.ocpp_transaction_id, minutes(-20), 2000, 2600))
    [listed] = await transactions.list(state=transaction_pb.Transaction.ACTIVE)
    assert (listed.id, listed.energy_wh) == (started.transaction_id, 600)


async def test_transactions_of_different_days_that_end_together_are_settled_with_all_their_readings(
    record: Record, transactions: Reader
) -> None:
    days = {"CP1": 0, "CP2": -1, "CP3": -40}
    starts = [
        start_16(minutes(-30 + 1440 * day), charge_point_id=name, id_tag=name, meter_wh=None)
        for name, day in days.items()
    ]
    started = await record(*starts)
    # The longest transaction: its first readings lie days before its last.
    readings = [
        meter_values_16(answer.ocpp_transaction_id, minutes(-29 + 1440 * day), 2000, 2600, charge_point_id=name)
        for answer, (name, day) in zip(started, days.items(), strict=True)
    ]
    late = meter_values_16(started[2].ocpp_transaction_id, minutes(-2), 9000, charge_point_id="CP3")
    await record(*readings)
    await record(late)
    ends = [
        stop_16(answer.ocpp_transaction_id, minutes(-1), charge_point_id=name, meter_wh=None)
        for answer, name in zip(started, days, strict=True)
    ]
    await record(*ends)
    energies = [(await transactions.get(answer.transaction_id)).energy_wh for answer in started]
    assert energies == [600, 600, 7000]
