"""Runs the station service: `python -m services.station`."""

from datetime import timedelta

import grpc.aio

from csms.station.v1.charge_point_service_pb2_grpc import add_ChargePointServiceServicer_to_server
from csms.station.v1.configuration_template_service_pb2_grpc import (
    add_ConfigurationTemplateServiceServicer_to_server,
)
from csms.station.v1.connectivity_service_pb2_grpc import add_ConnectivityServiceServicer_to_server
from csms.station.v1.device_model_service_pb2_grpc import add_DeviceModelServiceServicer_to_server
from csms.station.v1.file_job_service_pb2_grpc import add_FileJobServiceServicer_to_server
from csms.station.v1.file_service_pb2_grpc import add_FileServiceServicer_to_server
from csms.station.v1.firmware_campaign_service_pb2_grpc import add_FirmwareCampaignServiceServicer_to_server
from csms.station.v1.station_service_pb2_grpc import add_StationServiceServicer_to_server
from services.kernel.clock import SystemClock
from services.messaging.event_bus import EventBus
from services.messaging.outbox import OutboxRelay
from services.postgres.database import Database
from services.postgres.partitions import partition_task
from services.postgres.readers import Readers
from services.rpc import channels, server
from services.rpc.service_identity import ServiceIdentity
from services.service import Service
from services.station.adapters.file_folder import FileFolder
from services.station.application.charge_points import ChargePoints
from services.station.application.configuration_reboots import ConfigurationReboots
from services.station.application.configuration_templates import ConfigurationTemplates
from services.station.application.connectivity import Connectivity, Policy
from services.station.application.connectors import Connectors
from services.station.application.device_events import DeviceEvents
from services.station.application.device_model import DeviceModel
from services.station.application.device_monitors import DeviceMonitors
from services.station.application.file_jobs import FileJobs
from services.station.application.files import FileBounds, Files
from services.station.application.firmware_campaigns import FirmwareCampaigns
from services.station.application.free_vending import StartRules
from services.station.application.inventories import Inventories
from services.station.application.lost_reports import LostReports
from services.station.application.refusals import Memory, Refusals
from services.station.application.stations import Stations
from services.station.clients import GrpcCommands, GrpcRunningTransactions
from services.station.consumers import PushConsumer, SettingsConsumer
from services.station.domain.stored_file import FileAddresses
from services.station.migrations import DATABASE
from services.station.servicer import (
    ChargePointServicer,
    ConfigurationTemplateServicer,
    ConnectivityServicer,
    DeviceModelServicer,
    FileJobServicer,
    FileServicer,
    FirmwareCampaignServicer,
    StationServicer,
)
from services.station.settings import StationSettings
from services.station.sql.batches import SqlBatches
from services.station.sql.reads import SqlStationReads
from services.station.sql.unit_of_work import SqlUnitsOfWork
from services.station.tasks import (
    ConfigurationRebooter,
    FileJobWatcher,
    FileKeeper,
    FirmwareCampaigner,
    InventoryAsker,
    LeaseSweeper,
    LostReportAsker,
    RefusalSweeper,
)


def wire(settings: StationSettings, database: Database, bus: EventBus) -> server.Wiring:
    """The station service on the given engines."""
    clock = SystemClock()
    relay = OutboxRelay(database, bus)
    units_of_work, readers = SqlUnitsOfWork(database, relay, clock), Readers(database)
    identity = ServiceIdentity("station", settings)
    channel = channels.channel(settings.transaction_service_url, "transaction", identity)
    running = GrpcRunningTransactions(channel)
    lease = timedelta(seconds=settings.ocpp_node_lease_seconds)
    policy = Policy(settings.ocpp_heartbeat_interval, settings.ocpp_allow_unknown, lease, settings.ocpp_max_unknown)
    refusals = Refusals(units_of_work, clock, Memory(timedelta(days=settings.ocpp_refusal_retention_days)))
    batches = SqlBatches(database, relay)
    commands = GrpcCommands(channel)
    inventories = Inventories(units_of_work, commands, clock)
    push_consumer = PushConsumer(bus, database, clock, commands)
    reboots = ConfigurationReboots(units_of_work, commands, running, clock)
    lost_reports = LostReports(units_of_work, commands, clock)
    notes = (inventories.note,) if settings.ocpp_ask_inventory else ()
    connectivity = Connectivity(units_of_work, batches, clock, policy, *notes)
    connectors = Connectors(units_of_work, batches, clock)
    folder = FileFolder(settings.files_folder)
    files = Files(units_of_work, clock, file_bounds(settings), folder.remove)
    addresses = file_addresses(settings)
    file_jobs = FileJobs(units_of_work, files, addresses, clock, timedelta(hours=settings.file_job_silence_hours))
    campaigns = FirmwareCampaigns(units_of_work, commands, running, clock)
    settings_consumer = SettingsConsumer(bus, database, clock, commands)

    def register(grpc_server: grpc.aio.Server) -> None:
        stations = StationServicer(Stations(units_of_work, SqlStationReads(readers), clock, running), connectors)
        add_StationServiceServicer_to_server(stations, grpc_server)
        events = DeviceEvents(units_of_work)
        charge_points = ChargePoints(units_of_work, clock, running)
        points = ChargePointServicer(charge_points, refusals, events)
        add_ChargePointServiceServicer_to_server(points, grpc_server)
        model = DeviceModelServicer(DeviceModel(units_of_work, clock), DeviceMonitors(units_of_work, clock))
        add_DeviceModelServiceServicer_to_server(model, grpc_server)
        templates = ConfigurationTemplateServicer(ConfigurationTemplates(units_of_work, commands, clock))
        add_ConfigurationTemplateServiceServicer_to_server(templates, grpc_server)
        add_FileServiceServicer_to_server(FileServicer(files, addresses), grpc_server)
        add_FileJobServiceServicer_to_server(FileJobServicer(file_jobs), grpc_server)
        add_FirmwareCampaignServiceServicer_to_server(FirmwareCampaignServicer(campaigns), grpc_server)
        rules = StartRules(units_of_work)
        reports = ConnectivityServicer(connectivity, connectors, refusals, charge_points, rules, events, clock)
        add_ConnectivityServiceServicer_to_server(reports, grpc_server)

    async def keep_partitions() -> None:
        retention_days = {
            "device_events": settings.device_events_retention_days,
            "device_variable_changes": settings.device_variable_changes_retention_days,
        }
        await partition_task(database, retention_days)

    tasks = (
        server.Task("partitions", keep_partitions, 7200),
        server.Task("relay", relay.run, 30),
        server.Task("settings", settings_consumer.run, 30),
        server.Task("leases", LeaseSweeper(connectivity, lease).run, 60 + lease.total_seconds()),
        server.Task("pushes", push_consumer.run, 30),
        server.Task("configuration reboots", ConfigurationRebooter(reboots).run, 60),
        server.Task("lost reports", LostReportAsker(lost_reports).run, 60),
        server.Task("inventories", InventoryAsker(inventories).run, 60),
        server.Task("files", FileKeeper(files, folder, settings).run, 300),
        server.Task("file jobs", FileJobWatcher(file_jobs).run, 60),
        server.Task("firmware campaigns", FirmwareCampaigner(campaigns).run, 60),
        server.Task("refusals", RefusalSweeper(refusals).run, 300),
    )
    return server.Wiring(
        register, tasks, on_stop=(inventories.close, campaigns.close, channel.close, batches.close, readers.close)
    )


def file_bounds(settings: StationSettings) -> FileBounds:
    """How large files may be, and how long they stay."""
    return FileBounds(
        most_firmware_bytes=settings.files_most_firmware_mib << 20,
        most_log_bytes=settings.files_most_log_mib << 20,
        logs_kept=timedelta(days=settings.files_log_retention_days),
    )


def file_addresses(settings: StationSettings) -> FileAddresses:
    """Where links to files lead."""
    port = settings.ftp_listen_port
    return FileAddresses(settings.files_public_url, "" if port is None else f"{settings.ftp_public_host}:{port}")


SERVICE = Service("station", StationSettings, DATABASE, wire)

if __name__ == "__main__":
    SERVICE.run()
