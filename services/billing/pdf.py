"""An invoice as a PDF document: one page, the lines, the sums. Decides nothing."""

from decimal import Decimal

from fpdf import FPDF, XPos, YPos

from services.billing.domain.invoice import Invoice
from services.kernel.money import Money

_COLUMNS = (("Description", 80, "L"), ("Quantity", 35, "R"), ("Unit price", 35, "R"), ("Amount", 30, "R"))
_TABLE_WIDTH = sum(width for _, width, _ in _COLUMNS)
_LINE_HEIGHT = 8


def render(invoice: Invoice, corrected: Invoice | None = None) -> bytes:
    """The document; `corrected` is the invoice that a credit note takes back. The same invoice gives the same text."""
    document = FPDF()
    document.set_title(_title(invoice))
    document.set_creation_date(invoice.issue_time)
    document.add_page()
    _head(document, invoice, corrected)
    _row(document, tuple(name for name, _, _ in _COLUMNS), bold=True)
    for line in invoice.lines:
        quantity = f"{_number(line.quantity)} {line.unit}"
        unit_price = f"{_number(line.unit_price)} {line.amount.currency_code}"
        _row(document, (line.description, quantity, unit_price, _money(line.amount)))
    document.ln(2)
    _sum(document, "Subtotal", invoice.total - invoice.tax)
    _sum(document, "Tax", invoice.tax)
    _sum(document, "Total", invoice.total, bold=True)
    if invoice.paid.minor_units:
        _sum(document, "Paid", invoice.paid)
    return bytes(document.output())


def _title(invoice: Invoice) -> str:
    return f"{invoice.kind.replace('_', ' ').capitalize()} {invoice.number}"


def _head(document: FPDF, invoice: Invoice, corrected: Invoice | None) -> None:
    document.set_font("Helvetica", "B", 20)
    document.cell(0, 14, _title(invoice), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    document.set_font("Helvetica", "", 10)
    corrects = () if corrected is None else (("For invoice", f"{corrected.number} of {corrected.issue_time:%Y-%m-%d}"),)
    facts = (
        *corrects,
        ("Date", f"{invoice.issue_time:%Y-%m-%d %H:%M} UTC"),
        ("Driver", invoice.driver_id or "unknown"),
        ("Charging session", invoice.charging_session_id),
        ("State", invoice.state.capitalize()),
    )
    for name, value in facts:
        document.cell(40, 6, name)
        document.cell(0, 6, value, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    document.ln(6)


def _row(document: FPDF, cells: tuple[str, ...], *, bold: bool = False) -> None:
    document.set_font("Helvetica", "B" if bold else "", 10)
    for text, (_, width, align) in zip(cells, _COLUMNS, strict=True):
        document.cell(width, _LINE_HEIGHT, _latin(text), border="B", align=align)
    document.ln(_LINE_HEIGHT)


def _sum(document: FPDF, name: str, amount: Money, *, bold: bool = False) -> None:
    document.set_font("Helvetica", "B" if bold else "", 10)
    document.cell(_TABLE_WIDTH - 40, _LINE_HEIGHT, name, align="R")
    document.cell(40, _LINE_HEIGHT, _money(amount), align="R")
    document.ln(_LINE_HEIGHT)


def _money(amount: Money) -> str:
    return f"{amount.to_decimal()} {amount.currency_code}"


def _number(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _latin(text: str) -> str:
    # The fonts every PDF reader has know Latin-1 only.
    return text.encode("latin-1", "replace").decode("latin-1")
