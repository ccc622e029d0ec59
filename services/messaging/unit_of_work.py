"""Units of work: what a use case reads and changes together, on one transaction of its service's database.

Knows no table of a service; a service adds its repositories.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from csms.event.v1 import domain_event_pb2 as event_pb
from services.kernel.clock import Clock
from services.messaging import outbox
from services.messaging.outbox import OutboxRelay
from services.postgres import reconciliations
from services.postgres.database import Database
from services.process.heartbeats import is_background
from services.process.stirring import stir
from services.rpc import idempotency

_Event = TypeVar("_Event", contravariant=True)
Transactions = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
"""Begin a transaction, which is committed when the block ends."""


class ToProto(Protocol[_Event]):
    """How a service words its events."""

    def __call__(self, event: _Event, now: datetime, /) -> event_pb.DomainEvent:
        """The event as it is sent, told at `now`."""
        ...


class PublishingUnitOfWork(Generic[_Event]):
    """What the units of work of all services do: events that go out with the change, requests that count once, and how
    far a comparison with another service came."""

    def __init__(self, connection: AsyncConnection, clock: Clock, to_proto: ToProto[_Event]) -> None:
        self.connection = connection
        self.has_events = False
        self._clock = clock
        self._to_proto = to_proto

    async def publish(self, events: Sequence[_Event]) -> None:
        """Send the events when the unit of work is committed, and only then."""
        now = self._clock.now()
        await outbox.append(self.connection, [self._to_proto(event, now) for event in events])
        self.has_events = self.has_events or bool(events)

    async def remember(self, request_id: str, resource_id: str) -> str:
        """The id of the resource that this request made before, or `resource_id` when it is new (see idempotency)."""
        return await idempotency.remember(self.connection, request_id, resource_id)

    async def reconciled_until(self, name: str) -> datetime | None:
        """How far the comparison `name` has come; None before the first."""
        return await reconciliations.reached(self.connection, name)

    async def note_reconciled(self, name: str, until: datetime) -> None:
        """Note how far it has come; never back."""
        await reconciliations.note(self.connection, name, until)


class _UnitOfWork(Protocol):
    has_events: bool


_Unit = TypeVar("_Unit", bound=_UnitOfWork)


class UnitsOfWork(Generic[_Unit]):
    """Begins units of work, each made by `begin` and committed when its block ends.

    The relay is woken after those with events. All that callers commit stirs whoever looks for work; background tasks,
    which mostly find none, stir nobody else.
    """

    def __init__(
        self,
        database: Database,
        relay: OutboxRelay,
        begin: Callable[[AsyncConnection], _Unit],
        transactions: Transactions | None = None,
    ) -> None:
        """`transactions` are those of the database, if they are not the usual ones."""
        self._database = database
        self._transactions = transactions or database.transaction
        self._relay = relay
        self._begin = begin

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[_Unit]:
        async with self._transactions() as connection:
            unit = self._begin(connection)
            yield unit
        if unit.has_events:
            self._relay.wake()
        elif not is_background():
            stir()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[_Unit]:
        """The same without a transaction, for use cases that only read."""
        async with self._database.statements() as connection:
            yield self._begin(connection)
