"""Runs the monitoring service: `python -m services.monitoring`."""

import functools

import grpc.aio

from csms.directory.v1.directory_service_pb2_grpc import add_DirectoryServiceServicer_to_server
from csms.monitoring.v1.alert_service_pb2_grpc import add_AlertServiceServicer_to_server
from csms.monitoring.v1.analytics_service_pb2_grpc import add_AnalyticsServiceServicer_to_server
from csms.monitoring.v1.monitoring_service_pb2_grpc import add_MonitoringServiceServicer_to_server
from services.kernel.clock import SystemClock
from services.messaging.event_bus import EventBus
from services.messaging.outbox import OutboxRelay
from services.monitoring.adapters.documents import FileDocuments
from services.monitoring.adapters.feed import JetStreamFeed
from services.monitoring.application.alerts import Alerts
from services.monitoring.application.analytics import Analytics
from services.monitoring.application.directory import Directory, TaskWatch
from services.monitoring.application.event_streams import EventStreams
from services.monitoring.application.metrics import StationMetrics
from services.monitoring.application.reconciliation import Reconciliation
from services.monitoring.application.stations import Stations
from services.monitoring.application.transactions import LiveMeter
from services.monitoring.clients import GrpcOwners, GrpcPlatform, close_all
from services.monitoring.consumers import LiveConsumer, SessionConsumer, StationConsumer
from services.monitoring.migrations import DATABASE
from services.monitoring.servicer import AlertServicer, AnalyticsServicer, DirectoryServicer, MonitoringServicer
from services.monitoring.settings import MonitoringSettings
from services.monitoring.sql.unit_of_work import SqlUnitsOfWork
from services.monitoring.tasks import Housekeeping
from services.postgres.database import Database
from services.postgres.partitions import partition_task
from services.process.metrics import gauge
from services.rpc import channels, server
from services.rpc.service_identity import ServiceIdentity
from services.service import Service


def wire(settings: MonitoringSettings, database: Database, bus: EventBus) -> server.Wiring:
    """The monitoring service on the given engines."""
    clock = SystemClock()
    relay = OutboxRelay(database, bus)
    units_of_work = SqlUnitsOfWork(database, relay, clock)
    identity = ServiceIdentity("monitoring", settings)
    places = settings.places()
    opened = {place.name: channels.channel(place.address, place.name, identity) for place in places}
    replicas = {
        place.name: {address: channels.channel(address, place.name, identity) for address in place.replicas}
        for place in places
    }
    alerts = Alerts(units_of_work, clock)
    owners = GrpcOwners(opened["station"], opened["transaction"], opened["billing"], clock)
    directory = Directory(places, GrpcPlatform(replicas))
    tasks = TaskWatch(directory, units_of_work, clock)
    housekeeping = Housekeeping(settings, database, alerts, Reconciliation(units_of_work, owners, clock), tasks)
    meter = LiveMeter(units_of_work, clock)
    live = LiveConsumer(bus, meter)
    streams = EventStreams(JetStreamFeed(bus), settings.event_stream_limit)
    gauge("csms_live_sessions_waiting", "Sessions with unwritten live readings").read_from(lambda: meter.waiting)
    gauge("csms_event_streams_open", "Streams of events that are read").read_from(lambda: streams.count)
    monitoring = MonitoringServicer(
        Stations(units_of_work), StationMetrics(units_of_work, clock), owners, streams, clock
    )

    def register(grpc_server: grpc.aio.Server) -> None:
        add_MonitoringServiceServicer_to_server(monitoring, grpc_server)
        add_AlertServiceServicer_to_server(AlertServicer(alerts), grpc_server)
        documents = FileDocuments(settings.openapi_file)
        add_AnalyticsServiceServicer_to_server(
            AnalyticsServicer(Analytics(units_of_work, clock), documents), grpc_server
        )
        add_DirectoryServiceServicer_to_server(DirectoryServicer(directory, documents), grpc_server)

    return server.Wiring(
        register,
        tasks=(
            server.Task("relay", relay.run, 30),
            server.Task("stations", StationConsumer(bus, database, clock).run, 30),
            server.Task("sessions", SessionConsumer(bus, database, clock).run, 30),
            server.Task("live readings", live.gather),
            server.Task("live metrics", live.write, 60),
            server.Task("alerts", housekeeping.watch_alerts, 60),
            server.Task("background tasks", housekeeping.watch_tasks, 60),
            server.Task("reconciliation", housekeeping.reconcile, 3600),
            server.Task("retention", housekeeping.sweep, 7200),
            server.Task("partitions", functools.partial(partition_task, database, settings.retention_days), 7200),
        ),
        drain=streams.close,
        on_stop=(
            functools.partial(close_all, opened.values()),
            *(functools.partial(close_all, channels.values()) for channels in replicas.values()),
        ),
    )


SERVICE = Service("monitoring", MonitoringSettings, DATABASE, wire)

if __name__ == "__main__":
    SERVICE.run()
