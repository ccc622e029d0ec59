"""Follows the events of the transaction service, and bills sessions soon after their end."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms.event.v1.domain_event_pb2 import DomainEvent
from services.billing.application.billing import Biller
from services.billing.mapping.charging_sessions import transaction_snapshot
from services.billing.sql.tariffs import TariffVersions
from services.billing.sql.unit_of_work import SqlUnitOfWork
from services.kernel.clock import Clock
from services.messaging.event_bus import EventBus
from services.messaging.inbox import consume_batches
from services.messaging.subjects import subscription
from services.postgres.database import Database

_TRANSACTIONS = subscription("billing-sessions", "transaction_changed")


class TransactionConsumer:
    """Follows what the transaction service tells."""

    def __init__(self, bus: EventBus, database: Database, clock: Clock, biller: Biller) -> None:
        self._bus = bus
        self._database = database
        self._clock = clock
        self._biller = biller
        self._versions = TariffVersions()

    async def run(self) -> None:
        """Consume until cancelled."""
        await consume_batches(self._bus, self._database, *_TRANSACTIONS, self.handle)

    async def handle(self, connection: AsyncConnection, events: Sequence[DomainEvent]) -> None:
        """Apply events."""
        snapshots = [
            transaction_snapshot(event.transaction_changed.transaction, event.tenant_id)
            for event in events
            if event.HasField("transaction_changed")
        ]
        if snapshots:
            await self._biller.take_in(SqlUnitOfWork(connection, self._clock, self._versions), snapshots)
