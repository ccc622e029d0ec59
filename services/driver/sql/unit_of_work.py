"""One unit of work on the database of the driver service."""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.driver.domain.events import TokenChanged
from services.driver.mapping.drivers import event_to_proto
from services.driver.sql.drivers import SqlDriverRepository
from services.driver.sql.identity.accounts import SqlAccountRepository
from services.driver.sql.identity.sign_ins import SqlSignInRepository
from services.driver.sql.identity.tenants import SqlTenantRepository
from services.driver.sql.rfid_cards import SqlRfidCardRepository
from services.driver.sql.usage import SqlUsageRepository
from services.kernel.clock import Clock
from services.messaging.outbox import OutboxRelay
from services.messaging.unit_of_work import PublishingUnitOfWork, UnitsOfWork
from services.postgres.database import Database


class SqlUnitOfWork(PublishingUnitOfWork[TokenChanged]):
    """Satisfies ports.UnitOfWork on one transaction."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        super().__init__(connection, clock, event_to_proto)
        self.drivers = SqlDriverRepository(connection)
        self.cards = SqlRfidCardRepository(connection)
        self.usage = SqlUsageRepository(connection)
        self.accounts = SqlAccountRepository(connection)
        self.sign_ins = SqlSignInRepository(connection)
        self.tenants = SqlTenantRepository(connection)


class SqlUnitsOfWork(UnitsOfWork[SqlUnitOfWork]):
    """Satisfies ports.UnitsOfWork."""

    def __init__(self, database: Database, relay: OutboxRelay, clock: Clock) -> None:
        super().__init__(database, relay, lambda connection: SqlUnitOfWork(connection, clock))
