"""Sellers and customers of invoices."""

from typing import Any

from csms.billing.v1 import invoice_party_pb2 as party_pb
from csms.billing.v1 import invoice_party_service_pb2 as service_pb
from services.billing.domain.party import Address, Customer, Seller
from services.billing.domain.taxation import TaxTreatment
from services.rpc import masks
from services.rpc.protobuf import Fields, enum_of, read, timestamp

_SELLER_FIELDS: Fields = {
    "name": lambda seller: seller.name,
    "address": lambda seller: _address(seller.address),
    "vat_id": lambda seller: seller.vat_id,
    "tax_number": lambda seller: seller.tax_number,
    "email": lambda seller: seller.email,
    "iban": lambda seller: seller.iban,
    "bic": lambda seller: seller.bic,
    "payment_days": lambda seller: seller.payment_days,
    "note": lambda seller: seller.note,
}
_CUSTOMER_FIELDS: Fields = {
    "name": lambda customer: customer.name,
    "address": lambda customer: _address(customer.address),
    "vat_id": lambda customer: customer.vat_id,
    "email": lambda customer: customer.email,
    "tax_treatment": lambda customer: _treatment(customer.tax_treatment),
    "exemption_reason": lambda customer: customer.exemption_reason,
    "reference": lambda customer: customer.reference,
}


def seller_changes(request: service_pb.UpdateInvoiceSellerRequest) -> dict[str, Any]:
    """The fields an update changes, with their new values. Raises: INVALID_UPDATE_MASK, INVALID_FIELD."""
    names = masks.updated_fields(request.seller, request.update_mask, _SELLER_FIELDS.keys())
    return read(request.seller, _SELLER_FIELDS, names)


def seller_to_proto(seller: Seller) -> party_pb.InvoiceSeller:
    """The resource as callers see it."""
    return party_pb.InvoiceSeller(
        name=seller.name,
        address=_address_to_proto(seller.address),
        vat_id=seller.vat_id,
        tax_number=seller.tax_number,
        email=seller.email,
        iban=seller.iban,
        bic=seller.bic,
        payment_days=seller.payment_days,
        note=seller.note,
        create_time=timestamp(seller.create_time),
        update_time=timestamp(seller.update_time),
        etag=str(seller.version),
    )


def customer_changes(request: service_pb.UpdateInvoiceCustomerRequest) -> dict[str, Any]:
    """The fields an update changes, with their new values. Raises: INVALID_UPDATE_MASK, INVALID_FIELD."""
    names = masks.updated_fields(request.customer, request.update_mask, _CUSTOMER_FIELDS.keys())
    return read(request.customer, _CUSTOMER_FIELDS, names)


def customer_to_proto(customer: Customer) -> party_pb.InvoiceCustomer:
    """The resource as callers see it."""
    return party_pb.InvoiceCustomer(
        driver_id=customer.driver_id,
        name=customer.name,
        address=_address_to_proto(customer.address),
        vat_id=customer.vat_id,
        email=customer.email,
        tax_treatment=party_pb.InvoiceCustomer.TaxTreatment.Value(customer.tax_treatment),
        exemption_reason=customer.exemption_reason,
        reference=customer.reference,
        create_time=timestamp(customer.create_time),
        update_time=timestamp(customer.update_time),
        etag=str(customer.version),
    )


def _treatment(number: int) -> TaxTreatment:
    return enum_of(TaxTreatment, party_pb.InvoiceCustomer.TaxTreatment, number) or TaxTreatment.STANDARD


def _address(message: party_pb.PostalAddress) -> Address:
    return Address(message.street, message.post_code, message.city, message.country_code)


def _address_to_proto(address: Address) -> party_pb.PostalAddress:
    return party_pb.PostalAddress(
        street=address.street, post_code=address.post_code, city=address.city, country_code=address.country_code
    )
