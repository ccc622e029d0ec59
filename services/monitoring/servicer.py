"""The gRPC face of the monitoring service: mapping in, one use case, mapping out."""

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
from google.api.httpbody_pb2 import HttpBody

from csms.directory.v1 import directory_service_pb2 as directory_pb
from csms.directory.v1 import directory_service_pb2_grpc as directory_grpc
from csms.monitoring.v1 import alert_service_pb2 as alert_pb
from csms.monitoring.v1 import alert_service_pb2_grpc as alert_grpc
from csms.monitoring.v1 import analytics_service_pb2 as analytics_pb
from csms.monitoring.v1 import analytics_service_pb2_grpc as analytics_grpc
from csms.monitoring.v1 import monitoring_service_pb2 as monitoring_pb
from csms.monitoring.v1 import monitoring_service_pb2_grpc as monitoring_grpc
from services.kernel.clock import Clock
from services.kernel.pagination import page_request
from services.monitoring.application.alerts import Alerts
from services.monitoring.application.analytics import Analytics
from services.monitoring.application.directory import Directory
from services.monitoring.application.event_streams import EventStreams
from services.monitoring.application.metrics import StationMetrics
from services.monitoring.application.stations import Stations
from services.monitoring.mapping import alerts, analytics, directory, stations, streams
from services.monitoring.ports import Documents, Owners
from services.rpc import http
from services.rpc.auth import current_caller
from services.rpc.protobuf import duration_of, time_of

Context = grpc.aio.ServicerContext[Any, Any]
_HTML = "text/html; charset=utf-8"


class MonitoringServicer(monitoring_grpc.MonitoringServiceServicer):
    """csms.monitoring.v1.MonitoringService."""

    def __init__(
        self,
        all_stations: Stations,
        metrics: StationMetrics,
        owners: Owners,
        event_streams: EventStreams,
        clock: Clock,
    ) -> None:
        self._stations = all_stations
        self._metrics = metrics
        self._owners = owners
        self._streams = event_streams
        self._clock = clock

    async def ListStationStatuses(
        self, request: monitoring_pb.ListStationStatusesRequest, context: Context
    ) -> monitoring_pb.ListStationStatusesResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._stations.page(stations.station_filter(request), requested)
        now = self._clock.now()
        return monitoring_pb.ListStationStatusesResponse(
            station_statuses=[stations.station_status_to_proto(view, now) for view in page.items],
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def GetStationMetrics(
        self, request: monitoring_pb.GetStationMetricsRequest, context: Context
    ) -> monitoring_pb.GetStationMetricsResponse:
        window, step = duration_of(request, "window"), duration_of(request, "step")
        points = await self._metrics.of_station(request.station_id, window, step, time_of(request, "end_time"))
        return monitoring_pb.GetStationMetricsResponse(points=map(stations.metric_point_to_proto, points))

    async def ListLiveConnections(
        self, request: monitoring_pb.ListLiveConnectionsRequest, context: Context
    ) -> monitoring_pb.ListLiveConnectionsResponse:
        page = await self._owners.connection_page(request.page_size, request.page_token)
        return monitoring_pb.ListLiveConnectionsResponse(
            connections=map(stations.connection_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def StreamEvents(
        self, request: monitoring_pb.StreamEventsRequest, context: Context
    ) -> AsyncIterator[monitoring_pb.StreamEventsResponse]:
        async with self._streams.open(streams.requested_stream(request), context.time_remaining()) as items:
            # Tells the reader that nothing is missed from here on, however long the first event takes.
            await context.send_initial_metadata(())
            async for item in items:
                yield streams.stream_item_to_proto(item)


class AlertServicer(alert_grpc.AlertServiceServicer):
    """csms.monitoring.v1.AlertService."""

    def __init__(self, all_alerts: Alerts) -> None:
        self._alerts = all_alerts

    async def ListAlerts(self, request: alert_pb.ListAlertsRequest, context: Context) -> alert_pb.ListAlertsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._alerts.page(alerts.alert_filter(request), requested)
        return alert_pb.ListAlertsResponse(
            alerts=map(alerts.alert_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def AcknowledgeAlert(
        self, request: alert_pb.AcknowledgeAlertRequest, context: Context
    ) -> alert_pb.AcknowledgeAlertResponse:
        alert = await self._alerts.acknowledge(request.id, current_caller().subject)
        return alert_pb.AcknowledgeAlertResponse(alert=alerts.alert_to_proto(alert))


class AnalyticsServicer(analytics_grpc.AnalyticsServiceServicer):
    """csms.monitoring.v1.AnalyticsService."""

    def __init__(self, figures: Analytics, documents: Documents) -> None:
        self._figures = figures
        self._documents = documents

    async def GetDashboard(
        self, request: analytics_pb.GetDashboardRequest, context: Context
    ) -> analytics_pb.GetDashboardResponse:
        dashboard = await self._figures.dashboard()
        return analytics_pb.GetDashboardResponse(dashboard=analytics.dashboard_to_proto(dashboard))

    async def GetDashboardPage(self, request: analytics_pb.GetDashboardPageRequest, context: Context) -> HttpBody:
        return HttpBody(content_type=_HTML, data=self._documents.dashboard())

    async def GetUsage(self, request: analytics_pb.GetUsageRequest, context: Context) -> analytics_pb.GetUsageResponse:
        points = await self._figures.usage(*analytics.usage_wish(request))
        return analytics_pb.GetUsageResponse(points=map(analytics.usage_point_to_proto, points))

    async def ExportUsage(self, request: analytics_pb.ExportUsageRequest, context: Context) -> HttpBody:
        points = await self._figures.usage(*analytics.usage_wish(request))
        await http.attachment(context, "usage.csv")
        return HttpBody(content_type="text/csv; charset=utf-8", data=analytics.usage_to_csv(points))


class DirectoryServicer(directory_grpc.DirectoryServiceServicer):
    """csms.directory.v1.DirectoryService."""

    def __init__(self, platform: Directory, documents: Documents) -> None:
        self._platform = platform
        self._documents = documents

    async def ListServices(
        self, request: directory_pb.ListServicesRequest, context: Context
    ) -> directory_pb.ListServicesResponse:
        services = await self._platform.services()
        return directory_pb.ListServicesResponse(services=map(directory.service_to_proto, services))

    async def GetOpenApi(self, request: directory_pb.GetOpenApiRequest, context: Context) -> HttpBody:
        return HttpBody(content_type="application/json", data=self._documents.openapi())

    async def GetDocsPage(self, request: directory_pb.GetDocsPageRequest, context: Context) -> HttpBody:
        return HttpBody(content_type=_HTML, data=self._documents.page())
