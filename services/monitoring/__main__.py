"""Runs the monitoring service: `python -m services.monitoring`."""

import functools

import grpc.aio

from csms.directory.v1.directory_service_pb2_grpc import add_DirectoryServiceServicer_to_server
from csms.monitoring.v1.alert_service_pb2_grpc import add_AlertServiceServicer_to_server
from csms.monitoring.v1.analytics_service_pb2_grpc import add_AnalyticsServiceServicer_to_server
from csms.monitoring.v1.monitoring_service_pb2_grpc import add_MonitoringServiceServicer_to_server
from services.chassis import channels, server
from services.chassis.database import Database
from services.chassis.events import EventBus
from services.chassis.metrics import gauge
from services.chassis.outbox import OutboxRelay
from services.chassis.partitions import partition_task
from services.chassis.settings import database_url, load
from services.kernel.clock import SystemClock
from services.monitoring.application.alerts import Alerts
from services.monitoring.application.analytics import Analytics
from services.monitoring.application.directory import Directory
from services.monitoring.application.event_streams import EventStreams
from services.monitoring.application.metrics import StationMetrics
from services.monitoring.application.reconciliation import Reconciliation
from services.monitoring.application.stations import Stations
from services.monitoring.application.transactions import LiveMeter
from services.monitoring.clients import GrpcOwners, GrpcPlatform, close_all
from services.monitoring.consumers import LiveConsumer, SessionConsumer, StationConsumer
from services.monitoring.documents import FileDocuments
from services.monitoring.feed import JetStreamFeed
from services.monitoring.housekeeping import Housekeeping
from services.monitoring.migrations import DATABASE
from services.monitoring.servicer import AlertServicer, AnalyticsServicer, DirectoryServicer, MonitoringServicer
from services.monitoring.settings import MonitoringSettings
from services.monitoring.sql.work import SqlWorks


def wire(settings: MonitoringSettings, database: Database, bus: EventBus) -> server.Wiring:
    """The monitoring service on the given engines."""
    clock = SystemClock()
    relay = OutboxRelay(database, bus)
    works = SqlWorks(database, relay, clock)
    secret = settings.service_secret.get_secret_value()
    places = settings.places()
    opened = {place.name: channels.channel(place.address, "monitoring", secret) for place in places}
    alerts = Alerts(works, clock)
    owners = GrpcOwners(opened["station"], opened["transaction"], opened["billing"], clock)
    housekeeping = Housekeeping(settings, database, alerts, Reconciliation(works, owners, clock))
    meter = LiveMeter(works, clock)
    live = LiveConsumer(bus, meter)
    streams = EventStreams(JetStreamFeed(bus), settings.event_stream_limit)
    gauge("csms_live_sessions_waiting", "Sessions with unwritten live readings").read_from(lambda: meter.waiting)
    gauge("csms_event_streams_open", "Streams of events that are read").read_from(lambda: streams.count)
    monitoring = MonitoringServicer(Stations(works), StationMetrics(works, clock), owners, streams, clock)
    directory = DirectoryServicer(Directory(places, GrpcPlatform(opened)), FileDocuments(settings.openapi_file))

    def register(grpc_server: grpc.aio.Server) -> None:
        add_MonitoringServiceServicer_to_server(monitoring, grpc_server)
        add_AlertServiceServicer_to_server(AlertServicer(alerts), grpc_server)
        add_AnalyticsServiceServicer_to_server(AnalyticsServicer(Analytics(works, clock)), grpc_server)
        add_DirectoryServiceServicer_to_server(directory, grpc_server)

    return server.Wiring(
        register,
        tasks=(
            relay.run,
            StationConsumer(bus, database, clock).run,
            SessionConsumer(bus, database, clock).run,
            live.gather,
            live.write,
            housekeeping.watch_alerts,
            housekeeping.reconcile,
            housekeeping.sweep,
            functools.partial(partition_task, database, settings.retention_days),
        ),
        drain=streams.close,
        on_stop=(functools.partial(close_all, opened.values()),),
    )


async def main() -> None:
    """Serve until told to stop."""
    settings = load(MonitoringSettings)
    database = Database(database_url(settings, DATABASE))
    bus = EventBus(settings.nats_url, "monitoring")
    wiring = wire(settings, database, bus)
    await server.serve(
        "monitoring",
        settings,
        register=wiring.register,
        tasks=wiring.tasks,
        ready=database.ping,
        drain=wiring.drain,
        on_stop=[*wiring.on_stop, bus.close, database.close],
    )


if __name__ == "__main__":
    server.run(main())
