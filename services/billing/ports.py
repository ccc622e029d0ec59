"""What the use cases need from the outside: repositories within one unit of work, a place for events, other services.

Shapes only; the implementations are in sql/ and clients.py.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from services.billing.domain.charging_session import ChargingSession, ChargingSessionFilter
from services.billing.domain.course import Course
from services.billing.domain.decision import Decision, DecisionFilter
from services.billing.domain.events import Event
from services.billing.domain.following import TransactionSnapshot
from services.billing.domain.invoice import Invoice, InvoiceFilter, InvoiceKind
from services.billing.domain.party import Customer, Seller
from services.billing.domain.payment import Payment, PaymentFilter, PaymentMethod
from services.billing.domain.tariff import MembershipTier, Place, Tariff, TariffVersion
from services.billing.domain.taxation import BillingTerms
from services.kernel import unit_of_work
from services.kernel.pagination import Page, PageRequest

TariffKey = tuple[str, int]
"""The id of a tariff and the number of a version."""


class TariffRepository(Protocol):
    """The stored versions of tariffs."""

    async def page(
        self, station_id: str, include_retired: bool, page: PageRequest, seen_by: str | None = None
    ) -> Page[Tariff]:
        """One page of newest versions, the newest tariff first; with a station those that can apply there, for a
        driver without those for others."""
        ...

    async def lock(self) -> None:
        """Keep all others from changing tariffs until the unit of work ends."""
        ...

    async def find(self, tariff_id: str, version: int | None = None) -> Tariff | None:
        """A version of a tariff, the newest without one."""
        ...

    async def find_default(self) -> Tariff | None:
        """The newest version of the default tariff."""
        ...

    async def find_all(self, keys: Collection[TariffKey]) -> Mapping[TariffKey, Tariff]:
        """Those of the versions that exist."""
        ...

    async def in_use(
        self, tenant_ids: Collection[str], places: Collection[Place], since: datetime | None
    ) -> Sequence[TariffVersion]:
        """Of the tenants the versions of default tariffs, and of those for one of the places, that were in use since a
        moment in the past; the newest ones without it."""
        ...

    async def add_version(self, tariff: Tariff) -> None:
        """Store a new version, which becomes the newest as of its `update_time`. Two defaults are refused."""
        ...


class ChargingSessionReads(Protocol):
    """What callers read of charging sessions; each in a round trip of its own, beside all units of work."""

    async def page(self, narrowing: ChargingSessionFilter, page: PageRequest) -> Page[ChargingSession]:
        """One page, in the order that the filter says."""
        ...

    async def find(self, session_id: str) -> ChargingSession | None:
        """The session with this id."""
        ...


class ChargingSessionRepository(Protocol):
    """The stored charging sessions."""

    async def find(self, session_id: str, *, for_update: bool = False) -> ChargingSession | None:
        """The session, locked until the unit of work ends when `for_update`."""
        ...

    async def of_transactions(self, transaction_ids: Collection[str]) -> Mapping[str, ChargingSession]:
        """The sessions of transactions, by their ids, for a unit of work that takes in snapshots.

        They are locked until the unit of work ends, and only one of these at a time has any: they may take in several
        in any order without ever waiting for each other in a ring.
        """
        ...

    async def pending(self, after_id: str, limit: int) -> Sequence[ChargingSession]:
        """The first sessions held as PENDING, in the order of their ids; an empty `after_id` begins at the first."""
        ...

    async def lock_pending(self, session_ids: Collection[str]) -> Mapping[str, datetime]:
        """When those of the sessions changed, by id, that are PENDING and that nobody else has locked; they are locked
        until the unit of work ends."""
        ...

    async def retry_untariffed(self, limit: int) -> int:
        """Make up to `limit` sessions PENDING that are held as NO_TARIFF and have a tariff by now; how many it were."""
        ...

    async def retry_estimated(self, changed_before: datetime, limit: int) -> int:
        """Make up to `limit` sessions PENDING that are held for their ESTIMATED_END and were changed before then; how
        many it were."""
        ...

    async def store(self, sessions: Sequence[ChargingSession]) -> None:
        """Store all fields of sessions, new ones among them."""
        ...

    async def store_bills(self, sessions: Sequence[ChargingSession]) -> None:
        """Store of known sessions what billing them changes: state, hold reason, cost, tariff, idle minutes, invoice,
        update time."""
        ...


class InvoiceRepository(Protocol):
    """The stored invoices."""

    async def page(self, narrowing: InvoiceFilter, page: PageRequest) -> Page[Invoice]:
        """One page, the newest first."""
        ...

    async def find(self, invoice_id: str, *, for_update: bool = False) -> Invoice | None:
        """The invoice, locked until the unit of work ends when `for_update`."""
        ...

    async def of_ids(self, invoice_ids: Collection[str]) -> Mapping[str, Invoice]:
        """Those of the invoices that exist, by id."""
        ...

    async def lock(self, invoice_ids: Collection[str]) -> Mapping[str, Invoice]:
        """Invoices by id, locked until the unit of work ends."""
        ...

    async def next_counts(
        self, tenant_id: str, year: int, count: int, kind: InvoiceKind = InvoiceKind.INVOICE
    ) -> range:
        """The counts of the next `count` documents of a kind that a tenant issues in a year. Whoever asks keeps all
        others of that tenant waiting until the unit of work ends."""
        ...

    async def add(self, invoices: Sequence[Invoice]) -> None:
        """Store new invoices. The database refuses a second one for a session that was not taken back."""
        ...

    async def add_credit_note(self, note: Invoice) -> None:
        """Store a new credit note."""
        ...

    async def replace(self, invoice: Invoice) -> None:
        """Store the state of a document, what was paid, and its credit note."""
        ...


class PartyRepository(Protocol):
    """The stored versions of sellers and customers of invoices."""

    async def lock(self) -> None:
        """Keep all others from changing them until the unit of work ends."""
        ...

    async def seller(self, tenant_id: str) -> Seller | None:
        """The seller of a tenant, as it is."""
        ...

    async def customer(self, tenant_id: str, driver_id: str) -> Customer | None:
        """The customer of a driver, as it is."""
        ...

    async def customers(self, page: PageRequest) -> Page[Customer]:
        """One page of customers, by their drivers."""
        ...

    async def all_of_sellers(self, tenant_ids: Collection[str]) -> Mapping[str, Sequence[Seller]]:
        """All versions of the sellers of tenants, in their order."""
        ...

    async def all_of_customers(self, driver_ids: Collection[str]) -> Mapping[tuple[str, str], Sequence[Customer]]:
        """All versions of the customers of drivers, in their order, by tenant and driver."""
        ...

    async def terms(self, tenant_id: str, driver_ids: Collection[str]) -> BillingTerms:
        """What seller and customers of a tenant add to the prices of these drivers."""
        ...

    async def add_seller(self, seller: Seller) -> None:
        """Store a new version, which becomes the newest as of its `update_time`."""
        ...

    async def add_customer(self, customer: Customer) -> None:
        """Store a new version, which becomes the newest as of its `update_time`."""
        ...


class PaymentRepository(Protocol):
    """The stored payments and payment methods."""

    async def page(self, narrowing: PaymentFilter, page: PageRequest) -> Page[Payment]:
        """One page of payments, the newest first."""
        ...

    async def find(self, payment_id: str) -> Payment | None:
        """The payment."""
        ...

    async def with_reference(self, external_reference: str) -> Payment | None:
        """The payment with this reference."""
        ...

    async def add(self, payment: Payment) -> None:
        """Store a new payment."""
        ...

    async def methods(self, driver_id: str, page: PageRequest) -> Page[PaymentMethod]:
        """One page of payment methods, the newest first; of one driver when one is named."""
        ...

    async def find_method(self, method_id: str) -> PaymentMethod | None:
        """The payment method."""
        ...

    async def add_method(self, method: PaymentMethod) -> PaymentMethod:
        """Store a new method; the first of a driver becomes the default, a new default takes the old one's place."""
        ...


class DecisionRepository(Protocol):
    """What persons decided about charging sessions."""

    async def page(self, narrowing: DecisionFilter, page: PageRequest) -> Page[Decision]:
        """One page of decisions, the newest first."""
        ...

    async def add(self, decision: Decision) -> None:
        """Store a new decision."""
        ...


class UnitOfWork(Protocol):
    """One unit of work: what is done through it is committed together, with its events, or not at all."""

    @property
    def tariffs(self) -> TariffRepository: ...

    @property
    def sessions(self) -> ChargingSessionRepository: ...

    @property
    def invoices(self) -> InvoiceRepository: ...

    @property
    def parties(self) -> PartyRepository: ...

    @property
    def payments(self) -> PaymentRepository: ...

    @property
    def decisions(self) -> DecisionRepository: ...

    async def remember(self, request_id: str, resource_id: str) -> str:
        """The id that `request_id` of this caller of this RPC made within a day; `resource_id` when it is the first.

        Raises: REQUEST_ID_REUSED when it came with another request.
        """
        ...

    async def publish(self, events: Sequence[Event]) -> None:
        """Tell the domain events of this change, once it is committed."""
        ...

    async def reconciled_until(self, name: str) -> datetime | None:
        """How far the facts of another service were compared with ours."""
        ...

    async def note_reconciled(self, name: str, until: datetime) -> None:
        """Note how far they were compared."""
        ...


UnitsOfWork = unit_of_work.UnitsOfWork[UnitOfWork]


class Drivers(Protocol):
    """Asks the driver service."""

    async def tiers(self, driver_ids: Collection[str]) -> Mapping[str, MembershipTier]:
        """The membership tiers of many drivers; BASIC for one who is not known. Raises: UNAVAILABLE."""
        ...

    async def tier(self, driver_id: str | None) -> MembershipTier:
        """The membership tier of a driver; BASIC for None and for one who is not known. Raises: UNAVAILABLE."""
        ...

    async def name(self, driver_id: str) -> str | None:
        """What a driver is called; None for one who is not known. Raises: UNAVAILABLE."""
        ...

    async def require(self, driver_id: str) -> None:
        """Raises: DRIVER_NOT_FOUND, UNAVAILABLE."""
        ...


class Stations(Protocol):
    """Asks the station service."""

    async def time_zone(self, station_id: str | None) -> str:
        """The time zone of a station; UTC for None and for one that is not known. Raises: UNAVAILABLE."""
        ...


class Transactions(Protocol):
    """Asks the transaction service."""

    async def energy_wh(self, transaction_ids: Sequence[str], timeout: float) -> Mapping[str, int]:
        """The energy so far of these transactions; empty when the service does not answer within `timeout` seconds."""
        ...

    async def courses(self, transaction_ids: Sequence[str]) -> Mapping[str, Course]:
        """How these transactions went, of those of which anything was read or told. Raises: UNAVAILABLE."""
        ...

    async def changed_since(
        self, time: datetime, page_token: str
    ) -> tuple[Sequence[tuple[TransactionSnapshot, datetime]], str]:
        """Transactions changed since then, in the order of change and with its time; and the token of the next page.

        Raises: UNAVAILABLE.
        """
        ...
