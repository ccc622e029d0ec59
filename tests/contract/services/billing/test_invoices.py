"""Invoices over gRPC: lists, lines and documents."""

import csv
import re
from datetime import UTC, timedelta
from io import BytesIO, StringIO
from typing import Any

import pytest
from pypdf import PdfReader

from csms.billing.v1 import invoice_pb2 as invoice_pb
from csms.billing.v1.invoice_party_service_pb2 import UpdateInvoiceCustomerRequest, UpdateInvoiceSellerRequest
from csms.billing.v1.invoice_service_pb2 import (
    ExportInvoicesRequest,
    GetInvoicePdfRequest,
    GetInvoiceRequest,
    GetInvoiceXmlRequest,
    ListInvoicesRequest,
)
from csms.billing.v1.tariff_pb2 import PriceLine
from services.billing.application import invoices as use_cases
from services.kernel.errors import ErrorKind
from services.kernel.ids import derived_id
from services.rpc.protobuf import timestamp
from tests.contract.services.billing.conftest import Bill, Caller
from tests.contract.services.billing.messages import DRIVER, OTHER_DRIVER, amount, customer, fields_of, refusal, seller
from tests.contract.services.billing.neighbours import Neighbours
from tests.fixtures.en16931 import Syntax, broken_rules, schema_errors

Invoice = invoice_pb.Invoice
UNKNOWN = derived_id("invoice", "unknown")
_SYNTAX = GetInvoiceXmlRequest.Syntax


async def _list(admin: Caller, **fields: Any) -> list[str]:
    """Their numbers without the year."""
    found = await admin.invoices.ListInvoices(ListInvoicesRequest(**fields))
    return [invoice.number.partition("-")[2] for invoice in found.invoices]


def _texts(document: bytes) -> str:
    """What a reader of a PDF document sees."""
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(document)).pages)


async def test_an_invoice_has_its_lines_and_sums(bill: Bill, neighbours: Neighbours) -> None:
    neighbours.tiers[DRIVER] = "BASIC"
    invoice = await bill()
    [line] = invoice.lines
    assert (line.kind, line.quantity, line.unit, amount(line.amount)) == (PriceLine.ENERGY, "10", "kWh", "4.00 EUR")
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


async def _document(admin: Caller, invoice: Invoice) -> str:
    return _texts((await admin.invoices.GetInvoicePdf(GetInvoicePdfRequest(id=invoice.id))).data)


@pytest.mark.field_case("D4")
@pytest.mark.parametrize(
    "name",
    [
        "Zażółć Gęślą z Łodzi",
        "Καλλιθέα",
        "Київ Ґанок",
        "İpek Şişli",
        "Đặng Văn Hùng",
        "Երևան",
        "თბილისი",
        "שלום",
        "مرحبا",
        "O\N{RIGHT SINGLE QUOTATION MARK}Brien \N{EN DASH} Ø",
    ],
)
async def test_an_invoice_names_its_driver_in_any_script_of_europe_and_the_near_east(
    name: str, admin: Caller, bill: Bill, neighbours: Neighbours, caplog: pytest.LogCaptureFixture
) -> None:
    neighbours.tiers[DRIVER], neighbours.names[DRIVER] = "BASIC", name
    texts = await _document(admin, await bill())
    assert name in texts
    assert DRIVER in texts
    assert "?" not in texts
    assert "cannot show" not in texts
    assert "lack characters" not in caplog.text


@pytest.mark.field_case("D4")
async def test_what_an_invoice_cannot_show_is_seen_to_be_missing(
    admin: Caller, bill: Bill, neighbours: Neighbours, caplog: pytest.LogCaptureFixture
) -> None:
    neighbours.tiers[DRIVER], neighbours.names[DRIVER] = "BASIC", "Łódź 北京 Łódź"
    invoice = await bill()
    texts = await _document(admin, invoice)
    assert "Łódź \ufffd\ufffd Łódź" in texts
    assert "stands for a character that this document cannot show: U+5317, U+4EAC" in texts
    assert f"the fonts of invoice {invoice.number} lack characters: U+5317, U+4EAC" in caplog.text


@pytest.mark.field_case("D4")
async def test_a_document_holds_the_letters_that_it_shows_and_no_more(
    admin: Caller, bill: Bill, neighbours: Neighbours
) -> None:
    neighbours.tiers[DRIVER], neighbours.names[DRIVER] = "BASIC", "Łódź " * 40
    document = (await admin.invoices.GetInvoicePdf(GetInvoicePdfRequest(id=(await bill()).id))).data
    assert len(document) < 40_000
    # Long names are wrapped, not cut.
    assert _texts(document).count("Łódź") == 40


async def test_an_invoice_of_a_driver_whom_nobody_knows_any_more_is_printed_with_the_number(
    admin: Caller, bill: Bill, neighbours: Neighbours
) -> None:
    invoice = await bill()
    assert DRIVER in await _document(admin, invoice)
    neighbours.away = {"driver"}
    refused = await refusal(admin.invoices.GetInvoicePdf(GetInvoicePdfRequest(id=invoice.id)))
    assert refused.kind is ErrorKind.UNAVAILABLE


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


async def _xml(admin: Caller, invoice: Invoice, syntax: str) -> tuple[str, bytes]:
    """Name and bytes of an electronic invoice."""
    call = admin.invoices.GetInvoiceXml(GetInvoiceXmlRequest(id=invoice.id, syntax=_SYNTAX.Value(syntax)))
    body = await call
    assert body.content_type == "application/xml"
    disposition = str(dict(await call.initial_metadata())["content-disposition"])
    return disposition.partition("filename=")[2].strip('"'), body.data


async def _set_parties(admin: Caller, **fields: Any) -> None:
    await admin.parties.UpdateInvoiceSeller(UpdateInvoiceSellerRequest(seller=seller(**fields)))
    request = UpdateInvoiceCustomerRequest(driver_id=DRIVER, customer=customer(tax_treatment="STANDARD"))
    await admin.parties.UpdateInvoiceCustomer(request)


async def test_an_invoice_is_an_electronic_one_in_both_syntaxes(
    admin: Caller, bill: Bill, neighbours: Neighbours
) -> None:
    neighbours.tiers[DRIVER] = "BASIC"
    invoice = await bill(12_345, charge_point_id="CP7")
    refused = await refusal(admin.invoices.GetInvoiceXml(GetInvoiceXmlRequest(id=invoice.id)))
    assert (refused.reason, refused.metadata["missing"]) == ("ELECTRONIC_INVOICE_INCOMPLETE", "seller")
    await admin.parties.UpdateInvoiceSeller(UpdateInvoiceSellerRequest(seller=seller()))
    refused = await refusal(admin.invoices.GetInvoiceXml(GetInvoiceXmlRequest(id=invoice.id)))
    assert refused.metadata["missing"] == "customer"
    # What is told first counts for what was issued before.
    await _set_parties(admin)
    syntaxes: tuple[Syntax, Syntax] = ("ubl", "cii")
    for syntax in syntaxes:
        name, written = await _xml(admin, invoice, syntax.upper())
        assert name == f"invoice-{invoice.number}.{syntax}.xml"
        assert (schema_errors(written), broken_rules(written, syntax)) == ([], [])
        for told in (invoice.number, "Operator GmbH", "Fleet BV", "12.345", "CP7", invoice.charging_session_id):
            assert f">{told}<" in written.decode() or f" {told}<" in written.decode()


async def test_a_document_names_those_who_were_there_at_its_issue(
    admin: Caller, bill: Bill, neighbours: Neighbours
) -> None:
    neighbours.tiers[DRIVER] = "BASIC"
    await _set_parties(admin)
    before = await bill()
    await _set_parties(admin, name="Operator AG", vat_id="ATU13585627")
    after = await bill()
    for invoice, name in ((before, "Operator GmbH"), (after, "Operator AG"), (before, "Operator GmbH")):
        assert f">{name}<" in (await _xml(admin, invoice, "CII"))[1].decode()


async def test_invoices_are_exported_with_their_parties_a_page_at_a_time(
    admin: Caller, bill: Bill, neighbours: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    neighbours.tiers[DRIVER] = "BASIC"
    await _set_parties(admin)
    made = [await bill(1_000), await bill(2_000), await bill(driver_id=""), await bill(3_000)]
    monkeypatch.setattr(use_cases, "_EXPORTED_AT_ONCE", 2)

    async def rows(**fields: Any) -> list[dict[str, str]]:
        body = await admin.invoices.ExportInvoices(ExportInvoicesRequest(**fields))
        assert body.content_type == "text/csv; charset=utf-8"
        return list(csv.DictReader(StringIO(body.data.decode("utf-8-sig"))))

    found = await rows()
    assert [row["number"] for row in found] == [invoice.number for invoice in reversed(made)]
    assert [row["gross"] for row in found] == ["1.43", "4.76", "0.95", "0.48"]
    assert [row["customer"] for row in found] == ["Fleet BV", "", "Fleet BV", "Fleet BV"]
    assert len(await rows(driver_id=DRIVER)) == 3
    assert [row["number"] for row in await rows(issue_time_to=made[1].issue_time)] == [made[0].number]
    monkeypatch.setattr(use_cases, "_MOST_EXPORTED", 3)
    assert fields_of(await refusal(rows())) == ["issueTimeTo"]
