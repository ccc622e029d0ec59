"""Invoices: issued once, numbered without gaps, never changed but for their state."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.billing.domain.pricing import Price, PriceLine
from services.kernel.errors import failed_precondition, invalid
from services.kernel.money import Money


class InvoiceState(StrEnum):
    """Whether an invoice was paid."""

    OPEN = "OPEN"
    PAID = "PAID"
    VOID = "VOID"


class Invoice(NamedTuple):
    """The bill for one charging session; amounts in one currency."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFilter:
    """Which invoices a list holds; an empty or None field does not narrow it."""

    driver_id: str = ""
    state: InvoiceState | None = None
    charging_session_id: str = ""
    issue_time_from: datetime | None = None
    issue_time_to: datetime | None = None


def issued(
    invoice_id: str, number: str, driver_id: str | None, charging_session_id: str, price: Price, now: datetime
) -> Invoice:
    """The invoice for a price. One over nothing is paid from the start."""
    nothing = Money(price.total.currency_code, 0)
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
    )


def number_of(year: int, count: int) -> str:
    """The number of the `count`th invoice of a year."""
    return f"{year}-{count:06d}"


def voided(invoice: Invoice) -> Invoice:
    """`invoice`, taken back because a corrected one replaces it."""
    return invoice._replace(state=InvoiceState.VOID)


def paid(invoice: Invoice, amount: Money | None) -> tuple[Invoice, Money]:
    """`invoice` after a payment of `amount` (None: all that is open), and what was paid.

    Raises: INVOICE_NOT_PAYABLE; INVALID_FIELD for more than is open, nothing, or another currency.
    """
    if invoice.state is not InvoiceState.OPEN:
        raise failed_precondition("INVOICE_NOT_PAYABLE", f"invoice {invoice.number} is {invoice.state.lower()}")
    open_amount = invoice.total - invoice.paid
    amount = amount or open_amount
    if amount.currency_code != invoice.total.currency_code:
        raise invalid("payment.amount", f"must be in {invoice.total.currency_code}")
    if not 0 < amount.minor_units <= open_amount.minor_units:
        raise invalid("payment.amount", f"must be more than 0 and at most {open_amount.to_decimal()}")
    sum_paid = invoice.paid + amount
    state = InvoiceState.PAID if sum_paid == invoice.total else InvoiceState.OPEN
    return invoice._replace(paid=sum_paid, state=state), amount
