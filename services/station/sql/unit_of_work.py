"""One unit of work on the database of the station service."""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.clock import Clock
from services.messaging.outbox import OutboxRelay
from services.messaging.unit_of_work import PublishingUnitOfWork, UnitsOfWork
from services.postgres.database import Database
from services.station.domain.events import DomainEvent
from services.station.mapping.events import event_to_proto
from services.station.sql.charge_points import SqlChargePointRepository
from services.station.sql.configuration_templates import SqlConfigurationTemplateRepository
from services.station.sql.connections import SqlConnectionRepository
from services.station.sql.connectors import SqlConnectorRepository
from services.station.sql.device_events import SqlDeviceEventRepository
from services.station.sql.device_inventories import SqlDeviceInventoryRepository
from services.station.sql.device_monitors import SqlDeviceMonitorRepository
from services.station.sql.device_reports import MONITORING_REPORTS, VARIABLE_REPORTS, SqlDeviceReportRepository
from services.station.sql.device_variables import SqlDeviceVariableRepository
from services.station.sql.file_jobs import SqlFileJobRepository
from services.station.sql.files import SqlFileRepository
from services.station.sql.firmware_campaigns import SqlFirmwareCampaignRepository
from services.station.sql.refusals import SqlRefusalRepository
from services.station.sql.stations import SqlStationRepository


class SqlUnitOfWork(PublishingUnitOfWork[DomainEvent]):
    """Satisfies ports.UnitOfWork on one transaction."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        super().__init__(connection, clock, event_to_proto)
        self.stations = SqlStationRepository(connection)
        self.charge_points = SqlChargePointRepository(connection)
        self.connectors = SqlConnectorRepository(connection)
        self.connections = SqlConnectionRepository(connection)
        self.device_events = SqlDeviceEventRepository(connection)
        self.device_inventories = SqlDeviceInventoryRepository(connection)
        self.device_variables = SqlDeviceVariableRepository(connection)
        self.files = SqlFileRepository(connection)
        self.device_reports = SqlDeviceReportRepository(connection, VARIABLE_REPORTS)
        self.device_monitors = SqlDeviceMonitorRepository(connection)
        self.configuration_templates = SqlConfigurationTemplateRepository(connection)
        self.monitoring_reports = SqlDeviceReportRepository(connection, MONITORING_REPORTS)
        self.file_jobs = SqlFileJobRepository(connection)
        self.firmware_campaigns = SqlFirmwareCampaignRepository(connection)
        self.refusals = SqlRefusalRepository(connection)


class SqlUnitsOfWork(UnitsOfWork[SqlUnitOfWork]):
    """Satisfies ports.UnitsOfWork."""

    def __init__(self, database: Database, relay: OutboxRelay, clock: Clock) -> None:
        super().__init__(database, relay, lambda connection: SqlUnitOfWork(connection, clock))
