"""An invoice or a credit note as a PDF document: one page, the lines, the sums. Decides nothing.

Its fonts know the Latin, Greek, Cyrillic, Armenian, Georgian, Arabic and Hebrew scripts, the latter written from right
to left; of each the document holds only the letters that it shows. What they do not know (Chinese, Japanese, Korean,
the scripts of India) is shown by the sign for a character that is missing, with a line that says so, and logged.
"""

import logging
import unicodedata
from decimal import Decimal
from pathlib import Path

from fpdf import FPDF, XPos, YPos
from fpdf.fonts import TTFFont

from services.billing.domain.invoice import Invoice
from services.billing.domain.invoice_document import InvoiceDocument
from services.kernel.money import Money

_FONTS = Path(__file__).parent / "fonts"
_FAMILY = "DejaVu"
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_COLUMNS = (("Description", 80, "L"), ("Quantity", 35, "R"), ("Unit price", 35, "R"), ("Amount", 30, "R"))
_TABLE_WIDTH = sum(width for _, width, _ in _COLUMNS)
_NAME_WIDTH = 40
_LINE_HEIGHT, _FACT_HEIGHT = 8, 6

_log = logging.getLogger(__name__)


def render(printed: InvoiceDocument) -> bytes:
    """The document. The same invoice gives the same text. Takes a third of a second of computing."""
    invoice = printed.invoice
    document = _Document()
    document.set_title(_title(invoice))
    document.set_creation_date(invoice.issue_time)
    document.add_page()
    _head(document, printed)
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
    if document.unknown:
        _tell_unknown(document, invoice)
    return bytes(document.output())


class _Document(FPDF):
    """A page in our fonts. `unknown` are the characters it was asked to show and cannot."""

    def __init__(self) -> None:
        super().__init__()
        self.add_font(_FAMILY, "", _FONTS / "DejaVuSans.ttf")
        self.add_font(_FAMILY, "B", _FONTS / "DejaVuSans-Bold.ttf")
        # Without it Arabic letters stand alone, and what is written from right to left comes out reversed.
        self.set_text_shaping(True)
        self.unknown: dict[str, None] = {}
        known = [set(font.cmap) for font in self.fonts.values() if isinstance(font, TTFFont)]
        self._known = set.intersection(*known)

    def style(self, size: float, *, bold: bool = False) -> None:
        """Write so from now on."""
        self.set_font(_FAMILY, "B" if bold else "", size)

    def shown(self, text: str) -> str:
        """`text` in one line, as far as the fonts know it."""
        return "".join(map(self._shown, " ".join(text.split())))

    def _shown(self, character: str) -> str:
        if ord(character) in self._known:
            return character
        if unicodedata.category(character) in ("Cf", "Mn"):
            return ""  # joiners and the like, which show nothing by themselves
        self.unknown[character] = None
        return _UNKNOWN


def _title(invoice: Invoice) -> str:
    return f"{invoice.kind.replace('_', ' ').capitalize()} {invoice.number}"


def _head(document: _Document, printed: InvoiceDocument) -> None:
    invoice, corrected = printed.invoice, printed.corrected
    document.style(20, bold=True)
    document.cell(0, 14, _title(invoice), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    document.style(10)
    facts = [
        ("Date", f"{invoice.issue_time:%Y-%m-%d %H:%M} UTC"),
        ("Driver", printed.driver_name or invoice.driver_id or "unknown"),
        ("Driver number", invoice.driver_id if printed.driver_name else None),
        ("Charging session", invoice.charging_session_id),
        ("State", invoice.state.capitalize()),
    ]
    if corrected is not None:
        facts.insert(0, ("For invoice", f"{corrected.number} of {corrected.issue_time:%Y-%m-%d}"))
    for name, value in facts:
        if value is not None:
            document.cell(_NAME_WIDTH, _FACT_HEIGHT, name)
            document.multi_cell(0, _FACT_HEIGHT, document.shown(value), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    document.ln(_FACT_HEIGHT)


def _row(document: _Document, cells: tuple[str, ...], *, bold: bool = False) -> None:
    document.style(10, bold=bold)
    for text, (_, width, align) in zip(cells, _COLUMNS, strict=True):
        document.cell(width, _LINE_HEIGHT, document.shown(text), border="B", align=align)
    document.ln(_LINE_HEIGHT)


def _sum(document: _Document, name: str, amount: Money, *, bold: bool = False) -> None:
    document.style(10, bold=bold)
    document.cell(_TABLE_WIDTH - _NAME_WIDTH, _LINE_HEIGHT, name, align="R")
    document.cell(_NAME_WIDTH, _LINE_HEIGHT, _money(amount), align="R")
    document.ln(_LINE_HEIGHT)


def _tell_unknown(document: _Document, invoice: Invoice) -> None:
    names = ", ".join(f"U+{ord(character):04X}" for character in document.unknown)
    _log.warning("the fonts of invoice %s lack characters: %s", invoice.number, names)
    document.style(8)
    document.ln(_LINE_HEIGHT)
    document.multi_cell(0, _FACT_HEIGHT, f"{_UNKNOWN} stands for a character that this document cannot show: {names}")


def _money(amount: Money) -> str:
    return f"{amount.to_decimal()} {amount.currency_code}"


def _number(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
