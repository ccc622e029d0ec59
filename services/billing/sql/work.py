"""One unit of work on the database of the billing service."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain.events import Event
from services.billing.mapping.events import event_to_proto
from services.billing.sql.charging_sessions import SqlChargingSessionRepository
from services.billing.sql.decisions import SqlDecisionRepository
from services.billing.sql.invoices import SqlInvoiceRepository
from services.billing.sql.payments import SqlPaymentRepository
from services.billing.sql.tariffs import SqlTariffRepository, TariffVersions
from services.kernel.clock import Clock
from services.messaging import outbox
from services.messaging.unit_of_work import Works
from services.postgres import reconciliations
from services.postgres.database import Database
from services.rpc import idempotency


class SqlWork:
    """Satisfies ports.Work on one transaction."""

    def __init__(self, connection: AsyncConnection, clock: Clock, versions: TariffVersions | None = None) -> None:
        self._connection = connection
        self._clock = clock
        self.has_events = False
        self.tariffs = SqlTariffRepository(connection, TariffVersions() if versions is None else versions)
        self.sessions = SqlChargingSessionRepository(connection)
        self.invoices = SqlInvoiceRepository(connection)
        self.payments = SqlPaymentRepository(connection)
        self.decisions = SqlDecisionRepository(connection)

    async def remember(self, request_id: str, resource_id: str) -> str:
        return await idempotency.remember(self._connection, request_id, resource_id)

    async def publish(self, events: Sequence[Event]) -> None:
        now = self._clock.now()
        await outbox.append(self._connection, [event_to_proto(event, now) for event in events])
        self.has_events = self.has_events or bool(events)

    async def reconciled_until(self, name: str) -> datetime | None:
        return await reconciliations.reached(self._connection, name)

    async def note_reconciled(self, name: str, until: datetime) -> None:
        await reconciliations.note(self._connection, name, until)


class SqlWorks(Works[SqlWork]):
    """Satisfies ports.Works."""

    def __init__(self, database: Database, relay: outbox.OutboxRelay, clock: Clock) -> None:
        versions = TariffVersions()
        super().__init__(database, relay, lambda connection: SqlWork(connection, clock, versions))
