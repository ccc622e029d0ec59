"""What can be done with invoices."""

from services.billing.domain.invoice import Invoice, InvoiceFilter, PrintedInvoice
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

    async def printed(self, invoice_id: str) -> PrintedInvoice:
        """What a printed invoice says. Raises: INVOICE_NOT_FOUND; UNAVAILABLE when its driver cannot be asked for."""
        invoice = await self.get(invoice_id)
        name = None if invoice.driver_id is None else await self._drivers.name(invoice.driver_id)
        corrects = invoice.corrected_invoice_id
        return PrintedInvoice(invoice, name, None if corrects is None else await self.get(corrects))
