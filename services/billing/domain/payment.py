"""Payments of invoices, and the ways in which drivers pay."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.kernel.errors import invalid, not_found
from services.kernel.money import Money
from services.kernel.tenancy import owner_of_new
from services.kernel.validation import Violations


class PaymentMethodKind(StrEnum):
    """Kind of payment method."""

    CARD = "CARD"
    DIRECT_DEBIT = "DIRECT_DEBIT"
    BANK_TRANSFER = "BANK_TRANSFER"
    WALLET = "WALLET"
    CASH = "CASH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment of an invoice, as it was recorded; by a credit note when its money was paid for the invoice before."""

    id: str
    invoice_id: str
    driver_id: str | None
    payment_method_id: str | None
    amount: Money
    external_reference: str
    create_time: datetime
    credit_note_id: str | None = None
    tenant_id: str = field(default_factory=owner_of_new)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRequest:
    """A payment as a caller enters it; no amount means all that is open."""

    invoice_id: str
    payment_method_id: str | None
    amount: Money | None
    external_reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFilter:
    """Which payments a list holds; an empty field does not narrow it."""

    driver_id: str = ""
    invoice_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    """A way in which a driver pays."""

    id: str
    driver_id: str
    kind: PaymentMethodKind
    label: str
    provider_token: str = ""
    is_default: bool = False
    create_time: datetime
    tenant_id: str = field(default_factory=owner_of_new)


def check_payment(request: PaymentRequest) -> None:
    """Raises: INVALID_FIELD with every field out of bounds."""
    violations = Violations("payment")
    violations.text("externalReference", request.external_reference, longest=200)
    violations.raise_if_any()


def recorded_before(earlier: Payment, request: PaymentRequest) -> Payment:
    """`earlier`, which has the reference of a request, if that asks for the same. Raises: INVALID_FIELD."""
    same_amount = request.amount is None or request.amount == earlier.amount
    if earlier.invoice_id != request.invoice_id or not same_amount:
        raise invalid("payment.externalReference", "is the reference of another payment")
    return earlier


def require_usable(method: PaymentMethod, driver_id: str | None) -> None:
    """Raises: PAYMENT_METHOD_NOT_FOUND when the invoice of `driver_id` cannot be paid by it."""
    if driver_id not in (None, method.driver_id):
        raise not_found("payment method", method.id)


def validated(method: PaymentMethod) -> PaymentMethod:
    """`method` itself. Raises: INVALID_FIELD with every field out of bounds."""
    violations = Violations("paymentMethod")
    violations.text("label", method.label.strip(), longest=200, shortest=1)
    violations.text("providerToken", method.provider_token, longest=500)
    violations.raise_if_any()
    return method
