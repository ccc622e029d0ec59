"""Invoices over gRPC: lists, lines and documents."""

import re
import zlib
from datetime import UTC, timedelta
from typing import Any

from csms.billing.v1 import invoice_pb2 as invoice_pb
from csms.billing.v1.invoice_service_pb2 import GetInvoicePdfRequest, GetInvoiceRequest, ListInvoicesRequest
from services.chassis.protobuf import timestamp
from services.kernel.errors import ErrorKind
from services.kernel.ids import derived_id
from tests.contract.services.billing.conftest import Bill, Caller
from tests.contract.services.billing.messages import DRIVER, OTHER_DRIVER, amount, fields_of, refusal
from tests.contract.services.billing.neighbours import Neighbours

Invoice = invoice_pb.Invoice
UNKNOWN = derived_id("invoice", "unknown")


async def _list(admin: Caller, **fields: Any) -> list[str]:
    """Their numbers without the year."""
    found = await admin.invoices.ListInvoices(ListInvoicesRequest(**fields))
    return [invoice.number.partition("-")[2] for invoice in found.invoices]


def _texts(document: bytes) -> str:
    """The texts that a PDF document shows, page by page."""
    pages = [zlib.decompress(stream) for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", document, re.DOTALL)]
    shown = re.findall(rb"\(((?:[^()\\]|\\.)*)\) Tj", b"\n".join(pages))
    return b"\n".join(shown).decode("latin-1")


async def test_an_invoice_has_its_lines_and_sums(bill: Bill, neighbours: Neighbours) -> None:
    neighbours.tiers[DRIVER] = "BASIC"
    invoice = await bill()
    [line] = invoice.lines
    assert (line.kind, line.quantity, line.unit, amount(line.amount)) == ("ENERGY", "10", "kWh", "4.00 EUR")
    assert [amount(money) for money in (invoice.total, invoice.tax, invoice.paid)] == [
        "4.76 EUR",
        "0.76 EUR",
        "0.00 EUR",
    ]
    assert (invoice.state, invoice.driver_id) == (Invoice.OPEN, DRIVER)
    assert re.fullmatch(r"20\d\d-000001", invoice.number)


async def test_an_invoice_over_nothing_is_paid(bill: Bill) -> None:
    assert (await bill(0)).state == Invoice.PAID


async def test_lists_are_paged_and_narrowed_the_newest_first(admin: Caller, bill: Bill) -> None:
    made = [
        await bill(1_000),
        await bill(0),
        await bill(1_000, driver_id=OTHER_DRIVER),
        await bill(1_000, driver_id=""),
    ]
    assert await _list(admin) == ["000004", "000003", "000002", "000001"]
    assert await _list(admin, driver_id=DRIVER) == ["000002", "000001"]
    assert await _list(admin, state=Invoice.PAID) == ["000002"]
    assert await _list(admin, state=Invoice.VOID) == []
    assert await _list(admin, charging_session_id=made[2].charging_session_id) == ["000003"]
    assert await _list(admin, issue_time_from=made[2].issue_time) == ["000004", "000003"]
    assert await _list(admin, issue_time_to=made[1].issue_time) == ["000001"]
    assert await _list(admin, driver_id="no id") == []
    first = await admin.invoices.ListInvoices(ListInvoicesRequest(page_size=3))
    assert (len(first.invoices), first.total_size) == (3, 4)
    assert await _list(admin, page_size=3, page_token=first.next_page_token) == ["000001"]


async def test_an_invoice_is_a_document_with_its_number_and_its_sums(admin: Caller, bill: Bill) -> None:
    invoice = await bill()
    call = admin.invoices.GetInvoicePdf(GetInvoicePdfRequest(id=invoice.id))
    body = await call
    headers = dict(await call.initial_metadata())
    assert headers["content-disposition"] == f'attachment; filename="invoice-{invoice.number}.pdf"'
    assert body.content_type == "application/pdf"
    assert body.data.startswith(b"%PDF-1.")
    assert body.data.rstrip().endswith(b"%%EOF")
    texts = _texts(body.data)
    for text in (f"Invoice {invoice.number}", "10 kWh", "0.4 EUR", "4.00 EUR", "0.76 EUR", "4.76 EUR", DRIVER, "Open"):
        assert text in texts
    assert (await admin.invoices.GetInvoicePdf(GetInvoicePdfRequest(id=invoice.id))).data == body.data


async def test_what_does_not_exist_is_not_found(admin: Caller) -> None:
    for id in (UNKNOWN, "no id"):
        for call in (
            admin.invoices.GetInvoice(GetInvoiceRequest(id=id)),
            admin.invoices.GetInvoicePdf(GetInvoicePdfRequest(id=id)),
        ):
            refused = await refusal(call)
            assert (refused.kind, refused.reason) == (ErrorKind.NOT_FOUND, "INVOICE_NOT_FOUND")


async def test_bad_input_is_refused_by_name(admin: Caller) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"page_size": -1}, "pageSize"),
        ({"page_token": "x"}, "pageToken"),
        ({"state": 9}, "state"),
        ({"issue_time_to": {"seconds": 2**62}}, "issueTimeTo"),
    ]
    for fields, named in cases:
        assert fields_of(await refusal(_list(admin, **fields))) == [named]
    assert fields_of(await refusal(admin.invoices.GetInvoice(GetInvoiceRequest()))) == ["id"]


async def test_times_bound_a_list_to_the_microsecond(admin: Caller, bill: Bill) -> None:
    invoice = await bill()
    issued = invoice.issue_time.ToDatetime(tzinfo=UTC)
    just_after = timestamp(issued + timedelta(microseconds=1))
    assert await _list(admin, issue_time_from=just_after) == []
    assert await _list(admin, issue_time_to=just_after) == ["000001"]
