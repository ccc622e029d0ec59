"""Invoices, and what payments make of them."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.invoice import (
    Invoice,
    InvoiceState,
    credited,
    issued,
    number_of,
    paid,
    voided,
    written_off,
)
from services.billing.domain.payment import (
    Payment,
    PaymentMethod,
    PaymentMethodKind,
    PaymentRequest,
    check_payment,
    recorded_before,
    require_usable,
    validated,
)
from services.billing.domain.pricing import price
from services.kernel.errors import DomainError
from services.kernel.money import Money
from tests.unit.services.billing.examples import DRIVER, NOW, energy, tariff, used

INVOICE = "01890a5d-ac96-774b-bcce-b302099a8070"
PAYMENT = Payment(
    id="01890a5d-ac96-774b-bcce-b302099a8071",
    invoice_id=INVOICE,
    driver_id=DRIVER,
    payment_method_id=None,
    amount=Money("EUR", 100),
    external_reference="bank 1",
    create_time=NOW,
)
METHOD = PaymentMethod(
    id="01890a5d-ac96-774b-bcce-b302099a8072",
    driver_id=DRIVER,
    kind=PaymentMethodKind.CARD,
    label="Visa",
    create_time=NOW,
)


def _invoice(unit_price: str = "0.40") -> Invoice:
    """4.00 EUR."""
    return issued(INVOICE, "2026-000001", DRIVER, INVOICE, price(tariff(energy(unit_price)), used()), NOW)


def _fields(error: DomainError) -> list[str]:
    return [violation.field for violation in error.violations]


def test_an_invoice_is_open_and_one_over_nothing_is_paid() -> None:
    assert (_invoice().state, _invoice().total) == (InvoiceState.OPEN, Money("EUR", 400))
    assert (_invoice("0").state, _invoice("0").paid) == (InvoiceState.PAID, Money("EUR", 0))


def test_numbers_have_a_year_and_six_digits_or_more() -> None:
    assert [number_of(2026, count) for count in (1, 42, 1_234_567)] == ["2026-000001", "2026-000042", "2026-1234567"]


def test_a_payment_without_amount_pays_all_that_is_open() -> None:
    part, amount = paid(_invoice(), Money("EUR", 150))
    assert (part.state, part.paid, amount) == (InvoiceState.OPEN, Money("EUR", 150), Money("EUR", 150))
    rest, amount = paid(part, None)
    assert (rest.state, rest.paid, amount) == (InvoiceState.PAID, Money("EUR", 400), Money("EUR", 250))


@given(st.lists(st.integers(1, 500), min_size=1, max_size=10))
def test_no_more_is_paid_than_is_open(amounts: list[int]) -> None:
    invoice = _invoice()
    for minor_units in amounts:
        is_open = invoice.state is InvoiceState.OPEN
        open_units = invoice.total.minor_units - invoice.paid.minor_units
        try:
            after, amount = paid(invoice, Money("EUR", minor_units))
        except DomainError:
            assert not is_open or minor_units > open_units
        else:
            assert is_open
            assert amount.minor_units == minor_units <= open_units
            assert (after.state is InvoiceState.PAID) == (minor_units == open_units)
            invoice = after
    assert invoice.paid <= invoice.total


@pytest.mark.parametrize(
    "amount", [Money("EUR", 401), Money("EUR", 0), Money("EUR", -1), Money("USD", 400), Money("JPY", 4)]
)
def test_a_bad_amount_is_refused(amount: Money) -> None:
    with pytest.raises(DomainError) as refused:
        paid(_invoice(), amount)
    assert _fields(refused.value) == ["payment.amount"]


@pytest.mark.parametrize("invoice", [_invoice("0"), voided(_invoice())])
def test_what_is_paid_or_void_takes_no_payment(invoice: Invoice) -> None:
    with pytest.raises(DomainError) as refused:
        paid(invoice, None)
    assert refused.value.reason == "INVOICE_NOT_PAYABLE"


def test_an_invoice_is_due_in_the_days_of_its_seller_and_one_over_nothing_never() -> None:
    def due(unit_price: str, days: int | None) -> datetime | None:
        cost = price(tariff(energy(unit_price)), used())
        return issued(INVOICE, "2026-000001", DRIVER, INVOICE, cost, NOW, payment_days=days).due_time

    assert due("0.40", 14) == NOW + timedelta(days=14)
    assert due("0.40", 0) == NOW
    assert (due("0", 14), due("0.40", None)) == (None, None)


def test_what_is_written_off_stays_so_and_takes_a_payment_all_the_same() -> None:
    given_up = written_off(_invoice(), " moved away ", "ada", NOW)
    assert given_up.write_off == ("moved away", "ada", NOW)
    assert written_off(given_up, "again", "bob", NOW + timedelta(days=1)) is given_up
    part, _ = paid(given_up, Money("EUR", 100))
    assert (part.state, part.open_amount) == (InvoiceState.WRITTEN_OFF, Money("EUR", 300))
    assert paid(part, None)[0].state is InvoiceState.PAID
    for invoice in (_invoice("0"), voided(_invoice()), credited(paid(_invoice(), None)[0], INVOICE, "CN-1", NOW)[1]):
        with pytest.raises(DomainError) as refused:
            written_off(invoice, "why not", "ada", NOW)
        assert refused.value.reason == "INVOICE_NOT_PAYABLE"
    with pytest.raises(DomainError) as refused:
        written_off(_invoice(), " ", "ada", NOW)
    assert _fields(refused.value) == ["reason"]


def test_a_reference_stands_for_one_payment() -> None:
    def request(invoice_id: str = INVOICE, amount: Money | None = None) -> PaymentRequest:
        return PaymentRequest(invoice_id=invoice_id, payment_method_id=None, amount=amount, external_reference="bank 1")

    assert recorded_before(PAYMENT, request()) is PAYMENT
    assert recorded_before(PAYMENT, request(amount=Money("EUR", 100))) is PAYMENT
    for other in (request(invoice_id=DRIVER), request(amount=Money("EUR", 101)), request(amount=Money("USD", 100))):
        with pytest.raises(DomainError) as refused:
            recorded_before(PAYMENT, other)
        assert _fields(refused.value) == ["payment.externalReference"]


def test_a_driver_pays_by_his_own_methods() -> None:
    require_usable(METHOD, DRIVER)
    require_usable(METHOD, None)
    with pytest.raises(DomainError) as refused:
        require_usable(METHOD, INVOICE)
    assert refused.value.reason == "PAYMENT_METHOD_NOT_FOUND"


def test_bad_fields_of_payments_and_methods_are_named() -> None:
    with pytest.raises(DomainError) as refused:
        check_payment(PaymentRequest(invoice_id="", payment_method_id=None, amount=None, external_reference="x" * 201))
    assert _fields(refused.value) == ["payment.externalReference"]
    bad = PaymentMethod(
        id=INVOICE,
        driver_id=DRIVER,
        kind=PaymentMethodKind.CASH,
        label=" ",
        provider_token="x" * 501,
        create_time=NOW,
    )
    with pytest.raises(DomainError) as refused:
        validated(bad)
    assert _fields(refused.value) == ["paymentMethod.label", "paymentMethod.providerToken"]
