"""Invoices and credit notes of every kind that is issued, as documents."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from services.billing.domain.invoice import Invoice, credited, issued, paid
from services.billing.domain.invoice_document import InvoiceDocument, document_of
from services.billing.domain.party import Address, Customer, Seller
from services.billing.domain.pricing import PriceLine, price
from services.billing.domain.tariff import MembershipTier, PriceLimit
from services.billing.domain.taxation import TaxTreatment, taxed_for
from services.kernel.money import Money
from tests.unit.services.billing.examples import DRIVER, NOW, component, energy, tariff, used

INVOICE = "01890a5d-ac96-774b-bcce-b302099a8070"
SESSION = "01890a5d-ac96-774b-bcce-b302099a8075"
NOTE = "01890a5d-ac96-774b-bcce-b302099a8079"
LATER = datetime(2026, 3, 9, 12, tzinfo=UTC)
GERMANY = Address("Kai 1", "10115", "Berlin", "DE")
SELLER = Seller(
    name="Ladestrom & Söhne GmbH",
    address=GERMANY,
    vat_id="DE136695976",
    email="bills@operator.example",
    iban="DE89370400440532013000",
    bic="COBADEFFXXX",
    note="Amtsgericht Berlin <HRB 12345>",
    create_time=NOW,
    update_time=NOW,
)
CUSTOMER = Customer(
    driver_id=DRIVER,
    name="Fleet BV",
    address=Address("Dam 2", "1012", "Amsterdam", "NL"),
    vat_id="NL004495445B01",
    email="post@fleet.example",
    reference="Cost centre 7",
    create_time=NOW,
    update_time=NOW,
)
DAYS = date(2026, 3, 1), date(2026, 3, 2)
EXEMPT = TaxTreatment.EXEMPT
OWES = TaxTreatment.REVERSE_CHARGE


def invoice(*components: Any, treatment: TaxTreatment = TaxTreatment.STANDARD, **fields: Any) -> Invoice:
    """For 12.345 kWh in an hour and a half, with 19 % tax."""
    told: dict[str, Any] = {"tax": 1900, "components": components or [energy("0.4567")], **fields}
    consumption: dict[str, Any] = {"end": "2026-03-02T11:30Z", "energy_wh": 12_345, **told.pop("used", {})}
    rates = tariff(*told.pop("components"), **told)
    cost = taxed_for(price(rates, used(**consumption)), treatment)
    return issued(INVOICE, "2026-000042", DRIVER, SESSION, cost, NOW)


def of_lines(rates: Mapping[int, Sequence[tuple[str, str, str]]], tax: str, currency: str = "EUR") -> Invoice:
    """One with lines of several taxes: for each, in hundredths of a percent, quantity, price and amount of lines."""
    lines = [
        PriceLine(
            kind="ENERGY",
            description=f"Energy at {basis_points}",
            quantity=Decimal(quantity),
            unit="kWh",
            unit_price=Decimal(unit_price),
            amount=Money.from_decimal(currency, Decimal(amount)),
            tax_basis_points=basis_points,
        )
        for basis_points, told in rates.items()
        for quantity, unit_price, amount in told
    ]
    net = sum((line.amount.to_decimal() for line in lines), Decimal(0))
    whole = Money.from_decimal(currency, Decimal(tax))
    total = Money.from_decimal(currency, net) + whole
    return invoice(currency=currency)._replace(lines=lines, tax=whole, total=total)


def document(told: Invoice, **fields: Any) -> InvoiceDocument:
    """Its document, with all there is."""
    return document_of(told, **{"seller": SELLER, "customer": CUSTOMER, "place": "CP1", "delivered": DAYS, **fields})


def credit_note(told: Invoice, given: Money | None = None, **fields: Any) -> InvoiceDocument:
    """The document that takes an invoice back for which `given` was paid, or all of it."""
    payment = paid(told, given)[0]
    before, note = credited(payment, NOTE, "CN-2026-000007", LATER)
    return document(note, corrected=before, delivered=None, **fields)


_MIXED = [energy("0.4567"), component("TIME", "1.20"), component("FLAT", "0.5"), component("IDLE", "6.001")]
_RATES = [replace(energy("0.4567"), tax_basis_points=700), component("TIME", "1.20"), component("FLAT", "0.5")]
_GOLD: dict[str, Any] = {
    "discounts": {MembershipTier.GOLD: 1250},
    "used": {"tier": MembershipTier.GOLD, "idle_minutes": 17},
}
_AFTER = Customer(**{**{name: getattr(CUSTOMER, name) for name in CUSTOMER.__slots__}, "exemption_reason": "Embassy"})

DOCUMENTS: Mapping[str, InvoiceDocument] = {
    "energy by tenths of a cent": document(invoice()),
    "all kinds of lines and a discount": document(invoice(*_MIXED, **_GOLD)),
    "a discount of everything": document(
        invoice(discounts={MembershipTier.GOLD: 10_000}, used={"tier": MembershipTier.GOLD})
    ),
    "paid in part": document(paid(invoice(), Money("EUR", 100))[0]),
    "paid": document(paid(invoice(), None)[0]),
    "over nothing": document(invoice(used={"energy_wh": 0})),
    "without a line": document(invoice(component("IDLE", "1"))),
    "without tax": document(invoice(tax=0)),
    "several rates": document(of_lines({1900: [("3.3", "0.4567", "1.51")], 700: [("1", "0.05", "0.05")]}, "0.29")),
    "prices that contained the tax": document(
        of_lines({1900: [("1", "0.8403", "0.84"), ("1", "0.8403", "0.84")], 700: [("1", "0.93", "0.93")]}, "0.40")
    ),
    "by a tariff whose prices contain the tax": document(invoice(*_RATES, tax_included=True, **_GOLD)),
    "the least that a session costs": document(invoice(*_RATES, min_price=PriceLimit(Decimal(30), Decimal(35)))),
    "the most that a session costs": document(invoice(*_RATES, max_price=PriceLimit(Decimal(3), Decimal("3.30")))),
    "reverse charge": document(invoice(*_MIXED, treatment=OWES, **_GOLD)),
    "exempt": document(invoice(treatment=EXEMPT), customer=_AFTER),
    "kept before lines told their tax": document(
        invoice()._replace(lines=[one._replace(tax_basis_points=None) for one in invoice().lines]),
        tariff_basis_points=1900,
    ),
    "tax in the prices": document(invoice(*_MIXED, tax_included=True, **_GOLD)),
    "a rate for each component": document(
        invoice(energy("0.4567"), replace(component("TIME", "1.20"), tax_basis_points=700), **_GOLD)
    ),
    "a rate for each component, in the prices": document(
        invoice(energy("0.4567"), replace(component("TIME", "1.20"), tax_basis_points=700), tax_included=True, **_GOLD)
    ),
    "at least so much": document(invoice(min_price=PriceLimit(net=Decimal(20)))),
    "at most so much": document(
        invoice(
            energy("0.4567"),
            replace(component("TIME", "1.20"), tax_basis_points=700),
            max_price=PriceLimit(net=Decimal(5), gross=Decimal("5.5")),
        )
    ),
    "in yen": document(invoice(energy("50"), currency="JPY")),
    "of a seller with a tax number": document(
        invoice(),
        seller=Seller(name="Wirt", address=GERMANY, tax_number="30/123/45678", create_time=NOW, update_time=NOW),
    ),
    "to a person": document(
        invoice(), customer=Customer(driver_id=DRIVER, name="Ada", address=GERMANY, create_time=NOW, update_time=NOW)
    ),
    "a credit note": credit_note(invoice(*_MIXED, **_GOLD)),
    "a credit note for what was paid in part": credit_note(invoice(), Money("EUR", 100)),
    "a credit note for a bill at most so much": credit_note(invoice(max_price=PriceLimit(gross=Decimal(5)))),
    "a credit note with reverse charge": credit_note(invoice(treatment=OWES)),
}
