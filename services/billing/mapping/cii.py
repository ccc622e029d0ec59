"""A document as an electronic invoice in UN/CEFACT CII, as EN 16931 binds it (CEN/TS 16931-3-3) and Factur-X
and ZUGFeRD embed it."""

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
from services.billing.domain.party import Customer, Seller
from services.billing.mapping import einvoice_codes as codes
from services.billing.mapping.xml_text import group, number, put, root, written
from services.kernel.money import Money

_URN = "urn:un:unece:uncefact:data:standard"
_PREFIXES = {
    "rsm": f"{_URN}:CrossIndustryInvoice:100",
    "ram": f"{_URN}:ReusableAggregateBusinessInformationEntity:100",
    "udt": f"{_URN}:UnqualifiedDataType:100",
    "qdt": f"{_URN}:QualifiedDataType:100",
}
# UNTDID 2379: YYYYMMDD.
_DAY = "102"


def cii(document: InvoiceDocument) -> bytes:
    """The file. Raises: ELECTRONIC_INVOICE_INCOMPLETE."""
    seller, customer = require_electronic(document)
    top = root("rsm:CrossIndustryInvoice", _PREFIXES)
    context = group(top, "rsm:ExchangedDocumentContext", "ram:GuidelineSpecifiedDocumentContextParameter")
    put(context, "ram:ID", codes.SPECIFICATION)
    _head(group(top, "rsm:ExchangedDocument"), document)
    trade = group(top, "rsm:SupplyChainTradeTransaction")
    for position, line in enumerate(document.lines, start=1):
        _line(group(trade, "ram:IncludedSupplyChainTradeLineItem"), position, line)
    agreement = group(trade, "ram:ApplicableHeaderTradeAgreement")
    put(agreement, "ram:BuyerReference", customer.reference)
    _party(group(agreement, "ram:SellerTradeParty"), seller, seller.tax_number)
    _party(group(agreement, "ram:BuyerTradeParty"), customer)
    delivery = group(trade, "ram:ApplicableHeaderTradeDelivery")
    if document.place:
        put(group(delivery, "ram:ShipToTradeParty"), "ram:ID", document.place)
    if document.delivered is not None:
        event = group(delivery, "ram:ActualDeliverySupplyChainEvent")
        _day(event, "ram:OccurrenceDateTime", document.delivered[1])
    _settlement(group(trade, "ram:ApplicableHeaderTradeSettlement"), document, seller)
    return written(top)


def _head(parent: Element, document: InvoiceDocument) -> None:
    put(parent, "ram:ID", document.invoice.number)
    put(parent, "ram:TypeCode", codes.CREDIT_NOTE if document.is_credit_note else codes.INVOICE)
    _day(parent, "ram:IssueDateTime", document.issue_date)
    for note in codes.notes(document):
        put(group(parent, "ram:IncludedNote"), "ram:Content", note)


def _line(parent: Element, position: int, line: DocumentLine) -> None:
    put(group(parent, "ram:AssociatedDocumentLineDocument"), "ram:LineID", str(position))
    put(group(parent, "ram:SpecifiedTradeProduct"), "ram:Name", line.text)
    price = group(parent, "ram:SpecifiedLineTradeAgreement", "ram:NetPriceProductTradePrice")
    put(price, "ram:ChargeAmount", number(line.price))
    delivery = group(parent, "ram:SpecifiedLineTradeDelivery")
    put(delivery, "ram:BilledQuantity", number(line.quantity), unitCode=codes.unit_code(line.unit))
    settlement = group(parent, "ram:SpecifiedLineTradeSettlement")
    _tax(group(settlement, "ram:ApplicableTradeTax"), line.tax)
    sums = group(settlement, "ram:SpecifiedTradeSettlementLineMonetarySummation")
    _amount(sums, "ram:LineTotalAmount", line.amount)


def _party(parent: Element, told: Seller | Customer, tax_number: str = "") -> None:
    # BR-CO-26: who sells has a VAT id, or another name that is his alone; a number for taxes is not enough.
    if tax_number and not told.vat_id:
        put(parent, "ram:ID", tax_number)
    put(parent, "ram:Name", told.name)
    address = group(parent, "ram:PostalTradeAddress")
    put(address, "ram:PostcodeCode", told.address.post_code)
    put(address, "ram:LineOne", told.address.street)
    put(address, "ram:CityName", told.address.city)
    put(address, "ram:CountryID", told.address.country_code)
    if told.email:
        put(group(parent, "ram:URIUniversalCommunication"), "ram:URIID", told.email, schemeID=codes.EMAIL)
    for name, scheme in ((told.vat_id, "VA"), (tax_number, "FC")):
        if name:
            put(group(parent, "ram:SpecifiedTaxRegistration"), "ram:ID", name, schemeID=scheme)


def _settlement(parent: Element, document: InvoiceDocument, seller: Seller) -> None:
    means = codes.payment_means(document)
    if means:
        put(parent, "ram:PaymentReference", document.invoice.number)
    put(parent, "ram:InvoiceCurrencyCode", document.total.currency_code)
    if means:
        _payment(group(parent, "ram:SpecifiedTradeSettlementPaymentMeans"), means, seller)
    for tax in document.taxes:
        _tax_line(group(parent, "ram:ApplicableTradeTax"), tax)
    if document.delivered is not None:
        period = group(parent, "ram:BillingSpecifiedPeriod")
        _day(period, "ram:StartDateTime", document.delivered[0])
        _day(period, "ram:EndDateTime", document.delivered[1])
    for allowance in document.allowances:
        _allowance(group(parent, "ram:SpecifiedTradeAllowanceCharge"), allowance)
    _terms(parent, document)
    _sums(group(parent, "ram:SpecifiedTradeSettlementHeaderMonetarySummation"), document)
    if document.corrected is not None:
        earlier = group(parent, "ram:InvoiceReferencedDocument")
        put(earlier, "ram:IssuerAssignedID", document.corrected.number)
        stamp = group(earlier, "ram:FormattedIssueDateTime")
        day = f"{document.corrected.issue_time:%Y%m%d}"
        put(stamp, "qdt:DateTimeString", day, format=_DAY)


def _payment(parent: Element, means: str, seller: Seller) -> None:
    put(parent, "ram:TypeCode", means)
    put(group(parent, "ram:PayeePartyCreditorFinancialAccount"), "ram:IBANID", seller.iban)
    if seller.bic:
        put(group(parent, "ram:PayeeSpecifiedCreditorFinancialInstitution"), "ram:BICID", seller.bic)


def _terms(parent: Element, document: InvoiceDocument) -> None:
    told, due_date = codes.payment_terms(document), document.due_date
    if told or due_date is not None:
        terms = group(parent, "ram:SpecifiedTradePaymentTerms")
        put(terms, "ram:Description", told)
        if due_date is not None:
            _day(terms, "ram:DueDateDateTime", due_date)


def _tax_line(parent: Element, line: TaxLine) -> None:
    _amount(parent, "ram:CalculatedAmount", line.amount)
    put(parent, "ram:TypeCode", "VAT")
    put(parent, "ram:ExemptionReason", line.exemption_reason)
    _amount(parent, "ram:BasisAmount", line.base)
    put(parent, "ram:CategoryCode", line.tax.category)
    put(parent, "ram:ExemptionReasonCode", codes.EXEMPTION_CODES.get(line.tax.category, ""))
    put(parent, "ram:RateApplicablePercent", number(line.tax.percent))


def _tax(parent: Element, tax: Tax) -> None:
    put(parent, "ram:TypeCode", "VAT")
    put(parent, "ram:CategoryCode", tax.category)
    put(parent, "ram:RateApplicablePercent", number(tax.percent))


def _allowance(parent: Element, allowance: Allowance) -> None:
    put(group(parent, "ram:ChargeIndicator"), "udt:Indicator", "false")
    _amount(parent, "ram:ActualAmount", allowance.amount)
    put(parent, "ram:Reason", allowance.reason)
    _tax(group(parent, "ram:CategoryTradeTax"), allowance.tax)


def _sums(parent: Element, document: InvoiceDocument) -> None:
    _amount(parent, "ram:LineTotalAmount", document.lines_total)
    if document.allowances:
        _amount(parent, "ram:AllowanceTotalAmount", document.allowances_total)
    _amount(parent, "ram:TaxBasisTotalAmount", document.subtotal)
    put(parent, "ram:TaxTotalAmount", f"{document.tax.to_decimal():f}", currencyID=document.tax.currency_code)
    _amount(parent, "ram:GrandTotalAmount", document.total)
    if document.paid.minor_units:
        _amount(parent, "ram:TotalPrepaidAmount", document.paid)
    _amount(parent, "ram:DuePayableAmount", document.due)


def _amount(parent: Element, name: str, amount: Money) -> None:
    put(parent, name, f"{amount.to_decimal():f}")


def _day(parent: Element, name: str, day: date) -> None:
    put(group(parent, name), "udt:DateTimeString", f"{day:%Y%m%d}", format=_DAY)
