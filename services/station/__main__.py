"""Runs the station service: `python -m services.station`."""

from datetime import timedelta

import grpc.aio

from csms.station.v1.charge_point_service_pb2_grpc import add_ChargePointServiceServicer_to_server
from csms.station.v1.connectivity_service_pb2_grpc import add_ConnectivityServiceServicer_to_server
from csms.station.v1.station_service_pb2_grpc import add_StationServiceServicer_to_server
from services.kernel.clock import SystemClock
from services.messaging.event_bus import EventBus
from services.messaging.outbox import OutboxRelay
from services.postgres.database import Database
from services.postgres.partitions import partition_task
from services.process.settings import database_url, load
from services.rpc import channels, server
from services.rpc.service_identity import ServiceIdentity
from services.station.application.charge_points import ChargePoints
from services.station.application.connectivity import Connectivity, Policy
from services.station.application.connectors import Connectors
from services.station.application.device_events import DeviceEvents
from services.station.application.free_vending import StartRules
from services.station.application.refusals import Memory, Refusals
from services.station.application.stations import Stations
from services.station.clients import GrpcCommands, GrpcRunningTransactions
from services.station.consumers import SettingsConsumer
from services.station.housekeeping import RefusalSweeper
from services.station.leases import LeaseSweeper
from services.station.migrations import DATABASE
from services.station.servicer import ChargePointServicer, ConnectivityServicer, StationServicer
from services.station.settings import StationSettings
from services.station.sql.batches import SqlBatches
from services.station.sql.work import SqlWorks


def wire(settings: StationSettings, database: Database, bus: EventBus) -> server.Wiring:
    """The station service on the given engines."""
    clock = SystemClock()
    relay = OutboxRelay(database, bus)
    works = SqlWorks(database, relay, clock)
    identity = ServiceIdentity("station", settings)
    channel = channels.channel(settings.transaction_service_url, "transaction", identity)
    running = GrpcRunningTransactions(channel)
    lease = timedelta(seconds=settings.ocpp_node_lease_seconds)
    policy = Policy(settings.ocpp_heartbeat_interval, settings.ocpp_allow_unknown, lease, settings.ocpp_max_unknown)
    refusals = Refusals(works, clock, Memory(timedelta(days=settings.ocpp_refusal_retention_days)))
    batches = SqlBatches(database, relay)
    connectivity = Connectivity(works, batches, clock, policy)
    connectors = Connectors(works, batches, clock)
    settings_consumer = SettingsConsumer(bus, database, clock, GrpcCommands(channel))

    def register(grpc_server: grpc.aio.Server) -> None:
        stations = StationServicer(Stations(works, clock, running), connectors)
        add_StationServiceServicer_to_server(stations, grpc_server)
        events = DeviceEvents(works)
        charge_points = ChargePoints(works, clock, running)
        points = ChargePointServicer(charge_points, refusals, events)
        add_ChargePointServiceServicer_to_server(points, grpc_server)
        rules = StartRules(works)
        reports = ConnectivityServicer(connectivity, connectors, refusals, charge_points, rules, events, clock)
        add_ConnectivityServiceServicer_to_server(reports, grpc_server)

    async def keep_partitions() -> None:
        await partition_task(database, {"device_events": settings.device_events_retention_days})

    tasks = (
        server.Task("partitions", keep_partitions, 7200),
        server.Task("relay", relay.run, 30),
        server.Task("settings", settings_consumer.run, 30),
        server.Task("leases", LeaseSweeper(connectivity, lease).run, 60 + lease.total_seconds()),
        server.Task("refusals", RefusalSweeper(refusals).run, 300),
    )
    return server.Wiring(register, tasks, on_stop=(channel.close, batches.close))


async def main() -> None:
    """Serve until told to stop."""
    settings = load(StationSettings)
    database = Database(database_url(settings, DATABASE))
    bus = EventBus(settings.nats_url, "station")
    wiring = wire(settings, database, bus)
    await server.serve(
        "station",
        settings,
        register=wiring.register,
        tasks=wiring.tasks,
        ready=database.ping,
        on_stop=[*wiring.on_stop, bus.close, database.close],
    )


if __name__ == "__main__":
    server.run(main())
