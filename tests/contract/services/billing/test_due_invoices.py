"""Invoices that are due, overdue and given up, over gRPC."""

from typing import Any

import pytest

from csms.billing.v1 import invoice_pb2 as invoice_pb
from csms.billing.v1.invoice_party_service_pb2 import UpdateInvoiceSellerRequest
from csms.billing.v1.invoice_service_pb2 import (
    GetInvoicePdfRequest,
    GetInvoiceRequest,
    ListInvoicesRequest,
    WriteOffInvoiceRequest,
)
from csms.billing.v1.payment_service_pb2 import CreatePaymentRequest
from services.kernel.ids import derived_id
from tests.contract.services.billing.conftest import Bill, Books, Caller
from tests.contract.services.billing.messages import DRIVER, amount, fields_of, refusal, seller
from tests.contract.services.billing.neighbours import Neighbours
from tests.fixtures.services import RunningService

Invoice = invoice_pb.Invoice


@pytest.fixture(autouse=True)
def known_driver(neighbours: Neighbours) -> None:
    neighbours.tiers[DRIVER] = "BASIC"


async def _pay_in(admin: Caller, days: int) -> None:
    request = UpdateInvoiceSellerRequest(seller=seller(payment_days=days))
    await admin.parties.UpdateInvoiceSeller(request)


async def _listed(admin: Caller, **fields: Any) -> list[str]:
    return [one.id for one in (await admin.invoices.ListInvoices(ListInvoicesRequest(**fields))).invoices]


async def _write_off(admin: Caller, invoice_id: str, reason: str = "moved away") -> invoice_pb.Invoice:
    request = WriteOffInvoiceRequest(id=invoice_id, reason=reason)
    return (await admin.invoices.WriteOffInvoice(request)).invoice


async def test_an_invoice_is_due_by_the_terms_of_its_issue_and_overdue_after_that(admin: Caller, bill: Bill) -> None:
    without_terms = await bill()
    await _pay_in(admin, 0)
    late = await bill()
    await _pay_in(admin, 30)
    in_time = await bill()
    assert not without_terms.HasField("due_time")
    assert late.due_time == late.issue_time
    assert in_time.due_time.seconds - in_time.issue_time.seconds == 30 * 86_400
    assert await _listed(admin, overdue=True) == [late.id]
    await admin.payments.CreatePayment(CreatePaymentRequest(payment=invoice_pb.Payment(invoice_id=late.id)))
    assert await _listed(admin, overdue=True) == []


async def test_what_is_given_up_is_no_longer_open_and_says_by_whom_and_why(
    admin: Caller, bill: Bill, service: RunningService
) -> None:
    await _pay_in(admin, 0)
    invoice, other = await bill(), await bill()
    after = await _write_off(admin, invoice.id)
    assert (after.state, after.write_off_reason, after.written_off_by) == (Invoice.WRITTEN_OFF, "moved away", "ann")
    assert await _write_off(admin, invoice.id, "another") == after
    assert (await admin.invoices.GetInvoice(GetInvoiceRequest(id=invoice.id))).invoice == after
    assert await _listed(admin, state=Invoice.WRITTEN_OFF) == [invoice.id]
    assert await _listed(admin, state=Invoice.OPEN) == await _listed(admin, overdue=True) == [other.id]
    # The release before knows no such state.
    assert await Books(service.database).rows("SELECT DISTINCT state FROM invoices") == [("OPEN",)]
    assert (await admin.invoices.GetInvoicePdf(GetInvoicePdfRequest(id=invoice.id))).data
    driver = Caller(await service.channel("driver", driver_id=DRIVER))
    seen = (await driver.invoices.GetInvoice(GetInvoiceRequest(id=invoice.id))).invoice
    assert (seen.state, seen.write_off_reason, seen.written_off_by) == (Invoice.WRITTEN_OFF, "", "")


async def test_money_that_comes_all_the_same_is_taken(admin: Caller, bill: Bill) -> None:
    invoice = await _write_off(admin, (await bill()).id)
    payment = invoice_pb.Payment(invoice_id=invoice.id)
    made = (await admin.payments.CreatePayment(CreatePaymentRequest(payment=payment))).payment
    assert amount(made.amount) == "4.76 EUR"
    paid = (await admin.invoices.GetInvoice(GetInvoiceRequest(id=invoice.id))).invoice
    assert (paid.state, paid.write_off_reason) == (Invoice.PAID, "moved away")
    refused = await refusal(_write_off(admin, (await bill(0)).id))
    assert refused.reason == "INVOICE_NOT_PAYABLE"


async def test_bad_input_is_refused(admin: Caller, bill: Bill) -> None:
    assert fields_of(await refusal(_write_off(admin, (await bill()).id, " "))) == ["reason"]
    assert (await refusal(_write_off(admin, derived_id("invoice", "unknown")))).reason == "INVOICE_NOT_FOUND"
