"""What a code says by which banking apps prepare a transfer (EPC069-12, version 2): lines in a fixed order."""

from services.billing.domain.invoice_document import InvoiceDocument
from services.kernel.money import Money

_EURO = "EUR"
_LONGEST_NAME = 70
# EPC069-12: what a code of the greatest size that is allowed holds.
_MOST_BYTES = 331
_MOST = Money(_EURO, 99_999_999_999)


def transfer_code(document: InvoiceDocument) -> str | None:
    """What the code of a document says; None where nothing is to be paid by a transfer in euros."""
    seller, due = document.seller, document.due
    if seller is None or not seller.iban or document.is_credit_note or not document.invoice.is_open:
        return None
    if due.currency_code != _EURO or not 0 < due.minor_units <= _MOST.minor_units:
        return None
    name = " ".join(seller.name.split())[:_LONGEST_NAME]
    # UTF-8, a SEPA credit transfer; no purpose and no structured reference, then the text that the payee sees.
    lines = ("BCD", "002", "1", "SCT", seller.bic, name, seller.iban, f"{_EURO}{due.to_decimal():f}", "", "")
    text = "\n".join((*lines, document.invoice.number))
    return text if len(text.encode()) <= _MOST_BYTES else None
