"""What readers, banking apps and programs find in a PDF document."""

from dataclasses import replace
from io import BytesIO
from typing import Any

import facturx
import pypdfium2
import pytest
import zxingcpp
from lxml import etree
from pypdf import PdfReader

from services.billing.adapters.pdf import render
from services.billing.domain.credit_transfer import transfer_code
from services.billing.domain.invoice import voided
from services.billing.domain.party import Seller
from services.billing.mapping.cii import cii
from services.kernel.money import Money
from tests.unit.services.billing.documents import DOCUMENTS, SELLER, document, invoice, of_lines

FULL = DOCUMENTS["all kinds of lines and a discount"]
OF_PDFA = "{http://www.aiim.org/pdfa/ns/id/}"


def _text(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(data)).pages)


def _root(data: bytes) -> Any:
    return PdfReader(BytesIO(data)).trailer["/Root"]


def _codes(data: bytes) -> list[str]:
    """What the QR codes of all pages say."""
    pages = pypdfium2.PdfDocument(data)
    pictures = [pages[number].render(scale=2).to_pil() for number in range(len(pages))]
    return [code.text for picture in pictures for code in zxingcpp.read_barcodes(picture)]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_pdf_a_holds_its_electronic_invoice_and_is_always_the_same(name: str) -> None:
    told = DOCUMENTS[name]
    data = render(told).data
    assert render(told).data == data
    found, file = facturx.get_xml_from_pdf(data, check_xsd=True)
    assert (found, file) == ("factur-x.xml", cii(told))
    root = _root(data)
    assert root["/AF"][0].get_object()["/AFRelationship"] == "/Alternative"
    assert root["/OutputIntents"][0].get_object()["/S"] == "/GTS_PDFA1"
    metadata = etree.fromstring(root["/Metadata"].get_object().get_data())
    assert [metadata.findtext(f".//{OF_PDFA}{part}") for part in ("part", "conformance")] == ["3", "B"]
    assert metadata.findtext(".//{*}ConformanceLevel") == "EN 16931"


def test_without_a_customer_it_is_pdf_a_without_a_file() -> None:
    data = render(document(invoice(), customer=None)).data
    root = _root(data)
    assert "/AF" not in root
    metadata = etree.fromstring(root["/Metadata"].get_object().get_data())
    assert metadata.findtext(f".//{OF_PDFA}part") == "3"
    assert metadata.findtext(".//{*}ConformanceLevel") is None


def test_a_document_names_those_concerned_taxes_by_rate_and_why_there_is_none() -> None:
    text = _text(render(FULL).data)
    for told in (
        "Ladestrom & Söhne GmbH",
        "VAT id DE136695976",
        "Fleet BV",
        "1012 Amsterdam",
        "NL004495445B01",
        "HRB 12345",
    ):
        assert told in text
    for told in (
        "Discount for Gold members",
        "-1.20 EUR",
        "Tax 19 %",
        "8.44 EUR",
        "10.04 EUR",
        "2026-03-16",
        "6.001 EUR",
    ):
        assert told in text
    several = _text(render(DOCUMENTS["several rates"]).data)
    assert "Tax 19 % on 1.51 EUR" in several
    assert "Tax 7 % on 0.05 EUR" in several
    assert "No VAT: Reverse charge" in _text(render(DOCUMENTS["reverse charge"]).data)
    assert "No VAT: Embassy" in _text(render(DOCUMENTS["exempt"]).data)
    assert "For invoice 2026-000042 of 2026-03-02" in " ".join(_text(render(DOCUMENTS["a credit note"]).data).split())
    assert "To be paid" in _text(render(DOCUMENTS["paid in part"]).data)


def test_a_banking_app_reads_what_is_still_to_be_paid() -> None:
    expected = [
        *("BCD", "002", "1", "SCT", "COBADEFFXXX", "Ladestrom & Söhne GmbH", "DE89370400440532013000"),
        *("EUR10.04", "", "", "2026-000042"),
    ]
    assert _codes(render(FULL).data) == ["\n".join(expected)]
    [part] = _codes(render(DOCUMENTS["paid in part"]).data)
    assert "EUR5.71" in part
    # On whichever page there is room for it.
    long = document(of_lines({1900: [("3.3", "0.4567", "1.51")] * 45}, "12.91"))
    assert len(_codes(render(long).data)) == 1


@pytest.mark.parametrize("name", ["paid", "over nothing", "a credit note", "in yen", "of a seller with a tax number"])
def test_there_is_no_code_where_nothing_is_to_be_paid_by_transfer_in_euros(name: str) -> None:
    assert transfer_code(DOCUMENTS[name]) is None
    assert _codes(render(DOCUMENTS[name]).data) == []


def test_a_code_holds_no_more_than_is_allowed_and_no_line_too_many() -> None:
    assert transfer_code(document(voided(invoice()))) is None
    told = transfer_code(document(invoice(), seller=_named("A\nB  C" + "x" * 100)))
    assert told is not None
    assert told.split("\n")[5] == "A B C" + "x" * 65
    assert transfer_code(document(invoice(), seller=_named("\N{OLD PERSIAN SIGN A}" * 70))) is None
    much = of_lines({0: [("1", "1000000000", "1000000000")]}, "0")
    assert transfer_code(document(much)) is None
    assert much.total > Money("EUR", 99_999_999_999)


def _named(name: str) -> Seller:
    return replace(SELLER, name=name)
