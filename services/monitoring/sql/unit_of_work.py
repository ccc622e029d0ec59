"""One unit of work on the database of the monitoring service."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.clock import Clock
from services.messaging.outbox import OutboxRelay
from services.messaging.unit_of_work import PublishingUnitOfWork, UnitsOfWork
from services.monitoring.domain.events import AlertChanged
from services.monitoring.mapping.alerts import event_to_proto
from services.monitoring.sql.alerts import SqlAlertRepository
from services.monitoring.sql.charge_points import SqlChargePointRepository
from services.monitoring.sql.connectors import SqlConnectorRepository
from services.monitoring.sql.dashboard_queries import SqlDashboardQueries
from services.monitoring.sql.locks import Locks, Rung
from services.monitoring.sql.metrics import SqlMetricsRepository
from services.monitoring.sql.stations import SqlStationRepository
from services.monitoring.sql.transactions import SqlTransactionRepository
from services.monitoring.sql.usage import SqlUsageRepository
from services.postgres.database import Database


class SqlUnitOfWork(PublishingUnitOfWork[AlertChanged]):
    """Satisfies ports.UnitOfWork on one transaction."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        super().__init__(connection, clock, event_to_proto)
        self._locks = locks = Locks(connection)
        self.stations = SqlStationRepository(connection, locks)
        self.charge_points = SqlChargePointRepository(connection, locks)
        self.connectors = SqlConnectorRepository(connection, locks)
        self.transactions = SqlTransactionRepository(connection, locks)
        self.alerts = SqlAlertRepository(connection, locks)
        self.metrics = SqlMetricsRepository(connection, locks)
        self.usage = SqlUsageRepository(connection, locks)
        self.dashboard_queries = SqlDashboardQueries(connection)

    async def note_reconciled(self, name: str, until: datetime) -> None:
        self._locks.reach(Rung.PROGRESS)
        await super().note_reconciled(name, until)


class SqlUnitsOfWork(UnitsOfWork[SqlUnitOfWork]):
    """Satisfies ports.UnitsOfWork."""

    def __init__(self, database: Database, relay: OutboxRelay, clock: Clock) -> None:
        super().__init__(database, relay, lambda connection: SqlUnitOfWork(connection, clock))
