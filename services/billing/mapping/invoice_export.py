"""Invoices and credit notes as a table for bookkeepers: a row for each of their taxes. Decides nothing."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from enum import StrEnum
from io import StringIO

from services.billing.domain.invoice import InvoiceState
from services.billing.domain.invoice_document import InvoiceDocument, TaxLine
from services.billing.mapping.xml_text import number
from services.kernel.money import Money

# What spreadsheets would compute, were it the begin of a text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_TEXT_OF_POSTING = 60


class Format(StrEnum):
    """How the table is written."""

    CSV = "CSV"
    DATEV = "DATEV"


class Table:
    """A table that grows row by row; `text` is the file."""

    def __init__(self, kind: Format) -> None:
        self._text = StringIO(newline="")
        self._row, names, delimiter = _KINDS[kind]
        self._writer = csv.writer(self._text, delimiter=delimiter, lineterminator="\r\n")
        self._writer.writerow(names)

    def add(self, documents: Iterable[InvoiceDocument]) -> None:
        """Add the rows of documents."""
        for document in documents:
            for position, tax in enumerate(document.taxes):
                self._writer.writerow(self._row(document, tax, position == 0))

    def text(self) -> bytes:
        """The file, with the mark by which spreadsheets know UTF-8."""
        return self._text.getvalue().encode("utf-8-sig")


def _plain(document: InvoiceDocument, tax: TaxLine, is_first: bool) -> Iterator[str]:
    invoice, customer, corrected = document.invoice, document.customer, document.corrected
    yield from (invoice.number, invoice.kind, invoice.state, document.issue_date.isoformat(), _iso(document.due_date))
    yield invoice.driver_id or ""
    yield from (
        ("", "", "")
        if customer is None
        else (
            _safe(customer.name),
            customer.vat_id,
            customer.address.country_code,
        )
    )
    yield from (tax.base.currency_code, tax.tax.category, number(tax.tax.percent))
    for amount in (tax.base, tax.amount, tax.base + tax.amount):
        yield f"{_booked(document, amount).to_decimal():f}"
    # Once for each document, so that the column sums up.
    yield f"{_booked(document, document.paid).to_decimal():f}" if is_first else ""
    yield from (invoice.charging_session_id, "" if corrected is None else corrected.number)


def _posting(document: InvoiceDocument, tax: TaxLine, is_first: bool) -> Iterator[str]:
    """The amount without a sign and the side it is on, as DATEV has it; accounts are chosen at the import."""
    customer = document.customer
    amount = _booked(document, tax.base + tax.amount).to_decimal()
    yield f"{abs(amount):f}".replace(".", ",")
    yield "H" if amount < 0 else "S"
    yield tax.base.currency_code
    yield from (f"{document.issue_date:%d.%m.%Y}", document.invoice.number)
    yield "" if document.due_date is None else f"{document.due_date:%d.%m.%Y}"
    name = document.invoice.driver_id or "" if customer is None else customer.name
    yield _safe(f"{name} {document.invoice.charging_session_id}"[:_TEXT_OF_POSTING])
    yield "" if customer is None else customer.vat_id
    yield number(tax.tax.percent).replace(".", ",")
    yield from (tax.tax.category, "" if document.corrected is None else document.corrected.number)


def _booked(document: InvoiceDocument, amount: Money) -> Money:
    """An amount with its sign in the books: nothing of what was taken back before anything was paid."""
    if document.invoice.state is InvoiceState.VOID:
        return Money(amount.currency_code, 0)
    return -amount if document.is_credit_note else amount


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _iso(day: date | None) -> str:
    return "" if day is None else day.isoformat()


_Row = Callable[[InvoiceDocument, TaxLine, bool], Iterator[str]]
_KINDS: dict[Format, tuple[_Row, Sequence[str], str]] = {
    Format.CSV: (
        _plain,
        (
            "number,kind,state,issue_date,due_date,driver_id,customer,customer_vat_id,customer_country,currency,"
            "tax_category,tax_percent,net,tax,gross,paid,charging_session_id,corrected_number"
        ).split(","),
        ",",
    ),
    Format.DATEV: (
        _posting,
        (
            "Umsatz,Soll/Haben-Kennzeichen,WKZ Umsatz,Belegdatum,Belegfeld 1,Belegfeld 2,Buchungstext,"
            "EU-Land u. UStID,Steuersatz,Steuerkategorie,Korrigierter Beleg"
        ).split(","),
        ";",
    ),
}
