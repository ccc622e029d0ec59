"""Several replicas that share the work: the events of one station handled at once end as if they came one by one."""

import random

from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.monitoring.v1 import alert_service_pb2 as alert_pb
from csms.monitoring.v1 import alert_service_pb2_grpc as alert_grpc
from csms.monitoring.v1 import analytics_service_pb2 as analytics_pb
from csms.monitoring.v1 import analytics_service_pb2_grpc as analytics_grpc
from csms.monitoring.v1 import monitoring_pb2 as monitoring_pb
from csms.monitoring.v1 import monitoring_service_pb2 as service_pb
from csms.monitoring.v1 import monitoring_service_pb2_grpc as monitoring_grpc
from services.kernel.clock import SystemClock
from services.monitoring.consumers import SessionConsumer, StationConsumer
from services.rpc.protobuf import timestamp
from tests.contract.services.monitoring.conftest import Tell
from tests.contract.services.monitoring.messages import (
    a_charge_point,
    a_connector,
    a_transaction,
    at,
    billed,
    connection,
    connector_reported,
    session,
    station_changed,
)
from tests.fixtures.background import running
from tests.fixtures.money import minor_units
from tests.fixtures.services import RunningService

POINTS = [f"CP{number}" for number in range(1, 9)]


def a_busy_day() -> list[DomainEvent]:
    """Eight charge points that all fault, go offline, and end a session in the end."""
    events = [
        station_changed(
            charge_points=[a_charge_point(name) for name in POINTS],
            connectors=[a_connector(1, charge_point_id=name) for name in POINTS],
        )
    ]
    for number, name in enumerate(POINTS):
        events += [
            connection(online=True, epoch=1, name=name),
            connector_reported(a_connector(1, "CHARGING", seconds=1, charge_point_id=name), seconds=1),
            connector_reported(a_connector(1, "FAULTED", seconds=2, charge_point_id=name), seconds=2),
            connection(online=False, epoch=1, name=name, seconds=3),
            *(session(a_transaction(str(number), revision=revision)) for revision in (1, 2)),
            session(a_transaction(str(number), revision=3, state="ENDED", stop_time=at(9), energy_wh=1_000)),
            billed(str(number), total_minor=50),
        ]
    return events


async def test_replicas_end_with_what_one_would_have_made_of_it(
    service: RunningService,
    tell: Tell,
    monitoring: monitoring_grpc.MonitoringServiceStub,
    alerts: alert_grpc.AlertServiceStub,
    analytics: analytics_grpc.AnalyticsServiceStub,
) -> None:
    events = [*a_busy_day(), *a_busy_day()]
    random.Random(7).shuffle(events)
    others = [
        consumer(service.bus, service.database, SystemClock())
        for consumer in (StationConsumer, StationConsumer, SessionConsumer, SessionConsumer)
    ]
    async with running(*(other.run() for other in others)):
        await tell(*events)
    [status] = (await monitoring.ListStationStatuses(service_pb.ListStationStatusesRequest())).station_statuses
    assert (status.health, status.online_charge_point_count) == (monitoring_pb.StationStatus.DOWN, 0)
    assert dict(status.connector_counts) == {"FAULTED": len(POINTS)}
    assert (status.active_transaction_count, status.open_alert_count) == (0, len(POINTS))
    listed = (await alerts.ListAlerts(alert_pb.ListAlertsRequest())).alerts
    assert {alert.kind for alert in listed} == {monitoring_pb.Alert.CONNECTOR_FAULTED}
    request = analytics_pb.GetUsageRequest(start_time=timestamp(at(-60)), end_time=timestamp(at(60)), period="MONTH")  # type: ignore[arg-type]
    [point] = (await analytics.GetUsage(request)).points
    assert (point.session_count, point.energy_wh, minor_units(point.revenue[0])) == (8, 8_000, 400)
