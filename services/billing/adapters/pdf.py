"""An invoice or a credit note as a PDF/A-3B document, which holds the electronic invoice where there can be one.
Decides nothing.

Its fonts know the Latin, Greek, Cyrillic, Armenian, Georgian, Arabic and Hebrew scripts, the latter written from right
to left; of each the document holds only the letters that it shows. What they do not know (Chinese, Japanese, Korean,
the scripts of India) is shown by the sign for a character that is missing, with a line that says so.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import segno
from fpdf import FPDF, XPos, YPos
from fpdf.enums import MethodReturnValue
from fpdf.fonts import TTFFont

from services.billing.adapters import factur_x
from services.billing.domain.credit_transfer import transfer_code
from services.billing.domain.invoice_document import InvoiceDocument
from services.billing.domain.party import Address, Seller
from services.billing.mapping.cii import cii
from services.kernel.errors import DomainError
from services.kernel.money import Money

_FONTS = Path(__file__).parent / "fonts"
_FAMILY = "DejaVu"
_PRODUCER = "csms"
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_COLUMNS = (
    ("Description", 72, "L"),
    ("Quantity", 34, "R"),
    ("Unit price", 34, "R"),
    ("VAT", 18, "R"),
    ("Amount", 32, "R"),
)
_TABLE_WIDTH = sum(width for _, width, _ in _COLUMNS)
_NAME_WIDTH = 40
_LINE_HEIGHT, _FACT_HEIGHT = 7, 5.5
_CODE_SIZE, _CODE_SPACE = 34, 42


class Rendered(NamedTuple):
    """A document, and the characters that it was to show and cannot."""

    data: bytes
    unknown: Sequence[str]


def render(told: InvoiceDocument) -> Rendered:
    """The document. The same invoice gives the same bytes. Takes a tenth of a second of computing."""
    electronic = _electronic(told)
    page = _Page()
    page.open(told, is_electronic=electronic is not None)
    _head(page, told)
    _row(page, [name for name, _, _ in _COLUMNS], bold=True)
    for line in told.lines:
        quantity = f"{_number(line.quantity)} {line.unit}"
        unit_price = f"{_number(line.price)} {line.amount.currency_code}"
        _row(page, [line.text, quantity, unit_price, _percent(line.tax.percent), _money(line.amount)])
    for allowance in told.allowances:
        _row(page, [allowance.reason, "", "", _percent(allowance.tax.percent), _money(-allowance.amount)])
    page.ln(2)
    for name, amount, is_bold in _sums(told):
        _sum(page, name, amount, bold=is_bold)
    _foot(page, told)
    if page.unknown:
        _tell_unknown(page)
    if electronic is not None:
        page.embed_file(
            bytes=electronic,
            basename=factur_x.FILE_NAME,
            mime_type="text/xml",
            associated_file_relationship=factur_x.RELATIONSHIP,
            desc=factur_x.FILE_DESCRIPTION,
            modification_date=told.invoice.issue_time.astimezone(UTC).replace(microsecond=0),
        )
    return Rendered(bytes(page.output()), tuple(page.unknown))


class _Page(FPDF):
    """Pages in our fonts. `unknown` are the characters they were asked to show and cannot."""

    def __init__(self) -> None:
        super().__init__(enforce_compliance="PDF/A-3B")
        self.add_font(_FAMILY, "", _FONTS / "DejaVuSans.ttf")
        self.add_font(_FAMILY, "B", _FONTS / "DejaVuSans-Bold.ttf")
        # Without it Arabic letters stand alone, and what is written from right to left comes out reversed.
        self.set_text_shaping(True)
        self.unknown: dict[str, None] = {}
        known = [set(font.cmap) for font in self.fonts.values() if isinstance(font, TTFFont)]
        self._known = set.intersection(*known)

    def open(self, told: InvoiceDocument, *, is_electronic: bool) -> None:
        """Begin the document."""
        # To the second, as its metadata have it.
        time = told.invoice.issue_time.astimezone(UTC).replace(microsecond=0)
        title, author = _title(told), "" if told.seller is None else told.seller.name
        self.set_lang("en")
        self.set_title(title)
        self.set_producer(_PRODUCER)
        self.set_creation_date(time)
        if author:
            self.set_author(author)
        self.set_xmp_metadata(factur_x.metadata(title, author, _PRODUCER, time, is_electronic=is_electronic))
        self.add_page()

    def style(self, size: float, *, bold: bool = False) -> None:
        """Write so from now on."""
        self.set_font(_FAMILY, "B" if bold else "", size)

    def line_of_text(self, text: str, height: float = _FACT_HEIGHT) -> None:
        """Write a text, wrapped, and go on below."""
        self.multi_cell(0, height, self.shown(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def height_of(self, text: str, width: float, height: float) -> float:
        """How high a text is that is wrapped to a width, with lines of a height."""
        lines = self.multi_cell(width, height, text, align="L", dry_run=True, output=MethodReturnValue.LINES)
        return height * max(len(lines), 1) if isinstance(lines, list) else height

    def keep_together(self, height: float) -> None:
        """Go on on the next page if there is no such height left on this."""
        if self.will_page_break(height):
            self.add_page()

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


def _electronic(told: InvoiceDocument) -> bytes | None:
    try:
        return cii(told)
    except DomainError:  # it tells what is missing to who asks for it alone
        return None


def _title(told: InvoiceDocument) -> str:
    return f"{told.invoice.kind.replace('_', ' ').capitalize()} {told.invoice.number}"


def _head(page: _Page, told: InvoiceDocument) -> None:
    if told.seller is not None:
        page.style(10, bold=True)
        page.line_of_text(told.seller.name)
        page.style(9)
        page.line_of_text(_one_line(told.seller))
        page.ln(_FACT_HEIGHT)
    if told.customer is not None:
        page.style(10)
        for text in (told.customer.name, *_lines(told.customer.address)):
            page.line_of_text(text)
        page.ln(_FACT_HEIGHT)
    page.style(20, bold=True)
    page.cell(0, 14, page.shown(_title(told)), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.style(10)
    for name, value in _facts(told):
        page.cell(_NAME_WIDTH, _FACT_HEIGHT, name)
        page.line_of_text(value)
    page.ln(_FACT_HEIGHT)


def _facts(told: InvoiceDocument) -> Iterator[tuple[str, str]]:
    invoice, corrected, customer = told.invoice, told.corrected, told.customer
    if corrected is not None:
        yield "For invoice", f"{corrected.number} of {corrected.issue_time:%Y-%m-%d}"
    yield "Date", f"{invoice.issue_time:%Y-%m-%d %H:%M} UTC"
    if told.due_date is not None and told.due.minor_units:
        yield "Due", told.due_date.isoformat()
    if customer is not None and customer.vat_id:
        yield "Your VAT id", customer.vat_id
    if customer is not None and customer.reference:
        yield "Your reference", customer.reference
    yield "Driver", told.driver_name or invoice.driver_id or "unknown"
    if told.driver_name and invoice.driver_id:
        yield "Driver number", invoice.driver_id
    yield "Charging session", invoice.charging_session_id
    if told.place:
        yield "Charge point", told.place
    if told.delivered is not None:
        yield "Charged", " to ".join(dict.fromkeys(day.isoformat() for day in told.delivered))
    yield "State", invoice.state.capitalize()


def _row(page: _Page, cells: Sequence[str], *, bold: bool = False) -> None:
    page.style(9, bold=bold)
    shown = [page.shown(text) for text in cells]
    width = _COLUMNS[0][1]
    # Only the description may need several lines.
    height = page.height_of(shown[0], width, _LINE_HEIGHT)
    page.keep_together(height)
    top = page.get_y()
    page.multi_cell(width, _LINE_HEIGHT, shown[0], align="L", new_x=XPos.RIGHT, new_y=YPos.TOP)
    for text, (_, width, align) in zip(shown[1:], _COLUMNS[1:], strict=True):
        page.cell(width, _LINE_HEIGHT, text, align=align)
    page.set_xy(page.l_margin, top + height)
    page.line(page.l_margin, top + height, page.l_margin + _TABLE_WIDTH, top + height)


def _sums(told: InvoiceDocument) -> Iterator[tuple[str, Money, bool]]:
    yield "Subtotal", told.subtotal, False
    if len(told.taxes) == 1:
        [tax] = told.taxes
        yield f"Tax {_percent(tax.tax.percent)}", told.tax, False
    else:
        for tax in told.taxes:
            yield f"Tax {_percent(tax.tax.percent)} on {_money(tax.base)}", tax.amount, False
    yield "Total", told.total, True
    if told.paid.minor_units:
        yield "Paid", told.paid, False
        yield "To be given back" if told.is_credit_note else "To be paid", told.due, True


def _sum(page: _Page, name: str, amount: Money, *, bold: bool = False) -> None:
    page.style(10, bold=bold)
    page.cell(_TABLE_WIDTH - _NAME_WIDTH, _LINE_HEIGHT, page.shown(name), align="R")
    page.cell(_NAME_WIDTH, _LINE_HEIGHT, _money(amount), align="R")
    page.ln(_LINE_HEIGHT)


def _foot(page: _Page, told: InvoiceDocument) -> None:
    page.style(9)
    page.ln(_FACT_HEIGHT)
    for reason in dict.fromkeys(tax.exemption_reason for tax in told.taxes if tax.exemption_reason):
        page.line_of_text(f"No VAT: {reason}")
    if (code := transfer_code(told)) is not None and told.seller is not None:
        _payment(page, told.seller, told.invoice.number, code)
    if told.seller is not None and told.seller.note:
        page.ln(_FACT_HEIGHT)
        page.line_of_text(told.seller.note)


def _payment(page: _Page, seller: Seller, number: str, code: str) -> None:
    """How to pay by transfer, beside the code for it."""
    page.keep_together(_CODE_SPACE)
    top, left = page.get_y(), page.l_margin
    _draw(page, code, left, top)
    page.set_xy(left, top)
    indent = page.l_margin + _CODE_SPACE
    told = (("Pay to", seller.name), ("IBAN", seller.iban), ("BIC", seller.bic), ("Reference", number))
    for name, value in told:
        if value:
            page.set_x(indent)
            page.cell(_NAME_WIDTH / 2, _FACT_HEIGHT, name)
            page.line_of_text(value)
    page.set_xy(left, max(page.get_y(), top + _CODE_SPACE))


def _draw(page: _Page, text: str, left: float, top: float) -> None:
    """A QR code of modules of equal size; neighbours of a row are one rectangle."""
    rows = [list(row) for row in segno.make_qr(text.encode(), error="m", boost_error=False).matrix]
    size = _CODE_SIZE / len(rows)
    page.set_fill_color(0)
    for y, row in enumerate(rows):
        begin = 0
        while begin < len(row):
            end = begin
            while end < len(row) and row[end]:
                end += 1
            if end > begin:
                page.rect(left + begin * size, top + y * size, (end - begin) * size, size, style="F")
            begin = end + 1


def _tell_unknown(page: _Page) -> None:
    names = ", ".join(f"U+{ord(character):04X}" for character in page.unknown)
    page.style(8)
    page.ln(_LINE_HEIGHT)
    text = f"{_UNKNOWN} stands for a character that this document cannot show: {names}"
    page.multi_cell(0, _FACT_HEIGHT, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _one_line(seller: Seller) -> str:
    numbers = [
        f"VAT id {seller.vat_id}" if seller.vat_id else "",
        f"Tax number {seller.tax_number}" if seller.tax_number else "",
    ]
    return " - ".join(text for text in (*_lines(seller.address), *numbers, seller.email) if text)


def _lines(address: Address) -> Iterator[str]:
    for text in (address.street, f"{address.post_code} {address.city}".strip(), address.country_code):
        if text:
            yield text


def _money(amount: Money) -> str:
    return f"{amount.to_decimal()} {amount.currency_code}"


def _percent(percent: Decimal) -> str:
    return f"{_number(percent)} %"


def _number(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
