"""Invoices in PostgreSQL."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain.invoice import Invoice, InvoiceFilter, InvoiceState
from services.billing.domain.pricing import PriceLine
from services.billing.tables import INVOICE_COUNTS, INVOICES
from services.chassis.keyset import fetch_page
from services.chassis.pagination import Page, PageRequest
from services.kernel.ids import is_id
from services.kernel.money import Money


class SqlInvoiceRepository:
    """Satisfies ports.InvoiceRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, narrowing: InvoiceFilter, page: PageRequest) -> Page[Invoice]:
        query = select(INVOICES).where(*_conditions(narrowing))
        rows = await fetch_page(self._connection, query, (INVOICES.c.id,), page=page, descending=True)
        return rows.map(_invoice)

    async def find(self, invoice_id: str, *, for_update: bool = False) -> Invoice | None:
        if not is_id(invoice_id):
            return None
        query = select(INVOICES).where(INVOICES.c.id == invoice_id)
        row = (await self._connection.execute(query.with_for_update() if for_update else query)).first()
        return None if row is None else _invoice(row)

    async def next_count(self, year: int) -> int:
        statement = insert(INVOICE_COUNTS).values(year=year, count=1)
        statement = statement.on_conflict_do_update(
            constraint="invoice_counts_pkey", set_={"count": INVOICE_COUNTS.c.count + 1}
        )
        return int((await self._connection.execute(statement.returning(INVOICE_COUNTS.c.count))).scalar_one())

    async def add(self, invoice: Invoice) -> None:
        await self._connection.execute(
            insert(INVOICES).values(
                id=invoice.id,
                number=invoice.number,
                driver_id=invoice.driver_id,
                charging_session_id=invoice.charging_session_id,
                state=invoice.state,
                issue_time=invoice.issue_time,
                currency_code=invoice.total.currency_code,
                total_minor=invoice.total.minor_units,
                tax_minor=invoice.tax.minor_units,
                paid_minor=invoice.paid.minor_units,
                lines=[_stored(line) for line in invoice.lines],
            )
        )

    async def replace(self, invoice: Invoice) -> None:
        statement = update(INVOICES).where(INVOICES.c.id == invoice.id)
        await self._connection.execute(statement.values(state=invoice.state, paid_minor=invoice.paid.minor_units))


def _conditions(narrowing: InvoiceFilter) -> Iterator[ColumnElement[bool]]:
    columns = INVOICES.c
    for name in ("driver_id", "charging_session_id"):
        if wanted := getattr(narrowing, name):
            yield columns[name] == wanted if is_id(wanted) else columns.id.is_(None)
    if narrowing.state:
        yield columns.state == narrowing.state
    if narrowing.issue_time_from:
        yield columns.issue_time >= narrowing.issue_time_from
    if narrowing.issue_time_to:
        yield columns.issue_time < narrowing.issue_time_to


def _stored(line: PriceLine) -> dict[str, Any]:
    return {
        "kind": line.kind,
        "description": line.description,
        "quantity": str(line.quantity),
        "unit": line.unit,
        "unit_price": str(line.unit_price),
        "amount_minor": line.amount.minor_units,
    }


def _line(stored: Mapping[str, Any], currency_code: str) -> PriceLine:
    return PriceLine(
        kind=stored["kind"],
        description=stored["description"],
        quantity=Decimal(stored["quantity"]),
        unit=stored["unit"],
        unit_price=Decimal(stored["unit_price"]),
        amount=Money(currency_code, stored["amount_minor"]),
    )


def _invoice(row: Row[Any]) -> Invoice:
    currency = row.currency_code
    return Invoice(
        id=row.id,
        number=row.number,
        driver_id=row.driver_id,
        charging_session_id=row.charging_session_id,
        state=InvoiceState(row.state),
        issue_time=row.issue_time,
        total=Money(currency, row.total_minor),
        tax=Money(currency, row.tax_minor),
        paid=Money(currency, row.paid_minor),
        lines=[_line(stored, currency) for stored in row.lines],
    )
