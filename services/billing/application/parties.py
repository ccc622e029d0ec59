"""What can be done with the sellers and customers of invoices."""

from collections.abc import Mapping
from typing import Any

from services.billing.domain.party import Customer, Seller, next_customer, next_seller
from services.billing.ports import Drivers, UnitsOfWork
from services.kernel.clock import Clock
from services.kernel.errors import not_found
from services.kernel.pagination import Page, PageRequest
from services.kernel.tenancy import owner_of_new


class Parties:
    """The use cases of sellers and customers. Each method is one unit of work."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock, drivers: Drivers) -> None:
        self._units_of_work = units_of_work
        self._clock = clock
        self._drivers = drivers

    async def seller(self) -> Seller:
        """The seller of the tenant that is worked for. Raises: INVOICE_SELLER_NOT_FOUND."""
        async with self._units_of_work() as work:
            seller = await work.parties.seller(owner_of_new())
        if seller is None:
            raise not_found("invoice seller", owner_of_new())
        return seller

    async def set_seller(self, changes: Mapping[str, Any], etag: str) -> Seller:
        """Make the next version of the seller. Raises: INVALID_FIELD, ETAG_MISMATCH."""
        now = self._clock.now()
        nobody = Seller(create_time=now, update_time=now)
        async with self._units_of_work() as work:
            await work.parties.lock()
            seller = next_seller(await work.parties.seller(nobody.tenant_id) or nobody, changes, etag, now)
            await work.parties.add_seller(seller)
            return seller

    async def customers(self, page: PageRequest) -> Page[Customer]:
        """One page of customers, by their drivers."""
        async with self._units_of_work() as work:
            return await work.parties.customers(page)

    async def customer(self, driver_id: str) -> Customer:
        """The customer of a driver. Raises: INVOICE_CUSTOMER_NOT_FOUND."""
        async with self._units_of_work() as work:
            customer = await work.parties.customer(owner_of_new(), driver_id)
        if customer is None:
            raise not_found("invoice customer", driver_id)
        return customer

    async def set_customer(self, driver_id: str, changes: Mapping[str, Any], etag: str) -> Customer:
        """Make the next version of a customer. Raises: INVALID_FIELD, DRIVER_NOT_FOUND, ETAG_MISMATCH."""
        now = self._clock.now()
        nobody = Customer(driver_id=driver_id, create_time=now, update_time=now)
        await self._drivers.require(driver_id)
        async with self._units_of_work() as work:
            await work.parties.lock()
            before = await work.parties.customer(nobody.tenant_id, driver_id) or nobody
            customer = next_customer(before, changes, etag, now)
            await work.parties.add_customer(customer)
            return customer
