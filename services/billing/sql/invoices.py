"""Invoices in PostgreSQL."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain.invoice import Invoice, InvoiceFilter, InvoiceKind, InvoiceState, WriteOff
from services.billing.domain.pricing import PriceLine
from services.billing.domain.taxation import TaxTreatment
from services.billing.tables import CREDIT_NOTE_COUNTS, INVOICE_COUNTS, INVOICES
from services.kernel.ids import is_id
from services.kernel.money import Money
from services.kernel.pagination import Page, PageRequest
from services.postgres.gathering import fetch, put_off
from services.postgres.keyset import COUNTED_UP_TO, fetch_page
from services.postgres.recordset import Recordset

_OF_ALL = [
    *("id", "number", "driver_id", "charging_session_id", "state", "issue_time", "currency_code", "total_minor"),
    *("tax_minor", "paid_minor", "lines", "tenant_id", "due_time"),
]
# Of a credit note only.
_CREDIT = ["kind", "corrected_invoice_id", "credit_note_id"]
_INVOICES = Recordset(INVOICES, columns=_OF_ALL)
_NOTES = Recordset(INVOICES, columns=[*_OF_ALL, *_CREDIT])
_ADD, _ADD_NOTES = (
    f"INSERT INTO invoices ({rows.columns}) SELECT {rows.values} FROM {rows.relation}".encode()
    for rows in (_INVOICES, _NOTES)
)
_NEXT_COUNTS = {
    kind: f"""
INSERT INTO {counts.name} AS known (tenant_id, year, count) VALUES (%s, %s::int, %s::bigint)
ON CONFLICT (year, tenant_id) DO UPDATE SET count = known.count + excluded.count RETURNING count
""".encode()
    for kind, counts in ((InvoiceKind.INVOICE, INVOICE_COUNTS), (InvoiceKind.CREDIT_NOTE, CREDIT_NOTE_COUNTS))
}


class SqlInvoiceRepository:
    """Satisfies ports.InvoiceRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, narrowing: InvoiceFilter, page: PageRequest) -> Page[Invoice]:
        query = select(INVOICES).where(*_conditions(narrowing))
        rows = await fetch_page(
            self._connection, query, (INVOICES.c.id,), page=page, descending=True, count_up_to=COUNTED_UP_TO
        )
        return rows.map(_invoice)

    async def find(self, invoice_id: str, *, for_update: bool = False) -> Invoice | None:
        if not is_id(invoice_id):
            return None
        query = select(INVOICES).where(INVOICES.c.id == invoice_id)
        row = (await self._connection.execute(query.with_for_update() if for_update else query)).first()
        return None if row is None else _invoice(row)

    async def of_ids(self, invoice_ids: Collection[str]) -> Mapping[str, Invoice]:
        if not invoice_ids:
            return {}
        query = select(INVOICES).where(INVOICES.c.id.in_(invoice_ids))
        return {row.id: _invoice(row) for row in await self._connection.execute(query)}

    async def lock(self, invoice_ids: Collection[str]) -> Mapping[str, Invoice]:
        if not invoice_ids:
            return {}
        query = select(INVOICES).where(INVOICES.c.id.in_(invoice_ids)).order_by(INVOICES.c.id).with_for_update()
        return {row.id: _invoice(row) for row in await self._connection.execute(query)}

    async def next_counts(
        self, tenant_id: str, year: int, count: int, kind: InvoiceKind = InvoiceKind.INVOICE
    ) -> range:
        [(last,)] = await fetch(self._connection, _NEXT_COUNTS[kind], tenant_id, str(year), str(count))
        return range(last - count + 1, last + 1)

    async def add(self, invoices: Sequence[Invoice]) -> None:
        await put_off(self._connection, _ADD, _INVOICES.dump(map(_values, invoices)))

    async def add_credit_note(self, note: Invoice) -> None:
        row = (*_values(note), note.kind, note.corrected_invoice_id, note.credit_note_id)
        await put_off(self._connection, _ADD_NOTES, _NOTES.dump([row]))

    async def replace(self, invoice: Invoice) -> None:
        statement = update(INVOICES).where(INVOICES.c.id == invoice.id)
        changes: dict[str, Any] = {"paid_minor": invoice.paid.minor_units, "credit_note_id": invoice.credit_note_id}
        if invoice.write_off is not None:
            changes["write_off"] = {**invoice.write_off._asdict(), "time": invoice.write_off.time.isoformat()}
        await self._connection.execute(statement.values(state=_stored_state(invoice), **changes))


def _values(invoice: Invoice) -> tuple[Any, ...]:
    return (
        invoice.id,
        invoice.number,
        invoice.driver_id,
        invoice.charging_session_id,
        _stored_state(invoice),
        invoice.issue_time,
        invoice.total.currency_code,
        invoice.total.minor_units,
        invoice.tax.minor_units,
        invoice.paid.minor_units,
        [_stored(line) for line in invoice.lines],
        invoice.tenant_id,
        invoice.due_time,
    )


def _stored_state(invoice: Invoice) -> InvoiceState:
    # What was given up is open for a release that does not know better, and still takes a payment.
    return InvoiceState.OPEN if invoice.state is InvoiceState.WRITTEN_OFF else invoice.state


def _state(row: Row[Any]) -> InvoiceState:
    state = InvoiceState(row.state)
    return InvoiceState.WRITTEN_OFF if state is InvoiceState.OPEN and row.write_off is not None else state


def _write_off(row: Row[Any]) -> WriteOff | None:
    if row.write_off is None:
        return None
    return WriteOff(**{**row.write_off, "time": datetime.fromisoformat(row.write_off["time"])})


def _conditions(narrowing: InvoiceFilter) -> Iterator[ColumnElement[bool]]:
    columns = INVOICES.c
    for name in ("driver_id", "charging_session_id"):
        if requested := getattr(narrowing, name):
            yield columns[name] == requested if is_id(requested) else columns.id.is_(None)
    if narrowing.kind:
        yield columns.kind == narrowing.kind
    if narrowing.state:
        is_given_up = narrowing.state is InvoiceState.WRITTEN_OFF
        yield columns.state == (InvoiceState.OPEN if is_given_up else narrowing.state)
        if is_given_up or narrowing.state is InvoiceState.OPEN:
            yield columns.write_off.is_not(None) if is_given_up else columns.write_off.is_(None)
    if narrowing.due_before:
        yield columns.due_time < narrowing.due_before
    if narrowing.issue_time_from:
        yield columns.issue_time >= narrowing.issue_time_from
    if narrowing.issue_time_to:
        yield columns.issue_time < narrowing.issue_time_to


def _stored(line: PriceLine) -> dict[str, Any]:
    stored = {
        "kind": line.kind,
        "description": line.description,
        "quantity": str(line.quantity),
        "unit": line.unit,
        "unit_price": str(line.unit_price),
        "amount_minor": line.amount.minor_units,
        "tax_basis_points": line.tax_basis_points,
    }
    if line.tax_treatment is not TaxTreatment.STANDARD:
        stored["tax_treatment"] = line.tax_treatment
    return stored


def _line(stored: Mapping[str, Any], currency_code: str) -> PriceLine:
    return PriceLine(
        kind=stored["kind"],
        description=stored["description"],
        quantity=Decimal(stored["quantity"]),
        unit=stored["unit"],
        unit_price=Decimal(stored["unit_price"]),
        amount=Money(currency_code, stored["amount_minor"]),
        tax_basis_points=stored.get("tax_basis_points"),
        tax_treatment=TaxTreatment(stored.get("tax_treatment", TaxTreatment.STANDARD)),
    )


def _invoice(row: Row[Any]) -> Invoice:
    currency = row.currency_code
    return Invoice(
        id=row.id,
        number=row.number,
        driver_id=row.driver_id,
        charging_session_id=row.charging_session_id,
        state=_state(row),
        issue_time=row.issue_time,
        total=Money(currency, row.total_minor),
        tax=Money(currency, row.tax_minor),
        paid=Money(currency, row.paid_minor),
        lines=[_line(stored, currency) for stored in row.lines],
        kind=InvoiceKind(row.kind),
        corrected_invoice_id=row.corrected_invoice_id,
        credit_note_id=row.credit_note_id,
        tenant_id=row.tenant_id,
        due_time=row.due_time,
        write_off=_write_off(row),
    )
