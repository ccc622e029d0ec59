"""One unit of work on the database of the monitoring service."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.clock import Clock
from services.messaging import outbox
from services.messaging.unit_of_work import Works
from services.monitoring.domain.events import AlertChanged
from services.monitoring.mapping.alerts import event_to_proto
from services.monitoring.sql.alerts import SqlAlertRepository
from services.monitoring.sql.charge_points import SqlChargePointRepository
from services.monitoring.sql.connectors import SqlConnectorRepository
from services.monitoring.sql.figures import SqlFigureRepository
from services.monitoring.sql.locks import Locks, Rung
from services.monitoring.sql.metrics import SqlMetricsRepository
from services.monitoring.sql.stations import SqlStationRepository
from services.monitoring.sql.transactions import SqlTransactionRepository
from services.monitoring.sql.usage import SqlUsageRepository
from services.postgres import reconciliations
from services.postgres.database import Database


class SqlWork:
    """Satisfies ports.Work on one transaction."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self.has_events = False
        self._locks = locks = Locks(connection)
        self.stations = SqlStationRepository(connection, locks)
        self.charge_points = SqlChargePointRepository(connection, locks)
        self.connectors = SqlConnectorRepository(connection, locks)
        self.transactions = SqlTransactionRepository(connection, locks)
        self.alerts = SqlAlertRepository(connection, locks)
        self.metrics = SqlMetricsRepository(connection, locks)
        self.usage = SqlUsageRepository(connection, locks)
        self.figures = SqlFigureRepository(connection)

    async def publish(self, events: Sequence[AlertChanged]) -> None:
        now = self._clock.now()
        await outbox.append(self._connection, [event_to_proto(event, now) for event in events])
        self.has_events = self.has_events or bool(events)

    async def reconciled_until(self, name: str) -> datetime | None:
        return await reconciliations.reached(self._connection, name)

    async def note_reconciled(self, name: str, until: datetime) -> None:
        self._locks.reach(Rung.PROGRESS)
        await reconciliations.note(self._connection, name, until)


class SqlWorks(Works[SqlWork]):
    """Satisfies ports.Works."""

    def __init__(self, database: Database, relay: outbox.OutboxRelay, clock: Clock) -> None:
        super().__init__(database, relay, lambda connection: SqlWork(connection, clock))
