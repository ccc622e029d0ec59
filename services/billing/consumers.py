"""Follows the events of the transaction service, and bills sessions soon after their end."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms.event.v1.domain_event_pb2 import DomainEvent
from services.billing.application.billing import Biller
from services.billing.mapping.charging_sessions import transaction_snapshot
from services.billing.sql.work import SqlWork
from services.kernel.clock import Clock
from services.kernel.errors import unavailable
from services.messaging.event_bus import EventBus
from services.messaging.inbox import consume_batches
from services.postgres.database import Database
from services.process.heartbeats import repeat

_SUBJECTS = ("csms.event.transaction.session.*",)
_SETTLE_SECONDS = 0.25
_SETTLE_AGAIN_SECONDS = 2.0


class TransactionConsumer:
    """Follows what the transaction service tells."""

    def __init__(self, bus: EventBus, database: Database, clock: Clock, biller: Biller) -> None:
        self._bus = bus
        self._database = database
        self._clock = clock
        self._biller = biller

    async def run(self) -> None:
        """Consume until cancelled."""
        await consume_batches(self._bus, self._database, "billing-sessions", _SUBJECTS, self.handle)

    async def handle(self, connection: AsyncConnection, events: Sequence[DomainEvent]) -> None:
        """Apply events."""
        snapshots = [
            transaction_snapshot(event.transaction_changed.transaction)
            for event in events
            if event.HasField("transaction_changed")
        ]
        if snapshots:
            await self._biller.take_in(SqlWork(connection, self._clock), snapshots)


class Settler:
    """Bills sessions soon after their end was taken in, by whichever replica.

    Apart from the events: these are handled many in one transaction, which must not wait for other services nor keep
    the counter of invoices.
    """

    def __init__(self, biller: Biller) -> None:
        self._biller = biller

    async def run(self) -> None:
        """Bill until cancelled; waits out what is away."""
        await repeat(self._settle, _SETTLE_AGAIN_SECONDS)

    async def _settle(self) -> float:
        if left := await self._biller.settle_all():
            raise unavailable(f"{left} sessions cannot be billed now")
        return _SETTLE_SECONDS
