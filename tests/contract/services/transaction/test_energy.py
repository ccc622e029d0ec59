"""The energy of transactions, as it is shown while they run and settled when they are over, and the doubts about it."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from csms.event.v1.domain_event_pb2 import DomainEvent, StationChanged
from csms.station.v1 import charge_point_pb2 as charge_point_pb
from csms.station.v1 import connector_pb2 as connector_pb
from csms.station.v1 import station_pb2 as station_pb
from csms.station.v1 import station_service_pb2 as station_service_pb
from csms.station.v1 import station_service_pb2_grpc as station_grpc
from services.kernel.clock import SystemClock
from services.kernel.ids import derived_id, new_id
from services.messaging.outbox import OutboxRelay
from services.rpc.protobuf import timestamp
from services.transaction.application.connector_powers import ConnectorPowers
from services.transaction.clients import GrpcStations
from services.transaction.consumers import StationConsumer
from services.transaction.sql.unit_of_work import SqlUnitsOfWork
from tests.contract.services.transaction.conftest import Reader, Record
from tests.contract.services.transaction.reports import (
    ACCEPTED,
    ENDED,
    STARTED,
    UPDATED,
    event_201,
    meter_values_16,
    minutes,
    reading,
    start_16,
    stop_16,
)
from tests.fixtures.services import RunningService, ServiceRunner
from tests.fixtures.shorthand import flags_of

_LIFE = 4_076_000
_SENT_AS_KWH = 1000


class Powers:
    """What the station service tells of connectors."""

    def __init__(self, service: RunningService) -> None:
        self._service = service
        self._consumer = StationConsumer(service.bus, service.database, SystemClock())

    async def reported(self, at: float, **max_power_w: int) -> None:
        """That connectors 1 of the charge points of these names give as much; 0 is unknown."""
        station = station_pb.Station(
            connectors=[
                connector_pb.Connector(charge_point_id=name, evse_id=1, connector_id=1, max_power_w=power)
                for name, power in max_power_w.items()
            ]
        )
        event = DomainEvent(
            id=new_id(), create_time=timestamp(minutes(at)), station_changed=StationChanged(station=station)
        )
        async with self._service.database.transaction() as connection:
            await self._consumer.handle(connection, [event])


@pytest.fixture
def powers(service: RunningService) -> Powers:
    return Powers(service)


async def shown(transactions: Reader, transaction_id: str) -> tuple[int, list[str]]:
    """Energy and flags; a list tells the same."""
    one = await transactions.get(transaction_id)
    [listed] = await transactions.list(ids=[transaction_id])
    assert (listed.energy_wh, listed.flags, listed.energy_doubt) == (one.energy_wh, one.flags, one.energy_doubt)
    assert bool(one.energy_doubt) is bool(one.flags)
    return one.energy_wh, flags_of(one)


async def test_a_reading_of_the_moment_of_the_end_is_none_of_after_it_in_whatever_part_of_a_second(
    record: Record, transactions: Reader
) -> None:
    begin, end = (minutes(at).replace(microsecond=700_000) for at in (-10, -5))
    [begun] = await record(start_16(begin, meter_wh=_LIFE))
    await record(meter_values_16(begun.ocpp_transaction_id, end, (_LIFE + 2_000) * _SENT_AS_KWH))
    await record(stop_16(begun.ocpp_transaction_id, end, meter_wh=_LIFE + 2_000))
    assert await shown(transactions, begun.transaction_id) == (2_000, ["mislabelled_unit"])


@pytest.mark.field_case("A7")
@pytest.mark.parametrize("stop_wh", [None, 453, _LIFE + 453])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a_register_of_the_transaction_comes_to_the_same_as_that_of_the_meters_life(
    record: Record, transactions: Reader, stop_wh: int | None, order: Sequence[int]
) -> None:
    [started] = await record(start_16(minutes(-60), meter_wh=_LIFE))
    reported = [
        meter_values_16(started.ocpp_transaction_id, minutes(at), wh, epoch=epoch)
        for at, wh, epoch in ((-50, 228, 1), (-40, 353, 1), (-30, 453, 2))
    ]
    for position in (*order, *order):
        await record(reported[position])
    assert await shown(transactions, started.transaction_id) == (453, ["transaction_register"])
    stop = stop_16(started.ocpp_transaction_id, minutes(-20), meter_wh=stop_wh)
    await record(stop)
    await record(stop)
    assert await shown(transactions, started.transaction_id) == (453, ["transaction_register"])
    values = await transactions.meter_values(started.transaction_id)
    assert [value.energy_wh for value in values] == [228, 353, 453]


async def test_a_flag_that_010_has_written_is_shown_by_its_name_of_today(
    record: Record, transactions: Reader, service: RunningService
) -> None:
    [started] = await record(start_16(minutes(-60), meter_wh=_LIFE))
    await record(meter_values_16(started.ocpp_transaction_id, minutes(-50), 453))
    await record(stop_16(started.ocpp_transaction_id, minutes(-20), meter_wh=453))
    async with service.database.transaction() as connection:
        await connection.execute(text("UPDATE transactions SET flags = '{session_register}'"))
    assert await shown(transactions, started.transaction_id) == (453, ["transaction_register"])


@pytest.mark.field_case("A7")
@pytest.mark.parametrize("end_first", [True, False])
@pytest.mark.parametrize("stop_wh", [None, 453, _LIFE + 453, (_LIFE + 453) * _SENT_AS_KWH])
@pytest.mark.parametrize("second_wh", [353, _LIFE + 353, (_LIFE + 353) * _SENT_AS_KWH])
async def test_registers_and_units_may_be_mixed_in_a_transaction_by_ocpp_201(
    record: Record, transactions: Reader, second_wh: int, stop_wh: int | None, end_first: bool
) -> None:
    transaction_id = derived_id("CP1", "T-1")
    begin = reading(minutes(-60), "Transaction.Begin", energy_wh=_LIFE)
    last = [] if stop_wh is None else [reading(minutes(-20), "Transaction.End", energy_wh=stop_wh)]
    events = [
        event_201(STARTED, minutes(-60), 0, id_tag="TAG", authorization=ACCEPTED, meter_values=[begin]),
        event_201(UPDATED, minutes(-50), 1, meter_values=[reading(minutes(-50), energy_wh=228)]),
        event_201(UPDATED, minutes(-40), 2, meter_values=[reading(minutes(-40), energy_wh=second_wh)]),
        event_201(ENDED, minutes(-20), 3, meter_values=last),
    ]
    for event in reversed(events) if end_first else events:
        await record(event)
    energy_wh, flags = await shown(transactions, transaction_id)
    assert energy_wh == (353 if stop_wh is None else 453)
    assert set(flags) <= {"transaction_register", "mislabelled_unit"}


@pytest.mark.field_case("A8")
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("again", [False, True])
async def test_the_register_of_the_start_is_not_the_current_one_wherever_it_stands(
    record: Record, transactions: Reader, order: Sequence[int], again: bool
) -> None:
    start = start_16(minutes(-60))
    start.ClearField("meter_wh")
    [started] = await record(start)
    for at, now_wh in ((-50, 158_000), (-40, 163_630)) if again else ((-40, 163_630),):
        sample = [
            reading(minutes(at), energy_wh=now_wh),
            reading(minutes(at), "Transaction.Begin", energy_wh=157_440),
        ]
        values = [sample[place] for place in order]
        await record(meter_values_16(started.ocpp_transaction_id, minutes(at), meter_values=values))
    assert await shown(transactions, started.transaction_id) == (6190, [])
    await record(stop_16(started.ocpp_transaction_id, minutes(-20), meter_wh=None))
    assert await shown(transactions, started.transaction_id) == (6190, [])


@pytest.mark.field_case("A8")
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_registers_of_both_ends_are_found_in_any_event_of_ocpp_201(
    record: Record, transactions: Reader, order: Sequence[int]
) -> None:
    transaction_id = derived_id("CP1", "T-1")
    await record(event_201(STARTED, minutes(-60), 0, id_tag="TAG", authorization=ACCEPTED))
    sample = [reading(minutes(-40), energy_wh=163_630), reading(minutes(-40), "Transaction.Begin", energy_wh=157_440)]
    await record(event_201(UPDATED, minutes(-40), 1, meter_values=[sample[place] for place in order]))
    assert await shown(transactions, transaction_id) == (6190, [])
    await record(event_201(ENDED, minutes(-20), 2))
    assert await shown(transactions, transaction_id) == (6190, [])


@pytest.mark.field_case("A9")
@pytest.mark.parametrize(
    ("max_power_w", "flags", "doubt"),
    [
        (22_000, ["implausible_energy"], "939000 Wh in 8 h is 117 kW; the connector gives at most 22 kW"),
        (150_000, [], ""),
        (0, [], ""),
    ],
)
async def test_more_than_the_connector_gives_is_in_doubt_with_its_figures(
    record: Record,
    transactions: Reader,
    powers: Powers,
    max_power_w: int,
    flags: list[str],
    doubt: str,
) -> None:
    await powers.reported(-500, CP1=max_power_w, CP2=1000)
    [started] = await record(start_16(minutes(-480), meter_wh=0, evse_id=1))
    await record(stop_16(started.ocpp_transaction_id, minutes(0), meter_wh=939_000))
    transaction = await transactions.get(started.transaction_id)
    assert (transaction.energy_wh, flags_of(transaction), transaction.energy_doubt) == (939_000, flags, doubt)


@pytest.mark.field_case("A9")
@pytest.mark.parametrize("stop_wh", [939_000, None])
async def test_a_register_that_jumps_at_the_first_reading_is_in_doubt_before_and_after_the_end(
    record: Record, transactions: Reader, powers: Powers, stop_wh: int | None
) -> None:
    await powers.reported(-500, CP1=22_000)
    [started] = await record(start_16(minutes(-480), meter_wh=0))
    for at, wh in ((-470, 930_500), (-200, 936_000), (-10, 939_000)):
        await record(meter_values_16(started.ocpp_transaction_id, minutes(at), wh))
    expected = (8500, ["implausible_energy", "register_offset"])
    assert await shown(transactions, started.transaction_id) == expected
    await record(stop_16(started.ocpp_transaction_id, minutes(0), meter_wh=stop_wh))
    assert await shown(transactions, started.transaction_id) == expected
    doubt = (await transactions.get(started.transaction_id)).energy_doubt
    assert "counted from there it is 8500 Wh" in doubt
    assert "the connector gives at most 22 kW" in doubt


@pytest.mark.field_case("A9")
async def test_of_what_is_told_of_a_connector_the_latest_counts(
    record: Record, transactions: Reader, powers: Powers
) -> None:
    await powers.reported(-400, CP1=22_000)
    await powers.reported(-500, CP1=150_000)
    [started] = await record(start_16(minutes(-480), meter_wh=0))
    await record(stop_16(started.ocpp_transaction_id, minutes(0), meter_wh=939_000))
    assert flags_of(await transactions.get(started.transaction_id)) == ["implausible_energy"]
    await powers.reported(-1, CP1=0)
    [again] = await record(start_16(minutes(-480), meter_wh=0, id_tag="B", connector_id=2))
    await record(stop_16(again.ocpp_transaction_id, minutes(0), meter_wh=939_000))
    assert flags_of(await transactions.get(again.transaction_id)) == []


@pytest.mark.field_case("A9")
async def test_what_connectors_give_is_asked_for_as_well(
    record: Record, transactions: Reader, service: RunningService, run_service: ServiceRunner
) -> None:
    stations = await run_service("station", transaction_service_url=service.address)
    stub = station_grpc.StationServiceStub(await stations.channel())
    for number in range(3):
        plug = connector_pb.Connector(charge_point_id=f"CP{number}", evse_id=1, connector_id=1, max_power_w=22_000)
        points = [charge_point_pb.ChargePoint(id=f"CP{number}")]
        station = station_pb.Station(name=f"S{number}", charge_points=points, connectors=[plug])
        await stub.CreateStation(station_service_pb.CreateStationRequest(station=station))
    units_of_work = SqlUnitsOfWork(service.database, OutboxRelay(service.database, service.bus), SystemClock())
    known = GrpcStations(await stations.internal_channel("transaction"), page_size=2)
    assert await ConnectorPowers(units_of_work, known, SystemClock()).compare() == 3
    [started] = await record(start_16(minutes(-480), charge_point_id="CP2", meter_wh=0))
    await record(stop_16(started.ocpp_transaction_id, minutes(0), charge_point_id="CP2", meter_wh=939_000))
    assert "at most 22 kW" in (await transactions.get(started.transaction_id)).energy_doubt


@pytest.mark.field_case("A12")
@pytest.mark.parametrize("power_w", [None, 6000])
async def test_a_transaction_by_ocpp_201_without_a_register_is_flagged(
    record: Record, transactions: Reader, power_w: int | None
) -> None:
    transaction_id = derived_id("CP1", "T-1")
    exported: dict[str, Any] = {
        "other_json": '[{"value": 5, "measurand": "Energy.Active.Export.Register", "phase": "L1"}]'
    }
    power: dict[str, Any] = {} if power_w is None else {"power_w": power_w}
    samples = [reading(minutes(at), **exported, **power) for at in (-60, -30, 0)]
    await record(event_201(STARTED, minutes(-60), 0, id_tag="TAG", authorization=ACCEPTED, meter_values=samples[:1]))
    await record(event_201(UPDATED, minutes(-30), 1, meter_values=samples[1:2]))
    assert (await transactions.get(transaction_id)).energy_wh == 0
    await record(event_201(ENDED, minutes(0), 2, meter_values=samples[2:]))
    assert await shown(transactions, transaction_id) == (0, ["no_register"])
    estimate = "" if power_w is None else "; by 3 readings of power it was about 6000 Wh"
    assert (await transactions.get(transaction_id)).energy_doubt == f"no energy register was told{estimate}"


@pytest.mark.field_case("A12")
@pytest.mark.parametrize(("start_wh", "stop_wh"), [(None, None), (1000, None), (None, 6000)])
async def test_a_transaction_by_ocpp_16_without_two_registers_is_flagged_until_they_are_told(
    record: Record, transactions: Reader, start_wh: int | None, stop_wh: int | None
) -> None:
    [started] = await record(start_16(minutes(-60), meter_wh=start_wh))
    await record(stop_16(started.ocpp_transaction_id, minutes(-5), meter_wh=stop_wh))
    assert await shown(transactions, started.transaction_id) == (0, ["no_register"])
    late = [(-59, 1000)] if start_wh is None and stop_wh is not None else [(-59, 1000), (-6, 6000)]
    for at, wh in late:
        await record(meter_values_16(started.ocpp_transaction_id, minutes(at), wh))
    assert await shown(transactions, started.transaction_id) == (5000, [])


@pytest.mark.field_case("A13")
@pytest.mark.parametrize("end_first", [True, False])
async def test_one_reading_that_no_other_agrees_with_is_shown_with_its_figures(
    record: Record, transactions: Reader, end_first: bool
) -> None:
    transaction_id = derived_id("CP1", "T-1")
    events = [
        event_201(STARTED, minutes(-6), 0, id_tag="TAG", authorization=ACCEPTED, meter_wh=0),
        event_201(UPDATED, minutes(-5), 1, meter_values=[reading(minutes(-5), energy_wh=150_020)]),
        event_201(ENDED, minutes(-3), 2, meter_values=[reading(minutes(-3), "Transaction.End", energy_wh=202)]),
    ]
    for event in reversed(events) if end_first else events:
        await record(event)
    assert await shown(transactions, transaction_id) == (202, ["mislabelled_unit"])
    assert "150020 Wh at " in (await transactions.get(transaction_id)).energy_doubt


@pytest.mark.field_case("A13")
@pytest.mark.parametrize(
    ("readings_wh", "stop_wh", "expected"),
    [
        ([1500, 9500, 2000, 3000], 4000, (3000, ["outlier_reading"])),
        ([1500, 0, 2000, 3000], 4000, (3000, ["outlier_reading"])),
        ([1500, -7, 2000, 3000], 4000, (3000, ["outlier_reading"])),
        ([1500, 8000, 9000], 4000, (3000, ["register_went_back"])),
        ([1500, 9000], 4000, (3000, ["register_went_back"])),
        ([5000, 5100, 20, 700], None, (700, ["register_went_back", "transaction_register"])),
    ],
)
async def test_every_reading_counts_for_doubt(
    record: Record,
    transactions: Reader,
    readings_wh: list[int],
    stop_wh: int | None,
    expected: tuple[int, list[str]],
) -> None:
    [started] = await record(start_16(minutes(-60), meter_wh=1000))
    for place, wh in enumerate(readings_wh):
        await record(meter_values_16(started.ocpp_transaction_id, minutes(10 * place - 55), wh))
    await record(stop_16(started.ocpp_transaction_id, minutes(-5), meter_wh=stop_wh))
    assert await shown(transactions, started.transaction_id) == expected


@pytest.mark.field_case("A13")
async def test_of_a_transaction_with_very_many_readings_the_last_ones_count_as_well(
    record: Record, transactions: Reader
) -> None:
    [started] = await record(start_16(minutes(-600), meter_wh=1000))
    values = [reading(minutes(-600 + place / 4), energy_wh=1000 + place) for place in range(1, 2101)]
    for begin in range(0, len(values), 700):
        message = meter_values_16(started.ocpp_transaction_id, minutes(-60), meter_values=values[begin : begin + 700])
        await record(message)
    await record(meter_values_16(started.ocpp_transaction_id, minutes(-30), 99_000, 99_001))
    stop = stop_16(started.ocpp_transaction_id, minutes(-20), meter_wh=None)
    await record(stop)
    assert await shown(transactions, started.transaction_id) == (98_001, [])


@pytest.mark.field_case("A13")
async def test_a_reading_after_the_end_changes_no_energy(record: Record, transactions: Reader) -> None:
    [started] = await record(start_16(minutes(-60)))
    await record(stop_16(started.ocpp_transaction_id, minutes(-30)))
    await record(meter_values_16(started.ocpp_transaction_id, minutes(-10), 6500))
    assert await shown(transactions, started.transaction_id) == (5000, ["reading_after_end"])
