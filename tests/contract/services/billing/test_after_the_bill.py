"""What is told of sessions that are billed, perhaps paid: the bill stands, or another takes its place."""

import pytest

from csms.billing.v1.billing_service_pb2 import GetChargingSessionRequest, ListChargingSessionsRequest
from csms.billing.v1.charging_session_pb2 import ChargingSession, SessionNote
from csms.billing.v1.decision_service_pb2 import KeepBillRequest, ReleaseChargingSessionRequest
from csms.billing.v1.hold_pb2 import Hold
from csms.billing.v1.invoice_pb2 import Invoice, Payment
from csms.billing.v1.invoice_service_pb2 import GetInvoicePdfRequest, GetInvoiceRequest, ListInvoicesRequest
from csms.billing.v1.payment_service_pb2 import CreatePaymentRequest, ListPaymentsRequest
from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.transaction.v1.transaction_pb2 import Transaction
from services.messaging.older_events import total_of
from tests.contract.services.billing.conftest import Books, Caller, Tell
from tests.contract.services.billing.messages import (
    OTHER_DRIVER,
    amount,
    fields_of,
    money,
    new_tariff,
    refusal,
    running_transaction,
    session_id,
    transaction,
)
from tests.fixtures.background import eventually

pytestmark = pytest.mark.field_case("A10")

DONE = ("COMPLETED", "")
WAITS = ("COMPLETED", "correction")


@pytest.fixture
async def invoice_id(boss: Caller, books: Books, tell: Tell) -> str:
    """The paid invoice over 4.00 EUR for the session of a transaction."""
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    await tell(transaction(1, 1))
    await books.become({"CP1": DONE})
    [(found,)] = await books.rows("SELECT id::text FROM invoices")
    await boss.payments.CreatePayment(CreatePaymentRequest(payment=Payment(invoice_id=found)))
    return str(found)


async def _session(boss: Caller) -> ChargingSession:
    return (await boss.sessions.GetChargingSession(GetChargingSessionRequest(id=session_id()))).charging_session


async def _reported(books: Books, revision: int) -> None:
    """Wait until a snapshot was taken in and nothing of it is pending."""

    async def taken_in() -> bool:
        rows = await books.rows("SELECT revision, hold_reason = 'pending' FROM charging_sessions")
        return rows == [(revision, False)]

    await eventually(taken_in)


async def _bills_told(books: Books) -> list[tuple[str, int, int]]:
    """Kind, revision and total of what was told of bills."""
    found = []
    for (payload,) in await books.rows("SELECT payload FROM outbox ORDER BY seq"):
        event = DomainEvent.FromString(payload)
        if event.HasField("session_billed"):
            found.append(("billed", event.session_billed.revision, total_of(event.session_billed).minor_units))
        elif event.HasField("session_unbilled"):
            found.append(("unbilled", event.session_unbilled.revision, 0))
    return found


async def test_a_reading_after_the_stop_is_noted_on_the_paid_session_and_changes_nothing(
    boss: Caller, books: Books, tell: Tell, invoice_id: str
) -> None:
    # What the transaction service makes of a reading 500 Wh above the register of the stop.
    await tell(transaction(1, 2, flags=["register_went_back"]))
    await _reported(books, 2)
    session = await _session(boss)
    assert (session.state, session.HasField("hold_reason")) == (ChargingSession.COMPLETED, False)
    assert amount(session.cost) == "4.00 EUR"
    assert session.invoice_id == invoice_id
    [note] = session.notes
    assert (note.kind, note.revision) == (SessionNote.REGISTER_WENT_BACK, 2)
    assert "10.000 kWh" in note.detail
    assert not session.HasField("correction")
    assert await books.invoices() == [("CP1", "PAID", 400)]
    assert len(await _bills_told(books)) == 1


async def test_other_facts_at_the_same_price_are_noted(boss: Caller, books: Books, tell: Tell, invoice_id: str) -> None:
    await tell(transaction(1, 2, energy_wh=10_002))
    await _reported(books, 2)
    session = await _session(boss)
    assert (session.state, session.energy_wh, session.invoice_id) == (ChargingSession.COMPLETED, 10_000, invoice_id)
    assert [(note.kind, note.revision) for note in session.notes] == [(SessionNote.TOLD_OTHERWISE, 2)]
    assert await books.invoices() == [("CP1", "PAID", 400)]


async def test_a_small_correction_of_a_paid_bill_is_a_credit_note_and_another_invoice(
    boss: Caller, books: Books, tell: Tell, invoice_id: str
) -> None:
    await tell(transaction(1, 2, energy_wh=9_000))
    await _reported(books, 2)
    assert await books.sessions() == {"CP1": DONE}
    assert await books.invoices() == [("CP1", "CREDITED", 400), ("CP1", "PAID", 360)]
    year = (await boss.invoices.GetInvoice(GetInvoiceRequest(id=invoice_id))).invoice.number[:4]
    # 3.60 of the money that was paid count for the new invoice, 0.40 are to be given back.
    assert await books.credit_notes() == [(f"CN-{year}-000001", "OPEN", -400, -360)]
    session = await _session(boss)
    assert (session.energy_wh, amount(session.cost)) == (9_000, "3.60 EUR")
    assert await _bills_told(books) == [("billed", 1, 400), ("billed", 2, 360)]
    [note] = (await boss.invoices.ListInvoices(ListInvoicesRequest(kind=Invoice.CREDIT_NOTE))).invoices
    assert (note.corrected_invoice_id, note.charging_session_id) == (invoice_id, session.id)
    [line] = note.lines
    assert (line.quantity, amount(line.unit_price), amount(line.amount)) == ("-10", "0.40 EUR", "-4.00 EUR")
    credited = (await boss.invoices.GetInvoice(GetInvoiceRequest(id=invoice_id))).invoice
    assert (credited.state, credited.credit_note_id, amount(credited.paid)) == (
        Invoice.CREDITED,
        note.id,
        "4.00 EUR",
    )
    [paid] = (await boss.payments.ListPayments(ListPaymentsRequest(invoice_id=session.invoice_id))).payments
    assert (paid.credit_note_id, amount(paid.amount)) == (note.id, "3.60 EUR")
    document = await boss.invoices.GetInvoicePdf(GetInvoicePdfRequest(id=note.id))
    assert document.data.startswith(b"%PDF")


async def test_what_is_open_of_a_credit_note_is_given_back(
    boss: Caller, books: Books, tell: Tell, invoice_id: str
) -> None:
    await tell(transaction(1, 2, energy_wh=9_000))
    await _reported(books, 2)
    [note] = (await boss.invoices.ListInvoices(ListInvoicesRequest(kind=Invoice.CREDIT_NOTE))).invoices

    def refund(value: str) -> CreatePaymentRequest:
        return CreatePaymentRequest(payment=Payment(invoice_id=note.id, amount=money(value)))

    for value in ("0.40", "-0.41", "0"):
        assert fields_of(await refusal(boss.payments.CreatePayment(refund(value)))) == ["payment.amount"]
    paid = (await boss.payments.CreatePayment(refund("-0.40"))).payment
    assert amount(paid.amount) == "-0.40 EUR"
    assert (await boss.invoices.GetInvoice(GetInvoiceRequest(id=note.id))).invoice.state == Invoice.PAID
    assert (await refusal(boss.payments.CreatePayment(refund("-0.40")))).reason == "INVOICE_NOT_PAYABLE"


async def test_a_bill_that_grows_leaves_the_difference_open(
    boss: Caller, books: Books, tell: Tell, invoice_id: str
) -> None:
    await tell(transaction(1, 2, energy_wh=11_000))
    await _reported(books, 2)
    assert await books.invoices() == [("CP1", "CREDITED", 400), ("CP1", "OPEN", 440)]
    assert [row[1:] for row in await books.credit_notes()] == [("PAID", -400, -400)]
    session = await _session(boss)
    payment = await boss.payments.CreatePayment(CreatePaymentRequest(payment=Payment(invoice_id=session.invoice_id)))
    assert amount(payment.payment.amount) == "0.40 EUR"


async def test_a_great_correction_of_a_paid_bill_waits_for_a_person(
    boss: Caller, books: Books, tell: Tell, invoice_id: str
) -> None:
    await tell(transaction(1, 2, energy_wh=90_000))
    await _reported(books, 2)
    assert await books.sessions() == {"CP1": WAITS}
    session = await _session(boss)
    assert (session.state, session.HasField("hold_reason"), session.energy_wh) == (
        ChargingSession.COMPLETED,
        False,
        10_000,
    )
    assert (session.correction.reason, session.correction.energy_wh) == (Hold.PAID, 90_000)
    assert amount(session.correction.cost) == "36.00 EUR"
    assert "36.00 EUR instead of 4.00 EUR" in session.correction.detail
    found = (
        await boss.sessions.ListChargingSessions(ListChargingSessionsRequest(has_correction=True))
    ).charging_sessions
    assert [one.id for one in found] == [session.id]
    released = ReleaseChargingSessionRequest(id=session.id, reason="the meter was read", etag=session.etag)
    after = (await boss.decisions.ReleaseChargingSession(released)).charging_session
    assert (after.state, after.energy_wh, amount(after.cost)) == (ChargingSession.COMPLETED, 90_000, "36.00 EUR")
    assert not after.HasField("correction")
    assert await books.invoices() == [("CP1", "CREDITED", 400), ("CP1", "OPEN", 3600)]


async def test_a_correction_that_is_put_away_is_not_asked_for_again(
    boss: Caller, books: Books, tell: Tell, invoice_id: str
) -> None:
    await tell(transaction(1, 2, energy_wh=90_000))
    await _reported(books, 2)
    kept = await boss.decisions.KeepBill(KeepBillRequest(id=session_id(), reason="the charge point is broken"))
    assert not kept.charging_session.HasField("correction")
    await tell(transaction(1, 3, energy_wh=90_000, flags=["several_ends"]))
    await _reported(books, 3)
    assert await books.sessions() == {"CP1": DONE}
    assert await books.invoices() == [("CP1", "PAID", 400)]


async def test_a_paid_session_never_stops_being_one_whatever_is_told(
    boss: Caller, books: Books, tell: Tell, invoice_id: str
) -> None:
    reported = [
        (transaction(1, 2, authorization=Transaction.BLOCKED), "unauthorized"),
        (running_transaction(1, 3), "running"),
        (transaction(1, 4, state=Transaction.MERGED, start_time=None, stop_time=None), "merged"),
        (transaction(1, 5, energy_wh=500_000_000, flags=["implausible_energy"]), "implausible_energy"),
        (transaction(1, 6, driver_id=OTHER_DRIVER), "paid"),
    ]
    for message, reason in reported:
        await tell(message)
        await _reported(books, message.revision)
        session = await _session(boss)
        assert (session.state, session.correction.reason) == (
            ChargingSession.COMPLETED,
            Hold.Reason.Value(reason.upper()),
        )
        assert (session.invoice_id, amount(session.cost)) == (invoice_id, "4.00 EUR")
    # Put right by the charge point itself, nothing waits any more.
    await tell(transaction(1, 7))
    await _reported(books, 7)
    assert await books.sessions() == {"CP1": DONE}
    assert await books.invoices() == [("CP1", "PAID", 400)]
    assert len(await _bills_told(books)) == 1


async def test_an_unpaid_bill_is_voided_and_replaced_and_a_doubtful_one_stands(
    boss: Caller, books: Books, tell: Tell
) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    await tell(transaction(1, 1))
    await books.become({"CP1": DONE})
    await tell(transaction(1, 2, energy_wh=90_000, flags=["implausible_energy"]))
    await _reported(books, 2)
    assert await books.invoices() == [("CP1", "OPEN", 400)]
    await tell(transaction(1, 3, energy_wh=90_000))
    await _reported(books, 3)
    assert await books.invoices() == [("CP1", "VOID", 400), ("CP1", "OPEN", 3600)]
    assert await books.credit_notes() == []
