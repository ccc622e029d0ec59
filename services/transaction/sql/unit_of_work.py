"""One unit of work on the database of the transaction service."""

from collections import deque
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.kernel.clock import Clock
from services.messaging.outbox import OutboxRelay
from services.messaging.unit_of_work import PublishingUnitOfWork, UnitsOfWork
from services.postgres.database import Database, bare
from services.postgres.roundtrip import Rows, Statement
from services.transaction.domain.events import CommandChanged, TransactionChanged
from services.transaction.mapping.events import event_to_proto
from services.transaction.sql import lookout
from services.transaction.sql.campaigns import SqlCampaignRepository
from services.transaction.sql.commands import SqlCommandRepository
from services.transaction.sql.connector_powers import SqlConnectorPowerRepository
from services.transaction.sql.end_decisions import SqlEndDecisionRepository
from services.transaction.sql.messages import SqlMessageRepository
from services.transaction.sql.recording import SqlRecording
from services.transaction.sql.sequence_gaps import SqlSequenceGapRepository
from services.transaction.sql.transactions import SqlTransactionRepository

_BEGIN_OR_COMMIT = (b"BEGIN", b"COMMIT")


class _OneByOne:
    """Runs the statements of recordings on the transaction of a unit of work, which begins and commits it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def run(self, *statements: Statement) -> list[Rows]:
        driver = await bare(self._connection)
        found: list[Rows] = []
        for query, parameters in statements:
            cursor = None if query in _BEGIN_OR_COMMIT else await driver.execute(query, parameters)
            found.append(await cursor.fetchall() if cursor is not None and cursor.description else [])
        return found


class SqlUnitOfWork(PublishingUnitOfWork[TransactionChanged | CommandChanged]):
    """Satisfies ports.UnitOfWork on one transaction."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        super().__init__(connection, clock, event_to_proto)
        self.transactions = SqlTransactionRepository(connection)
        self.messages = SqlMessageRepository(connection)
        self.commands = SqlCommandRepository(connection)
        self.campaigns = SqlCampaignRepository(connection)
        self.connector_powers = SqlConnectorPowerRepository(connection)
        self.end_decisions = SqlEndDecisionRepository(connection)
        self.sequence_gaps = SqlSequenceGapRepository(connection)

    @property
    def recording(self) -> SqlRecording:
        # Whoever records tells of it.
        self.has_events = True
        return SqlRecording(_OneByOne(self.connection), deque())

    async def visible_until(self) -> datetime:
        return await lookout.visible_until(self.connection)


class SqlUnitsOfWork(UnitsOfWork[SqlUnitOfWork]):
    """Satisfies ports.UnitsOfWork."""

    def __init__(self, database: Database, relay: OutboxRelay, clock: Clock) -> None:
        super().__init__(database, relay, lambda connection: SqlUnitOfWork(connection, clock))
