"""Every document that is issued keeps the rules of EN 16931 in both syntaxes; some that do not are refused by the same
rules."""

import re
from collections.abc import Callable
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.invoice_document import InvoiceDocument
from services.billing.mapping.cii import cii
from services.billing.mapping.ubl import ubl
from services.kernel.errors import DomainError
from services.kernel.money import Money
from tests.fixtures.en16931 import Syntax, broken_rules, schema_errors
from tests.unit.services.billing.documents import DOCUMENTS, document, invoice, of_lines

WRITERS: dict[Syntax, Callable[[InvoiceDocument], bytes]] = {"ubl": ubl, "cii": cii}
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
both = pytest.mark.parametrize("syntax", WRITERS)


@both
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_keeps_schema_and_rules(name: str, syntax: Syntax) -> None:
    written = WRITERS[syntax](DOCUMENTS[name])
    assert schema_errors(written) == []
    assert broken_rules(written, syntax) == []


@pytest.mark.parametrize(
    ("pattern", "wrong", "rules"),
    [
        (r"(<ram:GrandTotalAmount>)[^<]*", r"\g<1>99.99", {"cii": "BR-CO-15"}),
        (r"(<cbc:TaxInclusiveAmount [^>]*>)[^<]*", r"\g<1>99.99", {"ubl": "BR-CO-15"}),
        (r"(ChargeAmount>|PriceAmount currencyID=.EUR.>)", r"\g<1>-", {"cii": "BR-27", "ubl": "BR-27"}),
        (r"<ram:SpecifiedTaxRegistration>.*?</ram:SpecifiedTaxRegistration>", "", {"cii": "BR-AE-02"}),
        (r"<cac:PartyTaxScheme>.*?</cac:PartyTaxScheme>", "", {"ubl": "BR-AE-02"}),
    ],
)
def test_a_broken_document_is_refused_by_its_rule(pattern: str, wrong: str, rules: dict[Syntax, str]) -> None:
    for syntax, rule in rules.items():
        right = WRITERS[syntax](DOCUMENTS["reverse charge"]).decode()
        broken = re.sub(pattern, wrong, right, flags=re.DOTALL)
        assert broken != right
        assert rule in broken_rules(broken.encode(), syntax)


def _texts(written: bytes, name: str) -> list[str]:
    found = ElementTree.fromstring(written).iterfind(f".//{{*}}{name}")
    return [element.text or "" for element in found]


def test_energy_is_told_as_it_was_measured_and_priced() -> None:
    for write, quantity, price in ((ubl, "InvoicedQuantity", "PriceAmount"), (cii, "BilledQuantity", "ChargeAmount")):
        written = write(DOCUMENTS["energy by tenths of a cent"])
        assert (_texts(written, quantity), _texts(written, price)) == (["12.345"], ["0.4567"])
        assert b'unitCode="KWH"' in written


def test_cents_of_rounding_are_of_the_greatest_tax_and_all_sum_to_that_of_the_bill() -> None:
    taxes = DOCUMENTS["prices that contained the tax"].taxes
    told = [(str(one.tax.percent), one.base.minor_units, one.amount.minor_units) for one in taxes]
    assert told == [("19", 168, 33), ("7", 93, 7)]


@given(
    st.dictionaries(st.sampled_from([0, 250, 700, 1900, 2550]), st.integers(0, 10**6), min_size=1),
    st.integers(-2, 2),
)
def test_taxes_sum_to_that_of_the_bill_whatever_its_rounding(net: dict[int, int], off: int) -> None:
    lines = {points: [("1", str(Decimal(cents) / 100), str(Decimal(cents) / 100))] for points, cents in net.items()}
    exact = sum(cents * points for points, cents in net.items()) // 10_000 + off
    told = document(of_lines(lines, str(Decimal(exact) / 100)))
    assert sum(one.amount.minor_units for one in told.taxes) == exact == told.tax.minor_units
    assert sum(one.base.minor_units for one in told.taxes) == sum(net.values()) == told.subtotal.minor_units


def test_bills_of_older_releases_have_the_tax_of_their_tariff_or_what_comes_next_to_theirs() -> None:
    older = invoice()._replace(lines=[one._replace(tax_basis_points=None) for one in invoice().lines])
    for basis_points, percent in ((1900, Decimal(19)), (700, Decimal("18.97"))):
        [tax] = document(older, tariff_basis_points=basis_points).taxes
        assert (tax.tax.percent, tax.amount) == (percent, older.tax)


def test_what_is_missing_is_told() -> None:
    cases = {
        "seller": document(invoice(), seller=None),
        "customer": document(invoice(), customer=None),
        "currency": document(invoice(currency="KWD")),
    }
    for missing, told in cases.items():
        for write in WRITERS.values():
            with pytest.raises(DomainError) as refused:
                write(told)
            assert (refused.value.reason, refused.value.metadata) == (
                "ELECTRONIC_INVOICE_INCOMPLETE",
                {"missing": missing},
            )


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_read_back_but_for_what_xml_cannot_hold(text: str) -> None:
    told = DOCUMENTS["energy by tenths of a cent"]
    line = told.lines[0]._replace(text=f"x{text}x")
    for write in WRITERS.values():
        read = _texts(write(told._replace(lines=[line])), "Name")
        assert _one_kind_of_breaks(_FORBIDDEN.sub("\ufffd", line.text)) in map(_one_kind_of_breaks, read)


def _one_kind_of_breaks(text: str) -> str:
    # Readers make one of all.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def test_a_credit_note_gives_back_in_figures_above_nothing() -> None:
    for write in WRITERS.values():
        assert b">-" not in write(DOCUMENTS["a credit note"])
    assert DOCUMENTS["a credit note for what was paid in part"].due == Money("EUR", 100)
