"""What drivers' usage is made of: what other services tell."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from csms.event.v1.domain_event_pb2 import DomainEvent
from services.driver.application.usage import record_costs, record_sessions
from services.driver.mapping import drivers as mapping
from services.driver.sql.unit_of_work import SqlUnitOfWork
from services.kernel.clock import Clock
from services.messaging.event_bus import EventBus
from services.messaging.inbox import consume_batches
from services.messaging.subjects import subscription
from services.postgres.database import Database

_USAGE = subscription("driver-usage", "transaction_changed", "session_billed", "session_unbilled")


class UsageConsumer:
    """Keeps the usage of drivers up to date."""

    def __init__(self, bus: EventBus, database: Database, clock: Clock) -> None:
        self._bus = bus
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Consume until cancelled."""
        await consume_batches(self._bus, self._database, *_USAGE, self.handle)

    async def handle(self, connection: AsyncConnection, events: Sequence[DomainEvent]) -> None:
        """Apply events; sessions and their costs do not depend on each other's order."""
        sessions, costs = [], []
        for event in events:
            match event.WhichOneof("payload"):
                case "transaction_changed":
                    sessions.append(mapping.session_usage(event.transaction_changed.transaction))
                case "session_billed" if event.session_billed.transaction_id:
                    costs.append(mapping.session_cost(event.session_billed))
                case "session_unbilled" if event.session_unbilled.transaction_id:
                    costs.append(mapping.cost_taken_back(event.session_unbilled))
        work = SqlUnitOfWork(connection, self._clock)
        await record_sessions(work, sessions)
        await record_costs(work, costs)
