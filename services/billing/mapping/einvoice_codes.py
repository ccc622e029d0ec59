"""The codes that both syntaxes of EN 16931 share."""

from services.billing.domain.invoice_document import InvoiceDocument, TaxCategory

SPECIFICATION = "urn:cen.eu:en16931:2017"
# UNTDID 1001.
INVOICE, CREDIT_NOTE = "380", "381"
# The list of electronic addresses, EAS: an e-mail address.
EMAIL = "EM"
# VATEX, for the categories that have a code of their own.
EXEMPTION_CODES = {TaxCategory.REVERSE_CHARGE: "VATEX-EU-AE"}

# UN/ECE Recommendation 20; C62 is "one".
_UNITS = {"kWh": "KWH", "h": "HUR", "min": "MIN", "session": "C62"}
# UNTDID 4461.
_CREDIT_TRANSFER, _SEPA_CREDIT_TRANSFER = "30", "58"
_EURO = "EUR"


def unit_code(unit: str) -> str:
    """The code of one of our units."""
    return _UNITS.get(unit, "C62")


def payment_means(document: InvoiceDocument) -> str:
    """By which means a document is to be paid; empty when nothing is, or it is not said how."""
    is_paid_to = document.seller is not None and document.seller.iban and not document.is_credit_note
    if not is_paid_to or document.due.minor_units <= 0:
        return ""
    return _SEPA_CREDIT_TRANSFER if document.total.currency_code == _EURO else _CREDIT_TRANSFER


def notes(document: InvoiceDocument) -> list[str]:
    """What is said besides."""
    told = "" if document.seller is None else document.seller.note.strip()
    return [f"Charging session {document.invoice.charging_session_id}", *([told] if told else [])]


def payment_terms(document: InvoiceDocument) -> str:
    """What is to be known of a sum that has no day by which it is due: that of a credit note."""
    return "This amount is given back." if document.is_credit_note and document.due.minor_units else ""
