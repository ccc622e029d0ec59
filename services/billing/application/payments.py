"""What can be done with payments and payment methods."""

from services.billing.domain.invoice import paid
from services.billing.domain.payment import (
    Payment,
    PaymentFilter,
    PaymentMethod,
    PaymentMethodKind,
    PaymentRequest,
    check_payment,
    recorded_before,
    require_usable,
    validated,
)
from services.billing.ports import Drivers, UnitOfWork, UnitsOfWork
from services.kernel.clock import Clock
from services.kernel.errors import not_found
from services.kernel.ids import new_id
from services.kernel.pagination import Page, PageRequest


class Payments:
    """The use cases of payments and payment methods. Each method is one unit of work."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock, drivers: Drivers) -> None:
        self._units_of_work = units_of_work
        self._clock = clock
        self._drivers = drivers

    async def page(self, narrowing: PaymentFilter, page: PageRequest) -> Page[Payment]:
        """One page of payments, the newest first."""
        async with self._units_of_work() as work:
            return await work.payments.page(narrowing, page)

    async def record(self, request: PaymentRequest, request_id: str) -> Payment:
        """Record a payment. Idempotent by `request_id` and by external reference.

        Raises: INVALID_FIELD, INVOICE_NOT_FOUND, INVOICE_NOT_PAYABLE, PAYMENT_METHOD_NOT_FOUND.
        """
        check_payment(request)
        async with self._units_of_work() as work:
            # The invoice's lock comes first: two payments of it must not both see what is open.
            invoice = await work.invoices.find(request.invoice_id, for_update=True)
            if invoice is None:
                raise not_found("invoice", request.invoice_id)
            if request.external_reference:
                earlier = await work.payments.with_reference(request.external_reference)
                if earlier is not None:
                    return recorded_before(earlier, request)
            payment_id = new_id()
            if request_id and (made := await work.remember(request_id, payment_id)) != payment_id:
                return await _found(work, made)
            if request.payment_method_id is not None:
                require_usable(await _found_method(work, request.payment_method_id), invoice.driver_id)
            invoice, amount = paid(invoice, request.amount)
            payment = Payment(
                id=payment_id,
                invoice_id=invoice.id,
                driver_id=invoice.driver_id,
                payment_method_id=request.payment_method_id,
                amount=amount,
                external_reference=request.external_reference,
                create_time=self._clock.now(),
                tenant_id=invoice.tenant_id,
            )
            await work.payments.add(payment)
            await work.invoices.replace(invoice)
            return payment

    async def methods(self, driver_id: str, page: PageRequest) -> Page[PaymentMethod]:
        """One page of payment methods, the newest first."""
        async with self._units_of_work() as work:
            return await work.payments.methods(driver_id, page)

    async def add_method(
        self,
        driver_id: str,
        kind: PaymentMethodKind,
        label: str,
        provider_token: str,
        is_default: bool,
        request_id: str,
    ) -> PaymentMethod:
        """Make a payment method. Idempotent by `request_id`. Raises: INVALID_FIELD, DRIVER_NOT_FOUND."""
        method = validated(
            PaymentMethod(
                id=new_id(),
                driver_id=driver_id,
                kind=kind,
                label=label,
                provider_token=provider_token,
                is_default=is_default,
                create_time=self._clock.now(),
            )
        )
        await self._drivers.require(driver_id)
        async with self._units_of_work() as work:
            if request_id and (made := await work.remember(request_id, method.id)) != method.id:
                return await _found_method(work, made)
            return await work.payments.add_method(method)


async def _found(work: UnitOfWork, payment_id: str) -> Payment:
    payment = await work.payments.find(payment_id)
    if payment is None:
        raise not_found("payment", payment_id)
    return payment


async def _found_method(work: UnitOfWork, method_id: str) -> PaymentMethod:
    method = await work.payments.find_method(method_id)
    if method is None:
        raise not_found("payment method", method_id)
    return method
