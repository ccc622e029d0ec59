"""What can be done with invoices."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date
from typing import NamedTuple

from services.billing.application.tariff_choice import tariff_of
from services.billing.domain.charging_session import ChargingSession
from services.billing.domain.invoice import Invoice, InvoiceFilter, InvoiceState, written_off
from services.billing.domain.invoice_document import InvoiceDocument, document_of
from services.billing.domain.party import Customer, Seller, version_at
from services.billing.ports import Drivers, UnitOfWork, UnitsOfWork
from services.kernel.clock import Clock
from services.kernel.errors import invalid, not_found
from services.kernel.pagination import Page, PageRequest, page_request

# So many that a page of them holds nobody up.
_EXPORTED_AT_ONCE = 100
_MOST_EXPORTED = 10_000


class Invoices:
    """The use cases of invoices. Each method is one unit of work."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock, drivers: Drivers) -> None:
        self._units_of_work = units_of_work
        self._clock = clock
        self._drivers = drivers

    async def page(self, narrowing: InvoiceFilter, page: PageRequest, *, overdue: bool = False) -> Page[Invoice]:
        """One page of invoices, the newest first; `overdue` leaves those that are open beyond the day they were due."""
        if overdue:
            narrowing = replace(narrowing, state=narrowing.state or InvoiceState.OPEN, due_before=self._clock.now())
        async with self._units_of_work() as work:
            return await work.invoices.page(narrowing, page)

    async def get(self, invoice_id: str) -> Invoice:
        """Raises: INVOICE_NOT_FOUND."""
        async with self._units_of_work() as work:
            invoice = await work.invoices.find(invoice_id)
        if invoice is None:
            raise not_found("invoice", invoice_id)
        return invoice

    async def document(self, invoice_id: str) -> InvoiceDocument:
        """What the document of an invoice says, with seller and customer as they were at its issue.

        Raises: INVOICE_NOT_FOUND; UNAVAILABLE when its driver cannot be asked for.
        """
        invoice = await self.get(invoice_id)
        name = None if invoice.driver_id is None else await self._drivers.name(invoice.driver_id)
        async with self._units_of_work() as work:
            [named] = await _named(work, [invoice])
            session = await work.sessions.find(invoice.charging_session_id)
            tariff = None if session is None else await tariff_of(work, session)
        return document_of(
            invoice,
            seller=named.seller,
            customer=named.customer,
            driver_name=name,
            corrected=named.corrected,
            place="" if session is None else session.charge_point_id or session.station_id or "",
            delivered=_delivered(invoice, session),
            tariff_basis_points=0 if tariff is None else tariff.tax_basis_points,
        )

    async def write_off(self, invoice_id: str, reason: str, written_off_by: str) -> Invoice:
        """Give up what is not paid of an invoice. Idempotent. Raises: INVOICE_NOT_FOUND, INVOICE_NOT_PAYABLE,
        INVALID_FIELD."""
        async with self._units_of_work() as work:
            invoice = await work.invoices.find(invoice_id, for_update=True)
            if invoice is None:
                raise not_found("invoice", invoice_id)
            after = written_off(invoice, reason, written_off_by, self._clock.now())
            if after is not invoice:
                await work.invoices.replace(after)
            return after

    async def exported(self, narrowing: InvoiceFilter) -> AsyncIterator[Sequence[InvoiceDocument]]:
        """The documents of invoices, some at a time, the newest first; without where and when was charged.

        Raises: INVALID_FIELD for more than 10,000.
        """
        page, count = PageRequest(_EXPORTED_AT_ONCE), 0
        while True:
            async with self._units_of_work() as work:
                found = await work.invoices.page(narrowing, page)
                named = await _named(work, found.items)
            count += len(named)
            if count > _MOST_EXPORTED:
                raise invalid("issueTimeTo", f"must be so that there are at most {_MOST_EXPORTED} documents")
            yield [
                document_of(one.invoice, seller=one.seller, customer=one.customer, corrected=one.corrected)
                for one in named
            ]
            if not found.next_token:
                return
            page = page_request(_EXPORTED_AT_ONCE, found.next_token)


class _Named(NamedTuple):
    """An invoice and what it names, with seller and customer as they were at its issue."""

    invoice: Invoice
    seller: Seller | None
    customer: Customer | None
    corrected: Invoice | None


async def _named(work: UnitOfWork, invoices: Sequence[Invoice]) -> list[_Named]:
    """What invoices name, asked for together."""
    drivers = {invoice.driver_id for invoice in invoices if invoice.driver_id is not None}
    customers = await work.parties.all_of_customers(drivers)
    sellers = await work.parties.all_of_sellers({invoice.tenant_id for invoice in invoices})
    corrected = await work.invoices.of_ids(
        {invoice.corrected_invoice_id for invoice in invoices if invoice.corrected_invoice_id is not None}
    )
    return [
        _Named(
            invoice,
            version_at(sellers.get(invoice.tenant_id, ()), invoice.issue_time),
            version_at(customers.get((invoice.tenant_id, invoice.driver_id or ""), ()), invoice.issue_time),
            corrected.get(invoice.corrected_invoice_id or ""),
        )
        for invoice in invoices
    ]


def _delivered(invoice: Invoice, session: ChargingSession | None) -> tuple[date, date] | None:
    """The days in which was charged what an invoice bills, as long as it is the bill of its session."""
    if session is None or session.invoice_id != invoice.id or session.end_time is None:
        return None
    return session.start_time.astimezone(UTC).date(), session.end_time.astimezone(UTC).date()
