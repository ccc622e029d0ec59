"""Invoices as a table for bookkeepers."""

import csv
from dataclasses import replace
from decimal import Decimal
from io import StringIO

from services.billing.domain.invoice import voided
from services.billing.domain.invoice_document import InvoiceDocument
from services.billing.mapping.invoice_export import Format, Table
from tests.unit.services.billing.documents import CUSTOMER, DOCUMENTS, document, invoice

SEVERAL, NOTE = DOCUMENTS["several rates"], DOCUMENTS["a credit note for what was paid in part"]


def _rows(kind: Format, *told: InvoiceDocument) -> list[dict[str, str]]:
    table = Table(kind)
    table.add(told)
    text = table.text().decode("utf-8-sig")
    return list(csv.DictReader(StringIO(text), delimiter=";" if kind is Format.DATEV else ","))


def test_a_document_has_a_row_for_each_of_its_taxes_and_columns_sum_up() -> None:
    rows = _rows(Format.CSV, SEVERAL, NOTE)
    assert [(row["number"], row["tax_percent"], row["net"], row["tax"], row["gross"]) for row in rows] == [
        ("2026-000042", "19", "1.51", "0.29", "1.80"),
        ("2026-000042", "7", "0.05", "0.00", "0.05"),
        ("CN-2026-000007", "19", "-5.64", "-1.07", "-6.71"),
    ]
    assert [row["paid"] for row in rows] == ["0.00", "", "-5.71"]
    assert sum(Decimal(row["gross"]) for row in rows) == Decimal("1.85") - Decimal("6.71")
    assert (rows[0]["customer"], rows[0]["customer_vat_id"], rows[0]["due_date"]) == (
        "Fleet BV",
        "NL004495445B01",
        "2026-03-16",
    )
    assert (rows[2]["corrected_number"], rows[2]["due_date"]) == ("2026-000042", "")


def test_postings_have_a_side_and_no_sign() -> None:
    rows = _rows(Format.DATEV, SEVERAL, NOTE)
    assert [(row["Umsatz"], row["Soll/Haben-Kennzeichen"], row["Belegdatum"], row["Steuersatz"]) for row in rows] == [
        ("1,80", "S", "02.03.2026", "19"),
        ("0,05", "S", "02.03.2026", "7"),
        ("6,71", "H", "09.03.2026", "19"),
    ]
    assert all(len(row["Buchungstext"]) <= 60 for row in rows)


def test_what_is_void_counts_for_nothing_and_leaves_no_gap() -> None:
    [row] = _rows(Format.CSV, document(voided(invoice())))
    assert (row["number"], row["state"], row["net"], row["gross"]) == ("2026-000042", "VOID", "0.00", "0.00")


def test_no_text_is_computed_by_a_spreadsheet() -> None:
    for text in ("=1+1", "+49", "-1", "@SUM(A1)", "\t=1"):
        told = document(invoice(), customer=replace(CUSTOMER, name=text))
        assert _rows(Format.CSV, told)[0]["customer"] == f"'{text}"
        assert _rows(Format.DATEV, told)[0]["Buchungstext"].startswith("'")
