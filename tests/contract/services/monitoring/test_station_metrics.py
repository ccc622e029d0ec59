"""The metrics of stations: each event counts once, steps are added up, and live readings are never needed."""

from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration

from csms.monitoring.v1 import monitoring_pb2 as monitoring_pb
from csms.monitoring.v1 import monitoring_service_pb2 as service_pb
from csms.monitoring.v1 import monitoring_service_pb2_grpc as monitoring_grpc
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.kernel.clock import FixedClock, SystemClock
from services.kernel.ids import new_id
from services.monitoring.application.transactions import LiveMeter
from services.monitoring.consumers import LiveConsumer
from services.monitoring.mapping.from_proto import live_readings
from services.monitoring.sql.unit_of_work import SqlUnitsOfWork
from services.rpc.protobuf import timestamp
from services.rpc.status import from_rpc_error
from tests.contract.services.monitoring.conftest import Tell
from tests.contract.services.monitoring.messages import (
    NOW,
    STATION,
    a_connector,
    a_transaction,
    at,
    connection,
    connector_reported,
    session,
    station_changed,
)
from tests.fixtures.background import eventually, running
from tests.fixtures.services import RunningService

Points = list[monitoring_pb.MetricPoint]


async def metrics(stub: monitoring_grpc.MonitoringServiceStub, minutes: int = 10, step: int = 1) -> Points:
    """The points from NOW on."""
    request = service_pb.GetStationMetricsRequest(
        station_id=STATION,
        window=Duration(seconds=60 * minutes),
        step=Duration(seconds=60 * step),
        end_time=timestamp(NOW + timedelta(minutes=minutes)),
    )
    return list((await stub.GetStationMetrics(request)).points)


def figures(point: monitoring_pb.MetricPoint) -> tuple[int, ...]:
    return (
        point.energy_wh,
        point.started_transaction_count,
        point.ended_transaction_count,
        point.fault_count,
        point.disconnect_count,
    )


def an_end(*, revision: int = 3, minutes: int = 3, **fields: Any) -> transaction_pb.Transaction:
    return a_transaction(revision=revision, state="ENDED", stop_time=at(60 * minutes), **fields)


def samples(*values: tuple[float, int, int]) -> bytes:
    """A live message with readings of transaction 42: seconds, power in W, register in Wh."""
    readings = [
        transaction_pb.MeterValue(sampled_time=timestamp(at(seconds)), power_w=power_w, energy_wh=register_wh)
        for seconds, power_w, register_wh in values
    ]
    event = recording_pb.TransactionEvent(charge_point_id="CP1", ocpp_transaction_id="42", meter_values=readings)
    outside = recording_pb.TransactionEvent(charge_point_id="CP1", meter_values=readings)
    return recording_pb.RecordTransactionEventsRequest(events=[event, outside]).SerializeToString()


async def test_steps_add_up_what_happened_and_show_zeros_elsewhere(
    tell: Tell, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    await tell(
        station_changed(),
        session(a_transaction()),
        session(an_end(energy_wh=7_000)),
        connector_reported(a_connector(1, "FAULTED", seconds=70), seconds=70),
        connector_reported(a_connector(1, "AVAILABLE", seconds=71), seconds=71),
        connection(online=True, epoch=1, seconds=100),
        connection(online=False, epoch=1, seconds=190),
    )
    points = await metrics(monitoring, minutes=5)
    assert [point.time.ToDatetime() for point in points] == [at(60 * n).replace(tzinfo=None) for n in range(5)]
    assert [figures(point) for point in points] == [
        (0, 1, 0, 0, 0),
        (0, 0, 0, 1, 0),
        (0, 0, 0, 0, 0),
        (7_000, 0, 1, 0, 1),
        (0, 0, 0, 0, 0),
    ]
    assert [figures(point) for point in await metrics(monitoring, minutes=6, step=5)] == [
        (7_000, 1, 1, 1, 1),
        (0, 0, 0, 0, 0),
    ]


async def test_late_early_and_repeated_snapshots_count_once(
    tell: Tell, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    corrected = an_end(revision=4, minutes=2, energy_wh=6_500)
    await tell(station_changed(), session(an_end(energy_wh=7_000)), session(a_transaction()))
    await tell(session(corrected), session(corrected), session(an_end(energy_wh=7_000)))
    assert [figures(point)[:3] for point in await metrics(monitoring, minutes=10, step=10)] == [(6_500, 1, 1)]


async def test_a_session_that_begins_ends_and_is_corrected_in_one_batch_counts_once(
    tell: Tell, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    corrected = an_end(revision=4, minutes=2, energy_wh=6_500)
    await tell(station_changed())
    await tell(session(a_transaction()), session(an_end(energy_wh=7_000)), session(corrected), session(corrected))
    assert [figures(point)[:3] for point in await metrics(monitoring, minutes=10, step=10)] == [(6_500, 1, 1)]


async def test_live_readings_show_energy_and_power_while_it_flows(
    service: RunningService,
    units_of_work: SqlUnitsOfWork,
    tell: Tell,
    monitoring: monitoring_grpc.MonitoringServiceStub,
) -> None:
    await tell(station_changed(), session(a_transaction()))
    meter = LiveMeter(units_of_work, FixedClock(at(65)))
    for _ in range(2):
        # Another replica hears and writes the same.
        meter.gather(live_readings(samples((10, 7_400, 1_100), (65, 11_000, 1_250))))
        assert await meter.write() == 1
        assert await meter.write() == 0
    first, second = await metrics(monitoring, minutes=2)
    assert (first.energy_wh, second.energy_wh, second.max_power_w) == (100, 150, 11_000)
    listed = await monitoring.ListStationStatuses(service_pb.ListStationStatusesRequest())
    assert listed.station_statuses[0].power_w == 11_000
    await tell(session(an_end(minutes=1, energy_wh=300)))
    first, second = await metrics(monitoring, minutes=2)
    assert (first.energy_wh, second.energy_wh, second.ended_transaction_count) == (100, 200, 1)
    listed = await monitoring.ListStationStatuses(service_pb.ListStationStatusesRequest())
    assert listed.station_statuses[0].power_w == 0


async def test_live_readings_are_heard_as_they_are_published(
    service: RunningService,
    units_of_work: SqlUnitsOfWork,
    tell: Tell,
    monitoring: monitoring_grpc.MonitoringServiceStub,
) -> None:
    await tell(station_changed(), session(a_transaction()))
    meter = LiveMeter(units_of_work, SystemClock())

    async def is_heard() -> bool:
        await service.bus.publish_live("csms.live.meter_values", b"no message of ours")
        await service.bus.publish_live("csms.live.meter_values", samples((30, 3_000, 1_400)))
        await meter.write()
        [point] = await metrics(monitoring, minutes=10, step=10)
        return point.energy_wh == 400

    async with running(LiveConsumer(service.bus, meter).gather()):
        await eventually(is_heard)


async def test_readings_of_transactions_that_nobody_told_of_are_passed_over(units_of_work: SqlUnitsOfWork) -> None:
    meter = LiveMeter(units_of_work, SystemClock())
    meter.gather(live_readings(samples((30, 3_000, 1_400))))
    assert await meter.write() == 1


async def test_a_day_in_hours_up_to_now_is_shown_unless_asked_otherwise(
    tell: Tell, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    await tell(station_changed(), session(a_transaction()))
    response = await monitoring.GetStationMetrics(service_pb.GetStationMetricsRequest(station_id=STATION))
    assert len(response.points) == 24
    assert sum(point.started_transaction_count for point in response.points) == 1


async def test_a_deleted_station_keeps_its_history(
    tell: Tell, monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    await tell(station_changed(), session(a_transaction()), station_changed(seconds=5, deleted=True))
    assert (await metrics(monitoring))[0].started_transaction_count == 1


async def test_an_unknown_station_has_no_metrics(monitoring: monitoring_grpc.MonitoringServiceStub) -> None:
    for station_id in (new_id(), "no id"):
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await monitoring.GetStationMetrics(service_pb.GetStationMetricsRequest(station_id=station_id))
        assert from_rpc_error(failure.value).reason == "STATION_NOT_FOUND"


@pytest.mark.parametrize(
    ("fields", "violated"),
    [
        ({}, ["stationId"]),
        ({"station_id": STATION, "window": Duration(seconds=30)}, ["window"]),
        ({"station_id": STATION, "step": Duration(seconds=-60)}, ["step"]),
        ({"station_id": STATION, "window": Duration(seconds=90 * 86_400)}, ["step"]),
    ],
)
async def test_bad_windows_are_refused_by_their_fields(
    fields: dict[str, object], violated: list[str], monitoring: monitoring_grpc.MonitoringServiceStub
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await monitoring.GetStationMetrics(service_pb.GetStationMetricsRequest(**fields))  # type: ignore[arg-type]
    assert [violation.field for violation in from_rpc_error(failure.value).violations] == violated
