"""One unit of work on the database of the driver service."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.driver.domain.events import TokenChanged
from services.driver.mapping import event_to_proto
from services.driver.sql.accounts import SqlAccountRepository
from services.driver.sql.drivers import SqlDriverRepository
from services.driver.sql.rfid_cards import SqlRfidCardRepository
from services.driver.sql.sign_ins import SqlSignInRepository
from services.driver.sql.usage import SqlUsageRepository
from services.kernel.clock import Clock
from services.messaging import outbox
from services.messaging.unit_of_work import Works
from services.postgres import reconciliations
from services.postgres.database import Database
from services.rpc import idempotency


class SqlWork:
    """Satisfies ports.Work on one transaction."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self.has_events = False
        self.drivers = SqlDriverRepository(connection)
        self.cards = SqlRfidCardRepository(connection)
        self.usage = SqlUsageRepository(connection)
        self.accounts = SqlAccountRepository(connection)
        self.sign_ins = SqlSignInRepository(connection)

    async def remember(self, request_id: str, resource_id: str) -> str:
        return await idempotency.remember(self._connection, request_id, resource_id)

    async def reconciled_until(self, name: str) -> datetime | None:
        return await reconciliations.reached(self._connection, name)

    async def note_reconciled(self, name: str, until: datetime) -> None:
        await reconciliations.note(self._connection, name, until)

    async def publish(self, events: Sequence[TokenChanged]) -> None:
        now = self._clock.now()
        await outbox.append(self._connection, [event_to_proto(event, now) for event in events])
        self.has_events = self.has_events or bool(events)


class SqlWorks(Works[SqlWork]):
    """Satisfies ports.Works."""

    def __init__(self, database: Database, relay: outbox.OutboxRelay, clock: Clock) -> None:
        super().__init__(database, relay, lambda connection: SqlWork(connection, clock))
