"""One unit of work on the database of the billing service."""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain.events import Event
from services.billing.mapping.events import event_to_proto
from services.billing.sql.charging_sessions import SqlChargingSessionRepository
from services.billing.sql.decisions import SqlDecisionRepository
from services.billing.sql.invoices import SqlInvoiceRepository
from services.billing.sql.parties import SqlPartyRepository
from services.billing.sql.payments import SqlPaymentRepository
from services.billing.sql.tariffs import SqlTariffRepository, TariffVersions
from services.kernel.clock import Clock
from services.messaging.outbox import OutboxRelay
from services.messaging.unit_of_work import PublishingUnitOfWork, Transactions, UnitsOfWork
from services.postgres.database import Database


class SqlUnitOfWork(PublishingUnitOfWork[Event]):
    """Satisfies ports.UnitOfWork on one transaction."""

    def __init__(self, connection: AsyncConnection, clock: Clock, versions: TariffVersions | None = None) -> None:
        super().__init__(connection, clock, event_to_proto)
        self.tariffs = SqlTariffRepository(connection, TariffVersions() if versions is None else versions)
        self.sessions = SqlChargingSessionRepository(connection)
        self.invoices = SqlInvoiceRepository(connection)
        self.parties = SqlPartyRepository(connection)
        self.payments = SqlPaymentRepository(connection)
        self.decisions = SqlDecisionRepository(connection)


class SqlUnitsOfWork(UnitsOfWork[SqlUnitOfWork]):
    """Satisfies ports.UnitsOfWork."""

    def __init__(
        self, database: Database, relay: OutboxRelay, clock: Clock, transactions: Transactions | None = None
    ) -> None:
        versions = TariffVersions()
        super().__init__(database, relay, lambda connection: SqlUnitOfWork(connection, clock, versions), transactions)
