"""What can be done with invoices."""

from services.billing.domain.invoice import Invoice, InvoiceFilter
from services.billing.ports import Works
from services.chassis.pagination import Page, PageRequest
from services.kernel.errors import not_found


class Invoices:
    """The use cases of invoices. Each method is one unit of work."""

    def __init__(self, works: Works) -> None:
        self._works = works

    async def page(self, narrowing: InvoiceFilter, page: PageRequest) -> Page[Invoice]:
        """One page of invoices, the newest first."""
        async with self._works() as work:
            return await work.invoices.page(narrowing, page)

    async def get(self, invoice_id: str) -> Invoice:
        """Raises: INVOICE_NOT_FOUND."""
        async with self._works() as work:
            invoice = await work.invoices.find(invoice_id)
        if invoice is None:
            raise not_found("invoice", invoice_id)
        return invoice
