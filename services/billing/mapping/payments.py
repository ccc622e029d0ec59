"""Payments and payment methods."""

from csms.billing.v1 import invoice_pb2 as payment_pb
from services.billing.domain.payment import Payment, PaymentMethod, PaymentMethodKind, PaymentRequest
from services.billing.mapping.money import money_of
from services.kernel.errors import invalid
from services.rpc.protobuf import enum_of, money_to_proto, timestamp


def payment_request(message: payment_pb.Payment) -> PaymentRequest:
    """A payment as a caller enters it. Raises: INVALID_FIELD."""
    return PaymentRequest(
        invoice_id=message.invoice_id,
        payment_method_id=message.payment_method_id or None,
        amount=money_of(message.amount, "payment.amount") if message.HasField("amount") else None,
        external_reference=message.external_reference,
    )


def payment_to_proto(payment: Payment) -> payment_pb.Payment:
    """The resource as callers see it."""
    return payment_pb.Payment(
        id=payment.id,
        invoice_id=payment.invoice_id,
        driver_id=payment.driver_id or "",
        payment_method_id=payment.payment_method_id or "",
        amount=money_to_proto(payment.amount),
        external_reference=payment.external_reference,
        create_time=timestamp(payment.create_time),
        credit_note_id=payment.credit_note_id or "",
    )


def method_kind(number: int) -> PaymentMethodKind:
    """The kind of a payment method. Raises: INVALID_FIELD for unspecified."""
    kind = enum_of(PaymentMethodKind, payment_pb.PaymentMethod.Kind, number)
    if kind is None:
        raise invalid("paymentMethod.kind", "must be set")
    return kind


def method_to_proto(method: PaymentMethod) -> payment_pb.PaymentMethod:
    """The resource as callers see it; the provider's token stays here."""
    return payment_pb.PaymentMethod(
        id=method.id,
        driver_id=method.driver_id,
        kind=payment_pb.PaymentMethod.Kind.Value(method.kind),
        label=method.label,
        is_default=method.is_default,
        create_time=timestamp(method.create_time),
    )
