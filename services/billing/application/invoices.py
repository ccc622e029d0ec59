"""What can be done with invoices."""

from datetime import UTC, date

from services.billing.application.tariff_choice import tariff_of
from services.billing.domain.charging_session import ChargingSession
from services.billing.domain.invoice import Invoice, InvoiceFilter
from services.billing.domain.invoice_document import InvoiceDocument, document_of
from services.billing.ports import Drivers, UnitsOfWork
from services.kernel.errors import not_found
from services.kernel.pagination import Page, PageRequest


class Invoices:
    """The use cases of invoices. Each method is one unit of work."""

    def __init__(self, units_of_work: UnitsOfWork, drivers: Drivers) -> None:
        self._units_of_work = units_of_work
        self._drivers = drivers

    async def page(self, narrowing: InvoiceFilter, page: PageRequest) -> Page[Invoice]:
        """One page of invoices, the newest first."""
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
        corrects, driver_id, issued = invoice.corrected_invoice_id, invoice.driver_id or "", invoice.issue_time
        async with self._units_of_work() as work:
            seller = await work.parties.seller(invoice.tenant_id, issued)
            customer = await work.parties.customer(invoice.tenant_id, driver_id, issued)
            corrected = None if corrects is None else await work.invoices.find(corrects)
            session = await work.sessions.find(invoice.charging_session_id)
            tariff = None if session is None else await tariff_of(work, session)
        return document_of(
            invoice,
            seller=seller,
            customer=customer,
            driver_name=name,
            corrected=corrected,
            place="" if session is None else session.charge_point_id or session.station_id or "",
            delivered=_delivered(invoice, session),
            tariff_basis_points=0 if tariff is None else tariff.tax_basis_points,
        )


def _delivered(invoice: Invoice, session: ChargingSession | None) -> tuple[date, date] | None:
    """The days in which was charged what an invoice bills, as long as it is the bill of its session."""
    if session is None or session.invoice_id != invoice.id or session.end_time is None:
        return None
    return session.start_time.astimezone(UTC).date(), session.end_time.astimezone(UTC).date()
