"""Payments and payment methods over gRPC."""

import asyncio
from typing import Any

import pytest

from csms.billing.v1 import invoice_pb2 as payment_pb
from csms.billing.v1.invoice_service_pb2 import GetInvoiceRequest
from csms.billing.v1.payment_service_pb2 import (
    CreatePaymentMethodRequest,
    CreatePaymentRequest,
    ListPaymentMethodsRequest,
    ListPaymentsRequest,
)
from services.kernel.errors import ErrorKind
from services.kernel.ids import derived_id
from tests.contract.services.billing.conftest import Bill, Caller
from tests.contract.services.billing.messages import DRIVER, OTHER_DRIVER, amount, fields_of, money, refusal
from tests.contract.services.billing.neighbours import Neighbours

UNKNOWN = derived_id("payment", "unknown")
PaymentMethod = payment_pb.PaymentMethod


async def _pay(admin: Caller, invoice: payment_pb.Invoice, request_id: str = "", **fields: Any) -> payment_pb.Payment:
    payment = payment_pb.Payment(**{"invoice_id": invoice.id, **fields})
    request = CreatePaymentRequest(payment=payment, request_id=request_id)
    return (await admin.payments.CreatePayment(request)).payment


async def _add_method(caller: Caller, request_id: str = "", **fields: Any) -> PaymentMethod:
    usual: dict[str, Any] = {"driver_id": DRIVER, "kind": PaymentMethod.CARD, "label": "Visa ending in 4242"}
    request = CreatePaymentMethodRequest(payment_method=PaymentMethod(**{**usual, **fields}), request_id=request_id)
    return (await caller.payments.CreatePaymentMethod(request)).payment_method


async def _invoice(admin: Caller, id: str) -> tuple[str, str]:
    """State and what was paid."""
    invoice = (await admin.invoices.GetInvoice(GetInvoiceRequest(id=id))).invoice
    return payment_pb.Invoice.State.Name(invoice.state), amount(invoice.paid)


async def _payments(admin: Caller, **fields: Any) -> list[str]:
    return [one.id for one in (await admin.payments.ListPayments(ListPaymentsRequest(**fields))).payments]


@pytest.fixture(autouse=True)
def known_drivers(neighbours: Neighbours) -> None:
    neighbours.tiers.update({DRIVER: "BASIC", OTHER_DRIVER: "BASIC"})


async def test_an_invoice_is_paid_in_parts(admin: Caller, bill: Bill) -> None:
    invoice = await bill()
    call = admin.payments.CreatePayment(
        CreatePaymentRequest(payment=payment_pb.Payment(invoice_id=invoice.id, amount=money("1.76")))
    )
    part = (await call).payment
    metadata = dict(await call.initial_metadata())
    assert (metadata["x-http-code"], metadata["location"]) == ("201", f"/payments?invoiceId={invoice.id}")
    assert (part.driver_id, amount(part.amount)) == (DRIVER, "1.76 EUR")
    assert await _invoice(admin, invoice.id) == ("OPEN", "1.76 EUR")
    rest = await _pay(admin, invoice)
    assert amount(rest.amount) == "3.00 EUR"
    assert await _invoice(admin, invoice.id) == ("PAID", "4.76 EUR")
    refused = await refusal(_pay(admin, invoice, amount=money("0.01")))
    assert (refused.kind, refused.reason) == (ErrorKind.FAILED_PRECONDITION, "INVOICE_NOT_PAYABLE")
    assert await _payments(admin, invoice_id=invoice.id) == [rest.id, part.id]


async def test_payments_at_the_same_time_never_exceed_the_total(admin: Caller, bill: Bill) -> None:
    invoice = await bill()
    outcomes = await asyncio.gather(
        *(_pay(admin, invoice, amount=money("1.00")) for _ in range(8)), return_exceptions=True
    )
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 4
    assert await _invoice(admin, invoice.id) == ("OPEN", "4.00 EUR")


async def test_a_payment_is_recorded_once_by_request_and_by_reference(admin: Caller, bill: Bill) -> None:
    invoice = await bill()
    one = money("1.00")
    by_request = await asyncio.gather(*(_pay(admin, invoice, "once", amount=one) for _ in range(4)))
    assert len({payment.id for payment in by_request}) == 1
    by_reference = await asyncio.gather(
        *(_pay(admin, invoice, f"r{number}", amount=one, external_reference="bank 7") for number in range(4))
    )
    assert len({payment.id for payment in by_reference}) == 1
    # A request that was answered with an earlier payment is not lost when it is repeated.
    assert (await _pay(admin, invoice, "r3", amount=one, external_reference="bank 7")).id == by_reference[0].id
    assert await _invoice(admin, invoice.id) == ("OPEN", "2.00 EUR")
    await _pay(admin, invoice, "last")
    assert (await _pay(admin, invoice, "once", amount=one)).id == by_request[0].id
    assert (await refusal(_pay(admin, invoice, "once"))).reason == "REQUEST_ID_REUSED"
    assert await _invoice(admin, invoice.id) == ("PAID", "4.76 EUR")


async def test_a_reference_belongs_to_one_payment(admin: Caller, bill: Bill) -> None:
    first, second = await bill(), await bill()
    await _pay(admin, first, amount=money("1.00"), external_reference="bank 7")
    for invoice, expected in ((second, money("1.00")), (first, money("2.00"))):
        refused = await refusal(_pay(admin, invoice, external_reference="bank 7", amount=expected))
        assert (refused.kind, fields_of(refused)) == (ErrorKind.INVALID_ARGUMENT, ["payment.externalReference"])
    outcomes = await asyncio.gather(
        *(_pay(admin, invoice, external_reference="bank 8") for invoice in (first, second)), return_exceptions=True
    )
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert len(await _payments(admin)) == 2


async def test_payments_come_by_methods_of_the_driver(admin: Caller, bill: Bill) -> None:
    invoice = await bill()
    own, foreign = await _add_method(admin), await _add_method(admin, driver_id=OTHER_DRIVER)
    for method_id in (UNKNOWN, "no id", foreign.id):
        refused = await refusal(_pay(admin, invoice, payment_method_id=method_id))
        assert (refused.kind, refused.reason) == (ErrorKind.NOT_FOUND, "PAYMENT_METHOD_NOT_FOUND")
    assert (await _pay(admin, invoice, payment_method_id=own.id)).payment_method_id == own.id


async def test_payments_are_listed_and_narrowed_the_newest_first(admin: Caller, bill: Bill) -> None:
    first, second = await bill(), await bill(driver_id=OTHER_DRIVER)
    made = [(await _pay(admin, invoice, amount=money("0.50"))).id for invoice in (first, first, second)]
    assert await _payments(admin) == made[::-1]
    assert await _payments(admin, driver_id=DRIVER) == [made[1], made[0]]
    assert await _payments(admin, invoice_id=second.id) == [made[2]]
    assert await _payments(admin, driver_id="no id") == []
    page = await admin.payments.ListPayments(ListPaymentsRequest(page_size=2))
    assert (len(page.payments), page.total_size) == (2, 3)
    assert await _payments(admin, page_size=2, page_token=page.next_page_token) == [made[0]]


async def test_a_bad_payment_is_refused_by_name(admin: Caller, bill: Bill) -> None:
    invoice = await bill()
    cases: list[tuple[dict[str, Any], str]] = [
        ({"invoice_id": ""}, "payment.invoiceId"),
        ({"amount": money("4.77")}, "payment.amount"),
        ({"amount": money("0")}, "payment.amount"),
        ({"amount": money("-1")}, "payment.amount"),
        ({"amount": money("1", "USD")}, "payment.amount"),
        ({"amount": money("1", "")}, "payment.amount"),
        ({"amount": money("0.001")}, "payment.amount"),
        ({"external_reference": "x" * 201}, "payment.externalReference"),
        ({"request_id": "x" * 101}, "requestId"),
    ]
    for fields, named in cases:
        assert fields_of(await refusal(_pay(admin, invoice, **fields))) == [named]
    assert await _invoice(admin, invoice.id) == ("OPEN", "0.00 EUR")
    assert (await refusal(_pay(admin, payment_pb.Invoice(id=UNKNOWN)))).reason == "INVOICE_NOT_FOUND"


async def test_the_first_method_of_a_driver_becomes_the_default_until_another_one_is(admin: Caller) -> None:
    first = await _add_method(admin, provider_token="secret")
    assert (first.is_default, first.provider_token) == (True, "")
    second = await _add_method(admin, kind=PaymentMethod.CASH)
    third = await _add_method(admin, is_default=True)
    foreign = await _add_method(admin, driver_id=OTHER_DRIVER)
    listed = await admin.payments.ListPaymentMethods(ListPaymentMethodsRequest(driver_id=DRIVER))
    assert [(one.id, one.is_default) for one in listed.payment_methods] == [
        (third.id, True),
        (second.id, False),
        (first.id, False),
    ]
    assert foreign.is_default
    page = await admin.payments.ListPaymentMethods(ListPaymentMethodsRequest(page_size=3))
    assert (len(page.payment_methods), page.total_size) == (3, 4)
    request = ListPaymentMethodsRequest(page_size=3, page_token=page.next_page_token)
    assert [one.id for one in (await admin.payments.ListPaymentMethods(request)).payment_methods] == [first.id]
    nobody = await admin.payments.ListPaymentMethods(ListPaymentMethodsRequest(driver_id="no id"))
    assert list(nobody.payment_methods) == []


async def test_of_methods_made_at_the_same_time_one_is_the_default(admin: Caller) -> None:
    made = await asyncio.gather(*(_add_method(admin) for _ in range(6)))
    assert sum(one.is_default for one in made) == 1
    await asyncio.gather(*(_add_method(admin, is_default=True) for _ in range(6)))
    listed = await admin.payments.ListPaymentMethods(ListPaymentMethodsRequest(driver_id=DRIVER))
    assert sum(one.is_default for one in listed.payment_methods) == 1


async def test_a_repeated_request_makes_one_method_of_a_driver(admin: Caller) -> None:
    made = await asyncio.gather(*(_add_method(admin, "1") for _ in range(4)))
    assert len({one.id for one in made}) == 1
    assert (await refusal(_add_method(admin, "1", driver_id=OTHER_DRIVER))).reason == "REQUEST_ID_REUSED"


async def test_a_bad_method_is_refused_by_name(admin: Caller) -> None:
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"driver_id": "", "label": ""}, ["paymentMethod.driverId", "paymentMethod.label"]),
        ({"kind": 0}, ["paymentMethod.kind"]),
        ({"label": " "}, ["paymentMethod.label"]),
        ({"provider_token": "x" * 501}, ["paymentMethod.providerToken"]),
        ({"kind": 99}, ["paymentMethod.kind"]),
    ]
    for fields, named in cases:
        assert fields_of(await refusal(_add_method(admin, **fields))) == named


async def test_a_method_needs_a_driver_who_exists(admin: Caller, neighbours: Neighbours) -> None:
    refused = await refusal(_add_method(admin, driver_id=UNKNOWN))
    assert (refused.kind, refused.reason) == (ErrorKind.NOT_FOUND, "DRIVER_NOT_FOUND")
    neighbours.away = {"driver"}
    assert (await refusal(_add_method(admin))).kind is ErrorKind.UNAVAILABLE
