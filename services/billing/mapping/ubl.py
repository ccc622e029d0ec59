"""A document as an electronic invoice in UBL 2.1, as EN 16931 binds it (CEN/TS 16931-3-2)."""

from datetime import date
from xml.etree.ElementTree import Element

from services.billing.domain.invoice_document import (
    Allowance,
    DocumentLine,
    InvoiceDocument,
    Tax,
    TaxLine,
    require_electronic,
)
from services.billing.domain.party import Address, Customer, Seller
from services.billing.mapping import einvoice_codes as codes
from services.billing.mapping.xml_text import group, number, put, root, written
from services.kernel.money import Money

_URN = "urn:oasis:names:specification:ubl:schema:xsd"
_PREFIXES = {"cac": f"{_URN}:CommonAggregateComponents-2", "cbc": f"{_URN}:CommonBasicComponents-2"}


def ubl(document: InvoiceDocument) -> bytes:
    """The file. Raises: ELECTRONIC_INVOICE_INCOMPLETE."""
    seller, customer = require_electronic(document)
    kind = "CreditNote" if document.is_credit_note else "Invoice"
    top = root(kind, {"": f"{_URN}:{kind}-2", **_PREFIXES})
    _head(top, document, customer)
    _party(group(top, "cac:AccountingSupplierParty", "cac:Party"), seller, seller.tax_number)
    _party(group(top, "cac:AccountingCustomerParty", "cac:Party"), customer)
    if document.delivered is not None or document.place:
        delivery = group(top, "cac:Delivery")
        put(delivery, "cbc:ActualDeliveryDate", "" if document.delivered is None else _day(document.delivered[1]))
        if document.place:
            put(group(delivery, "cac:DeliveryLocation"), "cbc:ID", document.place)
    _payment(top, document, seller)
    for allowance in document.allowances:
        _allowance(group(top, "cac:AllowanceCharge"), allowance)
    taxes = group(top, "cac:TaxTotal")
    _amount(taxes, "cbc:TaxAmount", document.tax)
    for tax in document.taxes:
        _tax_line(group(taxes, "cac:TaxSubtotal"), tax)
    _sums(group(top, "cac:LegalMonetaryTotal"), document)
    quantity = "CreditedQuantity" if document.is_credit_note else "InvoicedQuantity"
    for position, line in enumerate(document.lines, start=1):
        _line(group(top, f"cac:{kind}Line"), position, line, quantity)
    return written(top)


def _head(top: Element, document: InvoiceDocument, customer: Customer) -> None:
    put(top, "cbc:CustomizationID", codes.SPECIFICATION)
    put(top, "cbc:ID", document.invoice.number)
    put(top, "cbc:IssueDate", document.issue_date.isoformat())
    if document.is_credit_note:
        put(top, "cbc:CreditNoteTypeCode", codes.CREDIT_NOTE)
    else:
        put(top, "cbc:DueDate", _day(document.due_date))
        put(top, "cbc:InvoiceTypeCode", codes.INVOICE)
    for note in codes.notes(document):
        put(top, "cbc:Note", note)
    put(top, "cbc:DocumentCurrencyCode", document.total.currency_code)
    put(top, "cbc:BuyerReference", customer.reference)
    if document.delivered is not None:
        period = group(top, "cac:InvoicePeriod")
        put(period, "cbc:StartDate", _day(document.delivered[0]))
        put(period, "cbc:EndDate", _day(document.delivered[1]))
    if document.corrected is not None:
        earlier = group(top, "cac:BillingReference", "cac:InvoiceDocumentReference")
        put(earlier, "cbc:ID", document.corrected.number)
        put(earlier, "cbc:IssueDate", _day(document.corrected.issue_time.date()))


def _party(party: Element, told: Seller | Customer, tax_number: str = "") -> None:
    put(party, "cbc:EndpointID", told.email, schemeID=codes.EMAIL)
    # BR-CO-26: who sells has a VAT id, or another name that is his alone; a number for taxes is not enough.
    if tax_number and not told.vat_id:
        put(group(party, "cac:PartyIdentification"), "cbc:ID", tax_number)
    _address(group(party, "cac:PostalAddress"), told.address)
    for name, scheme in ((told.vat_id, "VAT"), (tax_number, "FC")):
        if name:
            registered = group(party, "cac:PartyTaxScheme")
            put(registered, "cbc:CompanyID", name)
            put(group(registered, "cac:TaxScheme"), "cbc:ID", scheme)
    put(group(party, "cac:PartyLegalEntity"), "cbc:RegistrationName", told.name)


def _address(parent: Element, address: Address) -> None:
    put(parent, "cbc:StreetName", address.street)
    put(parent, "cbc:CityName", address.city)
    put(parent, "cbc:PostalZone", address.post_code)
    put(group(parent, "cac:Country"), "cbc:IdentificationCode", address.country_code)


def _payment(top: Element, document: InvoiceDocument, seller: Seller) -> None:
    if means := codes.payment_means(document):
        payment = group(top, "cac:PaymentMeans")
        put(payment, "cbc:PaymentMeansCode", means)
        put(payment, "cbc:PaymentID", document.invoice.number)
        account = group(payment, "cac:PayeeFinancialAccount")
        put(account, "cbc:ID", seller.iban)
        if seller.bic:
            put(group(account, "cac:FinancialInstitutionBranch"), "cbc:ID", seller.bic)
    if terms := codes.payment_terms(document):
        put(group(top, "cac:PaymentTerms"), "cbc:Note", terms)


def _allowance(parent: Element, allowance: Allowance) -> None:
    put(parent, "cbc:ChargeIndicator", "false")
    put(parent, "cbc:AllowanceChargeReason", allowance.reason)
    _amount(parent, "cbc:Amount", allowance.amount)
    _tax(group(parent, "cac:TaxCategory"), allowance.tax)


def _tax_line(parent: Element, line: TaxLine) -> None:
    _amount(parent, "cbc:TaxableAmount", line.base)
    _amount(parent, "cbc:TaxAmount", line.amount)
    code = codes.EXEMPTION_CODES.get(line.tax.category, "")
    _tax(group(parent, "cac:TaxCategory"), line.tax, code, line.exemption_reason)


def _tax(parent: Element, tax: Tax, code: str = "", reason: str = "") -> None:
    put(parent, "cbc:ID", tax.category)
    put(parent, "cbc:Percent", number(tax.percent))
    put(parent, "cbc:TaxExemptionReasonCode", code)
    put(parent, "cbc:TaxExemptionReason", reason)
    put(group(parent, "cac:TaxScheme"), "cbc:ID", "VAT")


def _sums(parent: Element, document: InvoiceDocument) -> None:
    _amount(parent, "cbc:LineExtensionAmount", document.lines_total)
    _amount(parent, "cbc:TaxExclusiveAmount", document.subtotal)
    _amount(parent, "cbc:TaxInclusiveAmount", document.total)
    if document.allowances:
        _amount(parent, "cbc:AllowanceTotalAmount", document.allowances_total)
    if document.paid.minor_units:
        _amount(parent, "cbc:PrepaidAmount", document.paid)
    _amount(parent, "cbc:PayableAmount", document.due)


def _line(parent: Element, position: int, line: DocumentLine, quantity: str) -> None:
    put(parent, "cbc:ID", str(position))
    put(parent, f"cbc:{quantity}", number(line.quantity), unitCode=codes.unit_code(line.unit))
    _amount(parent, "cbc:LineExtensionAmount", line.amount)
    item = group(parent, "cac:Item")
    put(item, "cbc:Name", line.text)
    _tax(group(item, "cac:ClassifiedTaxCategory"), line.tax)
    put(group(parent, "cac:Price"), "cbc:PriceAmount", number(line.price), currencyID=line.amount.currency_code)


def _amount(parent: Element, name: str, amount: Money) -> None:
    put(parent, name, f"{amount.to_decimal():f}", currencyID=amount.currency_code)


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()
