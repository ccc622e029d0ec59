"""Invoices and credit notes: issued once, numbered without gaps, never changed but for state and what was paid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from services.billing.domain.pricing import Price, PriceLine
from services.kernel.errors import failed_precondition, invalid
from services.kernel.money import Money
from services.kernel.tenancy import DEFAULT_TENANT
from services.kernel.validation import Violations


class InvoiceKind(StrEnum):
    """What a document is."""

    INVOICE = "INVOICE"
    CREDIT_NOTE = "CREDIT_NOTE"


class InvoiceState(StrEnum):
    """Whether an invoice was paid, or a credit note given back; or that it was taken back."""

    OPEN = "OPEN"
    PAID = "PAID"
    VOID = "VOID"
    CREDITED = "CREDITED"
    # Given up by a person; what comes all the same is taken.
    WRITTEN_OFF = "WRITTEN_OFF"


class WriteOff(NamedTuple):
    """That a person gave up what was not paid, why and when."""

    reason: str
    written_off_by: str
    time: datetime


class Invoice(NamedTuple):
    """The bill for one charging session, or a credit note for one; amounts in one currency.

    Those of a credit note are negative: `paid` is what was given back, counted for the next invoice, or had never been
    paid. It names the invoice that it corrects, and a CREDITED invoice its credit note.
    """

    id: str
    number: str
    driver_id: str | None
    charging_session_id: str
    state: InvoiceState
    issue_time: datetime
    total: Money
    tax: Money
    paid: Money
    lines: Sequence[PriceLine]
    kind: InvoiceKind = InvoiceKind.INVOICE
    corrected_invoice_id: str | None = None
    credit_note_id: str | None = None
    tenant_id: str = DEFAULT_TENANT
    due_time: datetime | None = None
    write_off: WriteOff | None = None

    @property
    def is_open(self) -> bool:
        """Whether it stands and is not paid in full."""
        return self.state is InvoiceState.OPEN

    @property
    def open_amount(self) -> Money:
        """What is still to be paid; of a credit note, negative, what is to be given back."""
        return self.total - self.paid


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFilter:
    """Which invoices a list holds; an empty or None field does not narrow it."""

    driver_id: str = ""
    state: InvoiceState | None = None
    kind: InvoiceKind | None = None
    charging_session_id: str = ""
    issue_time_from: datetime | None = None
    issue_time_to: datetime | None = None
    due_before: datetime | None = None


def issued(
    invoice_id: str,
    number: str,
    driver_id: str | None,
    charging_session_id: str,
    price: Price,
    now: datetime,
    tenant_id: str = DEFAULT_TENANT,
    payment_days: int | None = None,
) -> Invoice:
    """The invoice for a price, due in `payment_days` if that is said. One over nothing is paid from the start."""
    nothing = Money(price.total.currency_code, 0)
    is_due = price.total > nothing and payment_days is not None
    return Invoice(
        id=invoice_id,
        number=number,
        driver_id=driver_id,
        charging_session_id=charging_session_id,
        state=InvoiceState.OPEN if price.total > nothing else InvoiceState.PAID,
        issue_time=now,
        total=price.total,
        tax=price.tax,
        paid=nothing,
        lines=price.lines,
        tenant_id=tenant_id,
        due_time=now + timedelta(days=payment_days or 0) if is_due else None,
    )


def number_of(year: int, count: int, kind: InvoiceKind = InvoiceKind.INVOICE) -> str:
    """The number of the `count`th document of its kind that a tenant issues in a year."""
    return f"{_PREFIXES[kind]}{year}-{count:06d}"


def voided(invoice: Invoice) -> Invoice:
    """`invoice`, for which nothing was paid, taken back."""
    return invoice._replace(state=InvoiceState.VOID)


def credited(invoice: Invoice, note_id: str, number: str, now: datetime) -> tuple[Invoice, Invoice]:
    """`invoice`, for which money was paid, taken back, and the credit note that does it."""
    note = Invoice(
        id=note_id,
        number=number,
        driver_id=invoice.driver_id,
        charging_session_id=invoice.charging_session_id,
        state=InvoiceState.OPEN,
        issue_time=now,
        total=-invoice.total,
        tax=-invoice.tax,
        # What was not paid need not be given back.
        paid=-invoice.open_amount,
        lines=[line._replace(quantity=-line.quantity, amount=-line.amount) for line in invoice.lines],
        kind=InvoiceKind.CREDIT_NOTE,
        corrected_invoice_id=invoice.id,
        tenant_id=invoice.tenant_id,
    )
    return invoice._replace(state=InvoiceState.CREDITED, credit_note_id=note_id), note


def carried_over(note: Invoice, invoice: Invoice) -> tuple[Invoice, Invoice, Money]:
    """A credit note and the next invoice after the money of the one was counted for the other, and how much that was.

    Nothing is when somebody else pays now, or in another currency.
    """
    nothing = Money(invoice.total.currency_code, 0)
    if (note.driver_id, note.total.currency_code) != (invoice.driver_id, invoice.total.currency_code):
        return note, invoice, nothing
    amount = min(-note.open_amount, invoice.open_amount)
    return _paid(note, -amount), _paid(invoice, amount), amount


def paid(invoice: Invoice, amount: Money | None) -> tuple[Invoice, Money]:
    """`invoice` after a payment of `amount` (None: all that is open), and what was paid.

    Of a credit note money is given back: amounts are negative. Raises: INVOICE_NOT_PAYABLE; INVALID_FIELD for more than
    is open, nothing, or another currency.
    """
    if invoice.state not in (InvoiceState.OPEN, InvoiceState.WRITTEN_OFF):
        raise failed_precondition("INVOICE_NOT_PAYABLE", f"invoice {invoice.number} is {invoice.state.lower()}")
    open_amount = invoice.open_amount
    amount = amount or open_amount
    if amount.currency_code != invoice.total.currency_code:
        raise invalid("payment.amount", f"must be in {invoice.total.currency_code}")
    if invoice.kind is InvoiceKind.CREDIT_NOTE:
        if not open_amount.minor_units <= amount.minor_units < 0:
            bounds = f"at least {open_amount.to_decimal()} and less than 0"
            raise invalid("payment.amount", f"must be {bounds}: on a credit note money is given back")
    elif not 0 < amount.minor_units <= open_amount.minor_units:
        raise invalid("payment.amount", f"must be more than 0 and at most {open_amount.to_decimal()}")
    return _paid(invoice, amount), amount


def written_off(invoice: Invoice, reason: str, written_off_by: str, now: datetime) -> Invoice:
    """`invoice` after a person gave up what is not paid of it; one that was given up before stays as it is.

    Raises: INVALID_FIELD, INVOICE_NOT_PAYABLE.
    """
    violations = Violations()
    violations.text("reason", reason.strip(), longest=1000, shortest=1)
    violations.raise_if_any()
    if invoice.state is InvoiceState.WRITTEN_OFF:
        return invoice
    if invoice.state is not InvoiceState.OPEN or invoice.kind is not InvoiceKind.INVOICE:
        what = f"{invoice.kind.replace('_', ' ').lower()} {invoice.number}"
        raise failed_precondition(
            "INVOICE_NOT_PAYABLE", f"{what} is {invoice.state.lower()}: nothing is to be written off"
        )
    return invoice._replace(state=InvoiceState.WRITTEN_OFF, write_off=WriteOff(reason.strip(), written_off_by, now))


def _paid(invoice: Invoice, amount: Money) -> Invoice:
    sum_paid = invoice.paid + amount
    state = InvoiceState.PAID if sum_paid == invoice.total else invoice.state
    return invoice._replace(paid=sum_paid, state=state)


_PREFIXES = {InvoiceKind.INVOICE: "", InvoiceKind.CREDIT_NOTE: "CN-"}
