"""Payments and payment methods in PostgreSQL."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain.payment import Payment, PaymentFilter, PaymentMethod, PaymentMethodKind
from services.billing.tables import PAYMENT_METHODS, PAYMENTS
from services.kernel.errors import invalid
from services.kernel.ids import is_id
from services.kernel.money import Money
from services.kernel.pagination import Page, PageRequest
from services.postgres.database import constraint_of
from services.postgres.keyset import COUNTED_UP_TO, fetch_page
from services.postgres.recordset import names_of

_METHOD_NAMES = names_of(PAYMENT_METHODS.c)

# Two first methods of one driver at the same moment must not both become the default.
_LOCK_DRIVER = text("SELECT pg_advisory_xact_lock(hashtextextended(:driver_id, 0))")


class SqlPaymentRepository:
    """Satisfies ports.PaymentRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, narrowing: PaymentFilter, page: PageRequest) -> Page[Payment]:
        query = select(PAYMENTS).where(*_conditions(narrowing))
        rows = await fetch_page(
            self._connection, query, (PAYMENTS.c.id,), page=page, descending=True, count_up_to=COUNTED_UP_TO
        )
        return rows.map(_payment)

    async def find(self, payment_id: str) -> Payment | None:
        return await self._first(PAYMENTS.c.id == payment_id)

    async def with_reference(self, external_reference: str) -> Payment | None:
        return await self._first(PAYMENTS.c.external_reference == external_reference)

    async def add(self, payment: Payment) -> None:
        statement = insert(PAYMENTS).values(
            id=payment.id,
            invoice_id=payment.invoice_id,
            driver_id=payment.driver_id,
            payment_method_id=payment.payment_method_id,
            amount_minor=payment.amount.minor_units,
            currency_code=payment.amount.currency_code,
            external_reference=payment.external_reference,
            create_time=payment.create_time,
            credit_note_id=payment.credit_note_id,
            tenant_id=payment.tenant_id,
        )
        try:
            await self._connection.execute(statement)
        except IntegrityError as error:
            if constraint_of(error) != "payments_external_reference_key":
                raise
            # Of two invoices at the same moment; for one the lock of the invoice makes the second wait.
            raise invalid("payment.externalReference", "is the reference of another payment") from error

    async def methods(self, driver_id: str, page: PageRequest) -> Page[PaymentMethod]:
        query = select(PAYMENT_METHODS)
        if driver_id:
            columns = PAYMENT_METHODS.c
            query = query.where(columns.driver_id == driver_id if is_id(driver_id) else columns.id.is_(None))
        rows = await fetch_page(self._connection, query, (PAYMENT_METHODS.c.id,), page=page, descending=True)
        return rows.map(_method)

    async def find_method(self, method_id: str) -> PaymentMethod | None:
        if not is_id(method_id):
            return None
        query = select(PAYMENT_METHODS).where(PAYMENT_METHODS.c.id == method_id)
        row = (await self._connection.execute(query)).first()
        return None if row is None else _method(row)

    async def add_method(self, method: PaymentMethod) -> PaymentMethod:
        await self._connection.execute(_LOCK_DRIVER, {"driver_id": method.driver_id})
        columns = PAYMENT_METHODS.c
        has_default = exists().where(columns.driver_id == method.driver_id, columns.is_default)
        if not await self._connection.scalar(select(has_default)):
            method = replace(method, is_default=True)
        elif method.is_default:
            others = update(PAYMENT_METHODS).where(columns.driver_id == method.driver_id, columns.is_default)
            await self._connection.execute(others.values(is_default=False))
        await self._connection.execute(insert(PAYMENT_METHODS).values(asdict(method)))
        return method

    async def _first(self, condition: ColumnElement[bool]) -> Payment | None:
        row = (await self._connection.execute(select(PAYMENTS).where(condition))).first()
        return None if row is None else _payment(row)


def _conditions(narrowing: PaymentFilter) -> Iterator[ColumnElement[bool]]:
    columns = PAYMENTS.c
    for name in ("driver_id", "invoice_id"):
        if requested := getattr(narrowing, name):
            yield columns[name] == requested if is_id(requested) else columns.id.is_(None)


def _payment(row: Row[Any]) -> Payment:
    return Payment(
        id=row.id,
        invoice_id=row.invoice_id,
        driver_id=row.driver_id,
        payment_method_id=row.payment_method_id,
        amount=Money(row.currency_code, row.amount_minor),
        external_reference=row.external_reference,
        create_time=row.create_time,
        credit_note_id=row.credit_note_id,
        tenant_id=row.tenant_id,
    )


def _method(row: Row[Any]) -> PaymentMethod:
    fields = row._mapping
    return PaymentMethod(
        **{**{name: fields[name] for name in _METHOD_NAMES}, "kind": PaymentMethodKind(fields["kind"])}
    )
