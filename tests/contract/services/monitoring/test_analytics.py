"""Usage and the dashboard: sums that are right in any order of events, by period and dimension, also as a file."""

import csv
import io
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import grpc.aio
import pytest

from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.monitoring.v1 import analytics_service_pb2 as service_pb
from csms.monitoring.v1 import analytics_service_pb2_grpc as analytics_grpc
from csms.monitoring.v1 import monitoring_pb2 as monitoring_pb
from services.kernel.ids import new_id
from services.rpc.protobuf import timestamp
from services.rpc.status import from_rpc_error
from tests.contract.services.monitoring.conftest import Tell, publish
from tests.contract.services.monitoring.messages import (
    STATION,
    a_charge_point,
    a_connector,
    a_transaction,
    billed,
    connection,
    connector_reported,
    session,
    station_changed,
)
from tests.fixtures.money import minor_units
from tests.fixtures.services import RunningService

Query = service_pb.UsageQuery
# A Wednesday, and another station and driver.
START = datetime(2026, 4, 1, 10, 30, tzinfo=UTC)
OTHER_STATION, ANN, BEN = new_id(), new_id(), new_id()


def ended(
    number: str, hours: float, energy_wh: int, *, minutes: int = 30, revision: int = 2, **fields: object
) -> DomainEvent:
    """A session that ended so long after START."""
    stop = START + timedelta(hours=hours)
    return session(
        a_transaction(
            number,
            revision=revision,
            state="ENDED",
            start_time=stop - timedelta(minutes=minutes),
            stop_time=stop,
            energy_wh=energy_wh,
            **fields,
        )
    )


REPORTED = [
    ended("1", 0, 5_000, driver_id=ANN),
    ended("1", 0, 6_000, driver_id=ANN, revision=3),
    ended("2", 0.2, 1_000, driver_id=ANN, charge_point_id="CP2"),
    ended("3", 24, 2_000, driver_id=BEN, station_id=OTHER_STATION),
    ended("4", 24 * 7, 500),
    session(a_transaction("5", start_time=START)),
    billed("1", seconds=1, total_minor=200, end_time=START),
    billed("1", seconds=2, total_minor=240, end_time=START),
    billed("3", total_minor=9_900, currency_code="CHF", end_time=START + timedelta(hours=24), station_id=OTHER_STATION),
    billed("4", total_minor=25, driver_id=BEN, end_time=START + timedelta(days=7)),
    billed("", total_minor=100, energy_wh=300, driver_id=ANN, end_time=START),
]


async def usage(stub: analytics_grpc.AnalyticsServiceStub, **wish: object) -> list[monitoring_pb.UsagePoint]:
    """The points of the month around START."""
    month = {"start_time": timestamp(START - timedelta(days=5)), "end_time": timestamp(START + timedelta(days=25))}
    request = service_pb.GetUsageRequest(**{**month, **wish})  # type: ignore[arg-type]
    return list((await stub.GetUsage(request)).points)


def revenue(point: monitoring_pb.UsagePoint) -> dict[str, int]:
    return {each.currency_code: minor_units(each) for each in point.revenue}


def days(points: list[monitoring_pb.UsagePoint]) -> list[tuple[int, int, int, int, int]]:
    return [
        (
            point.period_start.ToDatetime().day,
            point.session_count,
            point.energy_wh,
            point.duration_seconds,
            point.driver_count,
        )
        for point in points
    ]


BY_DAY = [(1, 3, 7_300, 3_600, 1), (2, 1, 2_000, 1_800, 1), (8, 1, 500, 1_800, 1)]


@pytest.mark.parametrize("seed", range(4))
async def test_usage_is_added_up_once_in_any_order_and_with_repetitions(
    seed: int, tell: Tell, analytics: analytics_grpc.AnalyticsServiceStub
) -> None:
    order = [*REPORTED, *REPORTED[:4]]
    random.Random(seed).shuffle(order)
    await tell(*order)
    points = await usage(analytics)
    assert days(points) == BY_DAY
    assert [revenue(point) for point in points] == [{"EUR": 340}, {"CHF": 9_900}, {"EUR": 25}]


async def test_usage_follows_a_correction_that_comes_later(
    tell: Tell, analytics: analytics_grpc.AnalyticsServiceStub
) -> None:
    await tell(*REPORTED)
    await tell(ended("1", 24, 4_000, driver_id=ANN, revision=4), billed("1", seconds=3, total_minor=160))
    assert days(await usage(analytics)) == [(1, 2, 1_300, 1_800, 1), (2, 2, 6_000, 3_600, 2), (8, 1, 500, 1_800, 1)]
    await tell(session(a_transaction("1", revision=5, start_time=START)))
    assert days(await usage(analytics))[1] == (2, 1, 2_000, 1_800, 1)


@pytest.mark.parametrize(
    ("period", "starts"),
    [
        ("HOUR", ["2026-04-01T10", "2026-04-02T10", "2026-04-08T10"]),
        ("WEEK", ["2026-03-30T00", "2026-04-06T00"]),
        ("MONTH", ["2026-04-01T00"]),
    ],
)
async def test_periods_begin_where_the_calendar_says(
    period: str, starts: list[str], tell: Tell, analytics: analytics_grpc.AnalyticsServiceStub
) -> None:
    await tell(*REPORTED)
    points = await usage(analytics, period=period)
    assert [f"{point.period_start.ToDatetime():%Y-%m-%dT%H}" for point in points] == starts
    assert sum(point.session_count for point in points) == 5


@pytest.mark.parametrize(
    ("dimension", "sessions"),
    [
        ("TOTAL", {"": 5}),
        ("STATION", {STATION: 4, OTHER_STATION: 1}),
        ("CHARGE_POINT", {"CP1": 3, "CP2": 1, "": 1}),
        ("DRIVER", {ANN: 3, BEN: 2}),
    ],
)
async def test_usage_is_added_up_for_each_value_of_a_dimension(
    dimension: str, sessions: dict[str, int], tell: Tell, analytics: analytics_grpc.AnalyticsServiceStub
) -> None:
    await tell(*REPORTED)
    points = await usage(analytics, dimension=dimension, period="MONTH")
    assert {point.key: point.session_count for point in points} == sessions
    assert [point.key for point in points] == sorted(sessions)


async def test_usage_is_narrowed_to_a_station_and_to_a_time(
    tell: Tell, analytics: analytics_grpc.AnalyticsServiceStub
) -> None:
    await tell(*REPORTED)
    assert days(await usage(analytics, station_id=OTHER_STATION)) == BY_DAY[1:2]
    assert await usage(analytics, station_id="no id") == []
    # A session that ends at the very end belongs to what comes after.
    assert days(await usage(analytics, end_time=timestamp(START + timedelta(hours=24)))) == BY_DAY[:1]
    assert await usage(analytics, start_time=None, end_time=None) == []


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"start_time": timestamp(START + timedelta(days=99))}, "startTime"),
        ({"period": "HOUR", "start_time": timestamp(START - timedelta(days=400))}, "period"),
        ({"period": 9}, "period"),
        ({"dimension": 9}, "dimension"),
    ],
)
async def test_bad_questions_are_refused_by_their_fields(
    wish: dict[str, object], field: str, analytics: analytics_grpc.AnalyticsServiceStub
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await usage(analytics, **wish)
    assert [violation.field for violation in from_rpc_error(failure.value).violations] == [field]


async def test_the_same_comes_as_a_file_of_comma_separated_values(
    tell: Tell, analytics: analytics_grpc.AnalyticsServiceStub
) -> None:
    await tell(*REPORTED)
    request = service_pb.ExportUsageRequest(
        start_time=timestamp(START - timedelta(days=5)), end_time=timestamp(START + timedelta(days=25))
    )
    call = analytics.ExportUsage(request)
    body = await call
    metadata = dict(await call.initial_metadata())
    assert metadata["content-disposition"] == 'attachment; filename="usage.csv"'
    assert body.content_type == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(body.data.decode())))
    assert [row["energy_wh"] for row in rows] == ["7300", "2000", "500"]
    assert [(row["revenue_eur"], row["revenue_chf"]) for row in rows] == [
        ("3.40", "0.00"),
        ("0.00", "99.00"),
        ("0.25", "0.00"),
    ]


async def test_the_dashboard_shows_now_and_today(tell: Tell, analytics: analytics_grpc.AnalyticsServiceStub) -> None:
    today = datetime.now(UTC)
    over: dict[str, Any] = {"state": "ENDED", "start_time": today - timedelta(minutes=1), "stop_time": today}
    await tell(
        station_changed(charge_points=[a_charge_point("CP1"), a_charge_point("CP2")], connectors=[a_connector(1)]),
        station_changed("Gone", station_id=new_id(), deleted=True),
        connection(online=True),
        connector_reported(a_connector(2, "FAULTED")),
        session(a_transaction("1", power_w=7_000, update_time=today)),
        session(a_transaction("2", power_w=4_000, update_time=today - timedelta(hours=2))),
        session(a_transaction("3", energy_wh=5_000, **over)),
        ended("4", 0, 900),
        billed("3", total_minor=250),
        billed("4", total_minor=40, currency_code="CHF"),
    )
    dashboard = (await analytics.GetDashboard(service_pb.GetDashboardRequest())).dashboard
    assert (dashboard.station_count, dashboard.charge_point_count, dashboard.online_charge_point_count) == (1, 2, 1)
    assert dict(dashboard.connector_counts) == {"AVAILABLE": 1, "FAULTED": 1}
    assert (dashboard.active_transaction_count, dashboard.power_w) == (2, 7_000)
    assert (dashboard.energy_today_wh, dashboard.sessions_today) == (5_000, 1)
    assert {each.currency_code: minor_units(each) for each in dashboard.revenue_today} == {"EUR": 250, "CHF": 40}
    assert dict(dashboard.alert_counts) == {"CRITICAL": 1}


async def test_the_dashboard_of_nothing_is_all_zeros(analytics: analytics_grpc.AnalyticsServiceStub) -> None:
    response = await analytics.GetDashboard(service_pb.GetDashboardRequest())
    assert response.dashboard == monitoring_pb.Dashboard()


async def test_an_event_that_makes_no_sense_does_not_take_the_others_along(
    service: RunningService, tell: Tell, analytics: analytics_grpc.AnalyticsServiceStub
) -> None:
    senseless = ended("99", 0, 9_000)
    senseless.transaction_changed.transaction.id = "no id of ours"
    good = [ended(str(number), 0, 1_000 + number, driver_id=ANN) for number in range(20)]
    corrected = [ended(str(number), 0, 2_000 + number, driver_id=ANN, revision=3) for number in range(20)]
    bills = [billed(str(number), total_minor=100, end_time=START) for number in range(20)]
    # It is tried again for a while; `tell` waits for the others alone.
    await publish(service.bus, senseless)
    await tell(*bills[:10], *corrected[:10], *good, *corrected[10:], *bills[10:])
    [point] = await usage(analytics)
    assert (point.session_count, point.energy_wh) == (20, sum(2_000 + number for number in range(20)))
    assert revenue(point) == {"EUR": 2_000}
