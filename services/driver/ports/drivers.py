"""What the use cases of csms.driver.v1 need: repositories in a unit of work, a place for events, other services."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from services.driver.domain.driver import Driver, DriverFilter
from services.driver.domain.events import TokenChanged
from services.driver.domain.presentation import Presentation, StartRule
from services.driver.domain.rfid_card import RfidCard, RfidCardFilter
from services.driver.domain.usage import SessionCost, SessionUsage
from services.kernel import unit_of_work
from services.kernel.errors import DomainError
from services.kernel.pagination import Page, PageRequest

_Fact = TypeVar("_Fact")
Dated = tuple[_Fact, datetime]
"""What another service told, and when that last changed."""


HeldCard = tuple[RfidCard, Driver | None]
"""A card and who holds it."""


class DriverRepository(Protocol):
    """The stored drivers."""

    async def page(self, narrowing: DriverFilter, page: PageRequest) -> Page[Driver]:
        """One page, the newest first."""
        ...

    async def find(self, driver_id: str, *, for_update: bool = False) -> Driver | None:
        """The driver, locked until the unit of work ends when `for_update`."""
        ...

    async def add(self, driver: Driver) -> None:
        """Store a new driver. Raises: DRIVER_EXISTS when its e-mail address is taken."""
        ...

    async def replace(self, driver: Driver) -> None:
        """Store all fields of a driver. Raises: DRIVER_EXISTS when its e-mail address is taken."""
        ...

    async def remove(self, driver_id: str) -> None:
        """Delete a driver and its accounts; its cards belong to nobody afterwards."""
        ...


class RfidCardRepository(Protocol):
    """The stored RFID cards."""

    async def page(self, narrowing: RfidCardFilter, page: PageRequest) -> Page[RfidCard]:
        """One page, the newest first."""
        ...

    async def find(self, card_id: str, *, for_update: bool = False) -> RfidCard | None:
        """The card, locked until the unit of work ends when `for_update`."""
        ...

    async def of_driver(self, driver_id: str, *, for_update: bool = False) -> Sequence[RfidCard]:
        """All cards of a driver, locked until the unit of work ends when `for_update`."""
        ...

    async def add(self, card: RfidCard) -> None:
        """Store a new card. Raises: RFID_CARD_EXISTS, DRIVER_NOT_FOUND."""
        ...

    async def replace(self, card: RfidCard) -> None:
        """Store all fields of a card. Raises: DRIVER_NOT_FOUND."""
        ...


class HeldCards(Protocol):
    """The stored RFID cards with their holders, for the decisions about tokens."""

    async def with_values(self, values: Collection[str]) -> Mapping[str, Sequence[HeldCard]]:
        """The cards, of whatever type, that have one of these values in the form that is compared, by value; unknown
        ones are left out."""
        ...


class UsageRepository(Protocol):
    """The sessions of drivers as other services told of them."""

    async def record(self, sessions: Sequence[SessionUsage]) -> None:
        """Keep a snapshot of each, unless one with the same or a later revision is kept; the cost stays as it is."""
        ...

    async def record_costs(self, costs: Sequence[SessionCost]) -> None:
        """Keep what sessions cost, by its rank, also those that were not told of yet; a session is in it once."""
        ...

    async def ended(self, driver_id: str, start: datetime, end: datetime) -> Sequence[SessionUsage]:
        """The sessions of a driver that ended from `start` until before `end`."""
        ...

    async def latest(self, driver_id: str, start: datetime, end: datetime, limit: int) -> Sequence[SessionUsage]:
        """The sessions of a driver that started from `start` until before `end`, the latest first."""
        ...

    async def has_running(self, driver_id: str) -> bool:
        """Whether a session of the driver runs."""
        ...


class UnitOfWork(Protocol):
    """One unit of work: what is done through it is committed together, with its events, or not at all."""

    @property
    def drivers(self) -> DriverRepository: ...

    @property
    def cards(self) -> RfidCardRepository: ...

    @property
    def usage(self) -> UsageRepository: ...

    async def remember(self, request_id: str, resource_id: str) -> str:
        """The id that `request_id` of this caller of this RPC made within a day; `resource_id` when it is the first.

        Raises: REQUEST_ID_REUSED when it came with another request.
        """
        ...

    async def publish(self, events: Sequence[TokenChanged]) -> None:
        """Tell the domain events of this change, once it is committed."""
        ...

    async def reconciled_until(self, name: str) -> datetime | None:
        """How far the facts of another service were compared with ours."""
        ...

    async def note_reconciled(self, name: str, until: datetime) -> None:
        """Note how far they were compared."""
        ...


UnitsOfWork = unit_of_work.UnitsOfWork[UnitOfWork]


class Owners(Protocol):
    """Asks the services whose facts usage is made of: page by page in the order of change, each with its time."""

    async def sessions_changed_since(
        self, time: datetime, page_token: str
    ) -> tuple[Sequence[Dated[SessionUsage]], str]:
        """A page of sessions, and the token of the next one; empty on the last. Raises: UNAVAILABLE."""
        ...

    async def costs_changed_since(self, time: datetime, page_token: str) -> tuple[Sequence[Dated[SessionCost]], str]:
        """The same for what sessions cost by their bills, and for those without one. Raises: UNAVAILABLE."""
        ...


class Places(Protocol):
    """Asks the station service what holds where tokens are presented."""

    async def rules(self, shown: Sequence[Presentation]) -> Sequence[StartRule | DomainError]:
        """What holds where each was presented; CHARGE_POINT_NOT_FOUND for one at no charge point that is known.

        Raises: UNAVAILABLE.
        """
        ...


class RemoteStarts(Protocol):
    """Asks the transaction service what the platform has started itself."""

    async def known(self, shown: Sequence[Presentation]) -> Sequence[bool | DomainError]:
        """Whether each is the token of a remote start at its charge point. Raises: UNAVAILABLE."""
        ...
