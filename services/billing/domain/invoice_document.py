"""What a document says: an invoice or a credit note with those who issue and get it, its taxes by rate and its sums.

The semantic model of EN 16931-1 as far as charging needs it; how it is written is decided in mapping/ and adapters/.
Amounts and quantities of a credit note are positive here, as those who receive one expect.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from services.billing.domain.invoice import Invoice, InvoiceKind
from services.billing.domain.party import Customer, Seller
from services.billing.domain.pricing import PriceLine
from services.billing.domain.taxation import TaxTreatment
from services.kernel.errors import failed_precondition
from services.kernel.money import Money, minor_digits

# What is taken off: lines whose amounts are below nothing, which EN 16931 does not know (BR-27).
_REDUCTIONS = ("DISCOUNT", "MAX_PRICE")
_HUNDRED = Decimal(100)
# EN 16931-1, BR-DEC: amounts have no more.
_MOST_DIGITS = 2
# BR-16: there is a line at least.
_NOTHING_TO_PAY = "Charging session"


class TaxCategory(StrEnum):
    """How something is taxed, by the codes of UNTDID 5305."""

    STANDARD = "S"
    ZERO = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"


class Tax(NamedTuple):
    """A category with its rate."""

    category: TaxCategory
    percent: Decimal


class DocumentLine(NamedTuple):
    """Something that was sold; the price of one unit may be finer than the currency, the amount is before tax."""

    text: str
    quantity: Decimal
    unit: str
    price: Decimal
    amount: Money
    tax: Tax


class Allowance(NamedTuple):
    """What the sum of the lines is lowered by, before tax."""

    reason: str
    amount: Money
    tax: Tax


class TaxLine(NamedTuple):
    """All that is taxed alike, and the tax on it; why there is none, where that has to be said."""

    tax: Tax
    base: Money
    amount: Money
    exemption_reason: str = ""


class InvoiceDocument(NamedTuple):
    """An invoice or a credit note. Without a seller or customer it names the driver alone.

    `place` names where was charged, `delivered` are the days from which and to which; `corrected` is the invoice that a
    credit note takes back.
    """

    invoice: Invoice
    seller: Seller | None
    customer: Customer | None
    driver_name: str | None
    corrected: Invoice | None
    place: str
    delivered: tuple[date, date] | None
    lines: Sequence[DocumentLine]
    allowances: Sequence[Allowance]
    taxes: Sequence[TaxLine]

    @property
    def is_credit_note(self) -> bool:
        """Whether it takes an invoice back."""
        return self.invoice.kind is InvoiceKind.CREDIT_NOTE

    @property
    def issue_date(self) -> date:
        """The day it was issued, by UTC."""
        return self.invoice.issue_time.date()

    @property
    def due_date(self) -> date | None:
        """The day by which an invoice is to be paid; None for a credit note, and without a seller."""
        if self.invoice.due_time is not None:
            return self.invoice.due_time.date()
        if self.seller is None or self.is_credit_note:
            return None
        return self.issue_date + timedelta(days=self.seller.payment_days)

    @property
    def lines_total(self) -> Money:
        """The sum of the lines."""
        return _sum(self.total.currency_code, [line.amount for line in self.lines])

    @property
    def allowances_total(self) -> Money:
        """The sum of the allowances."""
        return _sum(self.total.currency_code, [one.amount for one in self.allowances])

    @property
    def subtotal(self) -> Money:
        """The sum before tax."""
        return self.total - self.tax

    @property
    def tax(self) -> Money:
        """The sum of the taxes."""
        return self._signed(self.invoice.tax)

    @property
    def total(self) -> Money:
        """The sum with tax."""
        return self._signed(self.invoice.total)

    @property
    def paid(self) -> Money:
        """What of it was paid so far; of a credit note what was given back, counted, or had never been paid."""
        return self._signed(self.invoice.paid)

    @property
    def due(self) -> Money:
        """What is still to be paid, or to be given back."""
        return self.total - self.paid

    def _signed(self, amount: Money) -> Money:
        return -amount if self.is_credit_note else amount


def document_of(
    invoice: Invoice,
    *,
    seller: Seller | None = None,
    customer: Customer | None = None,
    driver_name: str | None = None,
    corrected: Invoice | None = None,
    place: str = "",
    delivered: tuple[date, date] | None = None,
    tariff_basis_points: int = 0,
) -> InvoiceDocument:
    """The document of an invoice. `tariff_basis_points` is the tax of its tariff, for bills that do not tell theirs."""
    sign = -1 if invoice.kind is InvoiceKind.CREDIT_NOTE else 1
    plain = [_told(line, invoice, tariff_basis_points) for line in invoice.lines]
    lines = [_line(line, sign) for line in plain if not _is_allowance(line, sign)]
    allowances = [_allowance(line, sign) for line in plain if _is_allowance(line, sign)]
    if not lines:
        lines = [_nothing(invoice.total.currency_code)]
    return InvoiceDocument(
        invoice,
        seller,
        customer,
        driver_name,
        corrected,
        place,
        delivered,
        lines,
        allowances,
        _taxes(lines, allowances, invoice.tax if sign > 0 else -invoice.tax, customer),
    )


def require_electronic(document: InvoiceDocument) -> tuple[Seller, Customer]:
    """Who issues and who gets a document that can be written as an electronic invoice.

    Raises: ELECTRONIC_INVOICE_INCOMPLETE, whose metadata entry `missing` tells what there has to be.
    """
    currency = document.total.currency_code
    if document.seller is None:
        raise _incomplete("seller", "it was not set who issues invoices: PUT /invoicing/seller")
    if document.customer is None:
        path = f"PUT /invoicing/customers/{document.invoice.driver_id or '{driverId}'}"
        raise _incomplete("customer", f"it was not set to whom the invoice is addressed: {path}")
    if minor_digits(currency) > _MOST_DIGITS:
        raise _incomplete("currency", f"EN 16931 knows amounts of two decimals, {currency} has more")
    return document.seller, document.customer


def _incomplete(missing: str, message: str) -> Exception:
    return failed_precondition("ELECTRONIC_INVOICE_INCOMPLETE", message, missing=missing)


def _told(line: PriceLine, invoice: Invoice, tariff_basis_points: int) -> PriceLine:
    """`line` with its tax, also where its bill does not tell it: that has one rate for all lines."""
    if line.tax_basis_points is not None:
        return line
    subtotal = (invoice.total - invoice.tax).to_decimal()
    basis_points = tariff_basis_points
    as_told = Money.from_decimal(invoice.tax.currency_code, subtotal * basis_points / 10_000)
    if as_told != invoice.tax and subtotal:
        basis_points = round(invoice.tax.to_decimal() / subtotal * 10_000)
    return line._replace(tax_basis_points=basis_points)


def _is_allowance(line: PriceLine, sign: int) -> bool:
    # BR-27: no price is below nothing. What lowers a bill lowers its sum.
    return line.kind in _REDUCTIONS or line.amount.minor_units * sign < 0


def _line(line: PriceLine, sign: int) -> DocumentLine:
    amount = line.amount if sign > 0 else -line.amount
    return DocumentLine(line.description, line.quantity * sign, line.unit, line.unit_price, amount, _tax(line))


def _allowance(line: PriceLine, sign: int) -> Allowance:
    return Allowance(line.description, -line.amount if sign > 0 else line.amount, _tax(line))


def _nothing(currency_code: str) -> DocumentLine:
    zero = Tax(TaxCategory.ZERO, Decimal(0))
    return DocumentLine(_NOTHING_TO_PAY, Decimal(1), "session", Decimal(0), Money(currency_code, 0), zero)


def _tax(line: PriceLine) -> Tax:
    percent = Decimal(line.tax_basis_points or 0) / _HUNDRED
    if line.tax_treatment is TaxTreatment.STANDARD:
        return Tax(TaxCategory.STANDARD if percent else TaxCategory.ZERO, percent)
    return Tax(_CATEGORIES[line.tax_treatment], percent)


def _taxes(
    lines: Sequence[DocumentLine], allowances: Sequence[Allowance], whole: Money, customer: Customer | None
) -> Sequence[TaxLine]:
    """What is taxed alike, in the order of the lines. All of it sums to the tax of the bill: cents that rounding by
    rate makes otherwise are of the greatest."""
    bases: dict[Tax, Money] = {}
    for tax, amount in [(line.tax, line.amount) for line in lines] + [(one.tax, -one.amount) for one in allowances]:
        bases[tax] = bases.get(tax, Money(whole.currency_code, 0)) + amount
    found = [TaxLine(tax, base, _share(tax, base), _reason(tax, customer)) for tax, base in bases.items()]
    difference = whole - _sum(whole.currency_code, [one.amount for one in found])
    if difference.minor_units:
        greatest = max(range(len(found)), key=lambda position: abs(found[position].amount.minor_units))
        found[greatest] = found[greatest]._replace(amount=found[greatest].amount + difference)
    return found


def _share(tax: Tax, base: Money) -> Money:
    return Money.from_decimal(base.currency_code, base.to_decimal() * tax.percent / _HUNDRED)


def _reason(tax: Tax, customer: Customer | None) -> str:
    if tax.category is TaxCategory.REVERSE_CHARGE:
        return "Reverse charge"
    if tax.category is TaxCategory.EXEMPT:
        return (customer.exemption_reason if customer is not None else "") or "Exempt from VAT"
    return ""


def _sum(currency_code: str, amounts: Sequence[Money]) -> Money:
    return Money(currency_code, sum(amount.minor_units for amount in amounts))


_CATEGORIES = {TaxTreatment.REVERSE_CHARGE: TaxCategory.REVERSE_CHARGE, TaxTreatment.EXEMPT: TaxCategory.EXEMPT}
