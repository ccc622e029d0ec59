"""One tenant's stations, sessions, alerts, figures and events are not there for another."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.monitoring.v1 import alert_service_pb2 as alert_pb
from csms.monitoring.v1 import analytics_service_pb2 as analytics_pb
from csms.monitoring.v1 import monitoring_service_pb2 as monitoring_pb
from csms.monitoring.v1.alert_service_pb2_grpc import AlertServiceStub
from csms.monitoring.v1.analytics_service_pb2_grpc import AnalyticsServiceStub
from csms.monitoring.v1.monitoring_pb2 import Alert, Dashboard
from csms.monitoring.v1.monitoring_service_pb2_grpc import MonitoringServiceStub
from csms.station.v1 import charge_point_pb2, station_pb2
from csms.station.v1 import connectivity_service_pb2 as connectivity_pb
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.station_service_pb2 import CreateStationRequest
from csms.station.v1.station_service_pb2_grpc import StationServiceStub
from services.kernel.clock import SystemClock
from services.kernel.ids import new_id
from services.messaging.event_bus import STREAM
from services.messaging.outbox import OutboxRelay
from services.monitoring.application.alerts import Alerts, judge
from services.monitoring.consumers import SessionConsumer, StationConsumer
from services.monitoring.domain.alert import AlertKind, Verdict
from services.monitoring.sql.unit_of_work import SqlUnitsOfWork
from tests.contract.services.monitoring.conftest import NOWHERE, publish
from tests.contract.services.monitoring.messages import (
    NOW,
    a_charge_point,
    a_connector,
    a_transaction,
    at,
    billed,
    connection,
    connector_reported,
    device_event,
    point_changed,
    refused,
    session,
    station_changed,
)
from tests.contract.services.tenants import OTHER, OWNER, Answer, Attempt, Tenants, services_for_people
from tests.fixtures.events import reported
from tests.fixtures.services import RunningService, ServiceRunner

SERVICES = services_for_people("csms.monitoring.v1")
NAME = "CP-OF-SOUTH"


class Things(NamedTuple):
    """What the owner has."""

    station_id: str
    transaction_id: str
    alert_id: str
    cursor: str


async def take_in(service: RunningService, tenant_id: str, *events: DomainEvent) -> None:
    """What the consumers do with events of a tenant."""
    for event in events:
        event.tenant_id = tenant_id
    consumers = [kind(service.bus, service.database, SystemClock()) for kind in (StationConsumer, SessionConsumer)]
    for consumer in consumers:
        async with service.database.transaction() as connection_of_test:
            await consumer.handle(connection_of_test, events)


@pytest.fixture(scope="module")
async def stations(module_services: ServiceRunner) -> RunningService:
    """The service that knows who is connected."""
    return await module_services("station", transaction_service_url=NOWHERE)


@pytest.fixture(scope="module")
async def monitoring(module_services: ServiceRunner, stations: RunningService) -> RunningService:
    """The service, without what it does besides answering."""
    return await module_services("monitoring", station_service_url=stations.address, transaction_service_url=NOWHERE)


@pytest.fixture(scope="module")
async def things(monitoring: RunningService, stations: RunningService) -> Things:
    """A station with a charge point that is connected and faulted, a session that runs and one that was billed."""
    channel = await stations.channel("admin", tenant=OWNER)
    points = [charge_point_pb2.ChargePoint(id=NAME)]
    made = station_pb2.Station(name="Southern Cross", charge_points=points)
    station_id = (await StationServiceStub(channel).CreateStation(CreateStationRequest(station=made))).station.id
    edge = ConnectivityServiceStub(await stations.internal_channel("edge"))
    attempt = connectivity_pb.ConnectionAttempt(charge_point_id=NAME, protocol="ocpp1.6", node="n", node_address="n:1")
    await edge.OpenConnections(connectivity_pb.OpenConnectionsRequest(attempts=[attempt]))

    place: dict[str, Any] = {"charge_point_id": NAME, "station_id": station_id}
    broken = a_connector(1, "FAULTED", **place)
    running, ended = (
        a_transaction(name, **{**place, "id": new_id(), **fields})
        for name, fields in (("1", {}), ("2", {"state": "ENDED", "stop_time": at(30), "energy_wh": 7_000}))
    )
    bill = billed("", transaction_id=ended.id, station_id=station_id)
    events = [
        station_changed(station_id=station_id, charge_points=[a_charge_point(NAME)], connectors=[broken]),
        connection(online=True, name=NAME, station_id=station_id),
        connector_reported(broken, seconds=1),
        session(running),
        session(ended),
        bill,
    ]
    jetstream = await monitoring.bus.ready()
    cursor = (await jetstream.stream_info(STREAM)).state.last_seq * 1024
    await take_in(monitoring, OWNER, *events)
    # The other tenant has something to read, and so an end of his stream.
    other = station_changed(station_id=new_id())
    await take_in(monitoring, OTHER, other)
    await publish(monitoring.bus, *events, other)
    [alert] = await _alerts(monitoring, OWNER)
    return Things(station_id, running.id, alert.id, str(cursor))


@pytest.fixture(scope="module")
async def tenants(monitoring: RunningService, things: Things) -> Tenants:
    """Both of them."""
    return Tenants(monitoring, _attempts(things), [NAME, *things[:-1]])


def _attempts(things: Things) -> dict[str, Attempt]:
    nothing, own = Answer.NOTHING, Answer.OWN
    by_station = analytics_pb.UsageQuery.STATION
    return {
        "MonitoringService.ListStationStatuses": Attempt(monitoring_pb.ListStationStatusesRequest(), nothing),
        "MonitoringService.GetStationMetrics": Attempt(
            monitoring_pb.GetStationMetricsRequest(station_id=things.station_id)
        ),
        "MonitoringService.ListLiveConnections": Attempt(monitoring_pb.ListLiveConnectionsRequest(), nothing),
        "MonitoringService.StreamEvents": Attempt(
            monitoring_pb.StreamEventsRequest(cursor=things.cursor, max_events=1), nothing
        ),
        "AlertService.ListAlerts": Attempt(alert_pb.ListAlertsRequest(), nothing),
        "AlertService.AcknowledgeAlert": Attempt(alert_pb.AcknowledgeAlertRequest(id=things.alert_id)),
        "AnalyticsService.GetDashboard": Attempt(analytics_pb.GetDashboardRequest(), own),
        "AnalyticsService.GetUsage": Attempt(analytics_pb.GetUsageRequest(dimension=by_station), nothing),
        "AnalyticsService.ExportUsage": Attempt(analytics_pb.ExportUsageRequest(dimension=by_station), own),
    }


async def _alerts(service: RunningService, tenant_id: str, **wish: Any) -> Sequence[Alert]:
    stub = AlertServiceStub(await service.channel("operator", tenant=tenant_id))
    return (await stub.ListAlerts(alert_pb.ListAlertsRequest(**wish))).alerts


async def _dashboard(service: RunningService, tenant_id: str) -> Dashboard:
    stub = AnalyticsServiceStub(await service.channel("operator", tenant=tenant_id))
    return (await stub.GetDashboard(analytics_pb.GetDashboardRequest())).dashboard


async def test_every_rpc_has_its_attempt(tenants: Tenants) -> None:
    tenants.check_none_is_forgotten(*SERVICES)


async def test_another_tenant_reads_and_changes_nothing(tenants: Tenants) -> None:
    await tenants.check_a_stranger_gets_nothing(*SERVICES)


async def test_figures_are_those_of_a_tenant(monitoring: RunningService, things: Things) -> None:
    own, others, usual = [await _dashboard(monitoring, name) for name in (OWNER, OTHER, "default")]

    assert (own.station_count, own.charge_point_count, own.online_charge_point_count) == (1, 1, 1)
    assert own.active_transaction_count == 1
    assert (sum(own.connector_counts.values()), sum(own.alert_counts.values())) == (1, 1)
    for figures, stations_of_it in ((others, 1), (usual, 0)):
        assert figures == Dashboard(station_count=stations_of_it)


async def test_an_export_is_that_of_a_tenant(monitoring: RunningService, things: Things) -> None:
    request = analytics_pb.ExportUsageRequest(dimension=analytics_pb.UsageQuery.STATION)
    exported = [
        (await AnalyticsServiceStub(await monitoring.channel("operator", tenant=name)).ExportUsage(request)).data
        for name in (OWNER, OTHER, "default")
    ]

    assert [things.station_id in table.decode() for table in exported] == [True, False, False]


async def test_metrics_of_a_station_are_its_tenants(monitoring: RunningService, things: Things) -> None:
    stub = MonitoringServiceStub(await monitoring.channel("viewer", tenant=OWNER))
    points = (await stub.GetStationMetrics(monitoring_pb.GetStationMetricsRequest(station_id=things.station_id))).points

    assert sum(point.fault_count for point in points) == 1


async def test_alerts_of_every_kind_are_for_the_tenant_of_the_cause(monitoring: RunningService) -> None:
    """One for each kind that charge points and sessions bring, from events that come mixed with those of others."""
    for tenant_id in ("east", "west"):
        name = f"CP-OF-{tenant_id}"
        own: dict[str, Any] = {"charge_point_id": name}
        events = [
            point_changed(a_charge_point(name, state="ACCEPTED")),
            connector_reported(a_connector(1, "FAULTED", **own)),
            *(connector_reported(a_connector(2, "FAULTED", **own, seconds=second)) for second in range(3)),
            *(connection(online=False, epoch=epoch, seconds=epoch, name=name) for epoch in range(1, 6)),
            refused(count=5, guesses=5, name=name),
            device_event("Tampering"),
            device_event("Fan", kind="problem"),
            session(a_transaction("1", id=new_id(), **own, authorization="BLOCKED")),
            session(a_transaction("2", id=new_id(), **own, state="ORPHAN")),
            session(a_transaction("3", id=new_id(), **own, stop_time=NOW, state="ENDED", flags=["no_register"])),
            session(a_transaction("4", id=new_id(), **own, stop_time=NOW, state="ENDED", flags=["register_went_back"])),
        ]
        await take_in(monitoring, tenant_id, *events)
    expected = {kind for kind in AlertKind if kind not in (AlertKind.BACKGROUND_TASK, AlertKind.CHARGE_POINT_OFFLINE)}
    kinds = {getattr(Alert, kind.upper()) for kind in expected}
    for tenant_id in ("east", "west"):
        found = await _alerts(monitoring, tenant_id)
        assert {alert.kind for alert in found} == kinds
        # Both have told of a charge point that is called alike.
        assert {alert.charge_point_id for alert in found} == {f"CP-OF-{tenant_id}", "CP1"}


async def test_who_is_away_is_missed_by_his_tenant(monitoring: RunningService) -> None:
    await take_in(
        monitoring,
        "far",
        point_changed(a_charge_point("CP-FAR", state="ACCEPTED")),
        connection(online=False, name="CP-FAR", seconds=-600, epoch=1),
    )
    units_of_work = SqlUnitsOfWork(monitoring.database, OutboxRelay(monitoring.database, monitoring.bus), SystemClock())
    await Alerts(units_of_work, SystemClock()).raise_for_those_away()

    [alert] = await _alerts(monitoring, "far")
    assert (alert.kind, alert.charge_point_id) == (Alert.CHARGE_POINT_OFFLINE, "CP-FAR")
    events = await reported(monitoring.database, "csms.event.monitoring.alert.raised", alert.id)
    assert [event.tenant_id for event in events] == ["far"]


async def test_what_is_about_the_installation_is_for_the_default_tenant(monitoring: RunningService) -> None:
    units_of_work = SqlUnitsOfWork(monitoring.database, OutboxRelay(monitoring.database, monitoring.bus), SystemClock())
    async with units_of_work() as work:
        stuck = Verdict(kind=AlertKind.BACKGROUND_TASK, subject="driver/relay", stands=True, message="does not get on")
        await judge(work, [stuck], SystemClock().now())

    assert [len(await _alerts(monitoring, name, kind="BACKGROUND_TASK")) for name in ("default", OWNER)] == [1, 0]


async def test_a_charge_point_that_changes_hands_takes_no_alert_along(monitoring: RunningService) -> None:
    """The news that the first owner has deleted it comes last."""
    name = "CP-SOLD"
    point, anew = a_charge_point(name), a_charge_point(name, created=-10)
    fault = a_connector(1, "FAULTED", charge_point_id=name, seconds=-60)
    await take_in(monitoring, "seller", point_changed(point, seconds=-120), connector_reported(fault, seconds=-60))
    again = a_connector(1, "FAULTED", charge_point_id=name)
    await take_in(monitoring, "buyer", point_changed(anew, seconds=-10), connector_reported(again))
    await take_in(monitoring, "seller", point_changed(point, seconds=-20, deleted=True))

    [sold], [bought] = [await _alerts(monitoring, tenant_id) for tenant_id in ("seller", "buyer")]
    assert (sold.occurrence_count, bought.occurrence_count) == (1, 1)
    counts = [(await _dashboard(monitoring, tenant_id)).charge_point_count for tenant_id in ("seller", "buyer")]
    assert counts == [0, 1]


async def test_the_owner_gets_what_is_his(tenants: Tenants) -> None:
    """The last of all: it changes them."""
    await tenants.check_the_owner_gets_it(*SERVICES)
