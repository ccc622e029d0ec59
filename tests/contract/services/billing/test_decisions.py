"""Persons decide about sessions that are held: released, corrected, written off, on the record."""

from typing import Any

import pytest

from csms.billing.v1.billing_service_pb2 import GetChargingSessionRequest, ListChargingSessionsRequest
from csms.billing.v1.charging_session_pb2 import ChargingSession
from csms.billing.v1.decision_service_pb2 import (
    CorrectChargingSessionRequest,
    KeepBillRequest,
    ListSessionDecisionsRequest,
    ReleaseChargingSessionRequest,
    WriteOffChargingSessionRequest,
)
from csms.billing.v1.hold_pb2 import Hold
from csms.billing.v1.invoice_pb2 import Payment
from csms.billing.v1.payment_service_pb2 import CreatePaymentRequest
from csms.billing.v1.session_decision_pb2 import SessionDecision
from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.transaction.v1.transaction_pb2 import Transaction
from services.kernel.ids import derived_id
from services.rpc.protobuf import timestamp
from tests.contract.services.billing.conftest import Books, Caller, Tell
from tests.contract.services.billing.messages import (
    END,
    OTHER_DRIVER,
    START,
    amount,
    fields_of,
    new_tariff,
    refusal,
    running_transaction,
    session_id,
    transaction,
)
from tests.contract.services.billing.neighbours import Neighbours
from tests.fixtures.background import eventually
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.field_case("A11")

DONE = ("COMPLETED", "")
# Every reason that is for a person, with how a session comes to it.
FOR_A_PERSON: dict[str, dict[str, Any]] = {
    "unauthorized": {"authorization": Transaction.INVALID},
    "no_start": {"state": Transaction.ORPHAN, "start_time": None},
    "merged": {"state": Transaction.MERGED, "start_time": None, "stop_time": None},
    "implausible_energy": {"flags": ["implausible_energy"]},
    "register_went_back": {"flags": ["register_went_back"]},
}


async def _hold(books: Books, tell: Tell) -> dict[str, str]:
    """Hold a session for each reason; their ids by it."""
    numbers = dict(enumerate(FOR_A_PERSON))
    await tell(*(transaction(number, 1, **FOR_A_PERSON[reason]) for number, reason in numbers.items()))
    await books.become({f"CP{number}": ("HELD", reason) for number, reason in numbers.items()})
    return {reason: session_id(number) for number, reason in numbers.items()}


async def _get(boss: Caller, session: str) -> ChargingSession:
    return (await boss.sessions.GetChargingSession(GetChargingSessionRequest(id=session))).charging_session


async def test_held_sessions_are_listed_with_their_reasons_and_what_is_behind_them(
    boss: Caller, books: Books, tell: Tell
) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    held = await _hold(books, tell)
    await tell(transaction(9))
    await books.become({**{f"CP{n}": ("HELD", reason) for n, reason in enumerate(FOR_A_PERSON)}, "CP9": DONE})
    every = await boss.sessions.ListChargingSessions(ListChargingSessionsRequest(state=ChargingSession.HELD))
    assert {Hold.Reason.Name(one.hold_reason).lower(): one.id for one in every.charging_sessions} == held
    assert all(one.hold_detail for one in every.charging_sessions)
    request = ListChargingSessionsRequest(state=ChargingSession.HELD, hold_reason=Hold.UNAUTHORIZED)
    [one] = (await boss.sessions.ListChargingSessions(request)).charging_sessions
    assert one.id == held["unauthorized"]
    assert one.hold_detail == "the token TAG1 was invalid; 10.000 kWh in 1 h 0 min were delivered"
    none = ListChargingSessionsRequest(hold_reason=Hold.NO_TARIFF)
    assert not (await boss.sessions.ListChargingSessions(none)).charging_sessions


async def test_a_held_session_of_every_reason_has_a_way_out(boss: Caller, books: Books, tell: Tell) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    held = await _hold(books, tell)
    for reason, session in held.items():
        if reason == "merged":
            continue
        released = ReleaseChargingSessionRequest(id=session, reason="the driver has confirmed it")
        after = (await boss.decisions.ReleaseChargingSession(released)).charging_session
        assert (after.state, amount(after.cost), after.hold_detail) == (ChargingSession.COMPLETED, "4.00 EUR", "")
    refused = await refusal(
        boss.decisions.ReleaseChargingSession(ReleaseChargingSessionRequest(id=held["merged"], reason="x"))
    )
    assert refused.reason == "CHARGING_SESSION_RUNNING"
    written_off = WriteOffChargingSessionRequest(id=held["merged"], reason="it is billed as another session")
    after = (await boss.decisions.WriteOffChargingSession(written_off)).charging_session
    assert (after.state, after.HasField("hold_reason"), after.invoice_id) == (ChargingSession.WRITTEN_OFF, False, "")
    request = ListChargingSessionsRequest(state=ChargingSession.HELD)
    assert not (await boss.sessions.ListChargingSessions(request)).charging_sessions
    request = ListChargingSessionsRequest(state=ChargingSession.WRITTEN_OFF)
    assert [one.id for one in (await boss.sessions.ListChargingSessions(request)).charging_sessions] == [after.id]


async def test_a_held_session_is_corrected_by_a_person(boss: Caller, books: Books, tell: Tell) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    session = (await _hold(books, tell))["implausible_energy"]
    request = CorrectChargingSessionRequest(id=session, reason="the meter was read on site", energy_wh=20_000)
    after = (await boss.decisions.CorrectChargingSession(request)).charging_session
    assert (after.state, after.energy_wh, amount(after.cost)) == (ChargingSession.COMPLETED, 20_000, "8.00 EUR")
    assert (after.start_time, after.end_time) == (timestamp(START), timestamp(END))
    assert (after.decision.kind, after.decision.reason) == (SessionDecision.CORRECT, "the meter was read on site")


async def test_no_tariff_is_no_dead_end(boss: Caller, books: Books, tell: Tell) -> None:
    await tell(transaction(1))
    await books.become({"CP1": ("HELD", "no_tariff")})
    release = ReleaseChargingSessionRequest(id=session_id(), reason="x")
    assert (await refusal(boss.decisions.ReleaseChargingSession(release))).reason == "TARIFF_NOT_FOUND"
    elsewhere = (await boss.tariffs.CreateTariff(new_tariff(station_ids=[derived_id("station", 7)]))).tariff
    release.tariff_id = elsewhere.id
    after = (await boss.decisions.ReleaseChargingSession(release)).charging_session
    assert (after.state, after.tariff_id, amount(after.cost)) == (
        ChargingSession.COMPLETED,
        elsewhere.id,
        "4.00 EUR",
    )


async def test_decisions_are_on_the_record(boss: Caller, books: Books, tell: Tell) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    held = await _hold(books, tell)
    correct = CorrectChargingSessionRequest(id=held["implausible_energy"], reason="read", energy_wh=20_000)
    await boss.decisions.CorrectChargingSession(correct)
    gone = WriteOffChargingSessionRequest(id=held["implausible_energy"], reason="goodwill")
    await boss.decisions.WriteOffChargingSession(gone)
    await boss.decisions.WriteOffChargingSession(WriteOffChargingSessionRequest(id=held["merged"], reason="nothing"))
    every = (await boss.decisions.ListSessionDecisions(ListSessionDecisionsRequest())).decisions
    assert [one.reason for one in every] == ["nothing", "goodwill", "read"]
    request = ListSessionDecisionsRequest(charging_session_id=held["implausible_energy"])
    second, first = (await boss.decisions.ListSessionDecisions(request)).decisions
    assert (first.before.state, first.before.hold_reason, first.before.energy_wh) == (
        "HELD",
        Hold.IMPLAUSIBLE_ENERGY,
        10_000,
    )
    assert (first.after.energy_wh, first.decided_by) == (20_000, second.decided_by)
    assert first.decided_by
    assert (second.before.state, amount(second.before.cost)) == ("COMPLETED", "8.00 EUR")
    assert (second.after.state, second.kind) == ("WRITTEN_OFF", SessionDecision.WRITE_OFF)
    for narrowing, reasons in (
        ({"kind": SessionDecision.CORRECT}, ["read"]),
        ({"decided_by": "nobody"}, []),
        ({"create_time_to": first.create_time}, []),
        ({"create_time_from": second.create_time}, ["nothing", "goodwill"]),
    ):
        found = await boss.decisions.ListSessionDecisions(ListSessionDecisionsRequest(**narrowing))
        assert [one.reason for one in found.decisions] == reasons


async def test_a_decision_is_made_once_and_by_what_was_seen(boss: Caller, books: Books, tell: Tell) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    session = await _get(boss, (await _hold(books, tell))["unauthorized"])
    seen = ReleaseChargingSessionRequest(id=session.id, reason="fine", etag=session.etag, request_id="r1")
    first = (await boss.decisions.ReleaseChargingSession(seen)).charging_session
    again = (await boss.decisions.ReleaseChargingSession(seen)).charging_session
    assert again == first
    stale = WriteOffChargingSessionRequest(id=session.id, reason="no", etag=session.etag)
    assert (await refusal(boss.decisions.WriteOffChargingSession(stale))).reason == "ETAG_MISMATCH"
    assert len((await boss.decisions.ListSessionDecisions(ListSessionDecisionsRequest())).decisions) == 1
    assert len(await books.invoices()) == 1


async def test_a_decision_survives_what_its_charge_point_tells_later(boss: Caller, books: Books, tell: Tell) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    held = await _hold(books, tell)
    numbers = {reason: number for number, reason in enumerate(FOR_A_PERSON)}
    await boss.decisions.WriteOffChargingSession(WriteOffChargingSessionRequest(id=held["unauthorized"], reason="x"))
    correct = CorrectChargingSessionRequest(id=held["implausible_energy"], reason="x", energy_wh=1_000)
    await boss.decisions.CorrectChargingSession(correct)
    news = transaction(numbers["unauthorized"], 2, driver_id=OTHER_DRIVER)
    await tell(news, transaction(numbers["implausible_energy"], 2, energy_wh=12_000))

    async def taken_in() -> bool:
        return (await books.rows("SELECT count(*) FROM charging_sessions WHERE revision = 2")) == [(2,)]

    await eventually(taken_in)
    for reason, state in (
        ("unauthorized", ChargingSession.WRITTEN_OFF),
        ("implausible_energy", ChargingSession.COMPLETED),
    ):
        session = await _get(boss, held[reason])
        assert (session.state, session.correction.reason) == (state, Hold.DECIDED)
    assert await books.invoices() == [(f"CP{numbers['implausible_energy']}", "OPEN", 40)]
    # The next decision takes it up.
    release = ReleaseChargingSessionRequest(
        id=held["implausible_energy"], reason="the charge point was right after all"
    )
    after = (await boss.decisions.ReleaseChargingSession(release)).charging_session
    assert (after.energy_wh, amount(after.cost), after.decision_count) == (12_000, "4.80 EUR", 2)
    name = f"CP{numbers['implausible_energy']}"
    assert await books.invoices() == [(name, "VOID", 40), (name, "OPEN", 480)]


async def test_a_paid_bill_is_corrected_and_written_off_by_credit_notes(boss: Caller, books: Books, tell: Tell) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    await tell(transaction(1))
    await books.become({"CP1": DONE})
    session = await _get(boss, session_id())
    await boss.payments.CreatePayment(CreatePaymentRequest(payment=Payment(invoice_id=session.invoice_id)))
    correct = CorrectChargingSessionRequest(id=session.id, reason="complaint", energy_wh=1_000)
    after = (await boss.decisions.CorrectChargingSession(correct)).charging_session
    assert (after.energy_wh, amount(after.cost)) == (1_000, "0.40 EUR")
    gone = WriteOffChargingSessionRequest(id=session.id, reason="goodwill")
    after = (await boss.decisions.WriteOffChargingSession(gone)).charging_session
    assert (after.state, after.invoice_id, after.HasField("cost")) == (ChargingSession.WRITTEN_OFF, "", False)
    assert await books.invoices() == [("CP1", "CREDITED", 400), ("CP1", "CREDITED", 40)]
    assert [row[1:] for row in await books.credit_notes()] == [("OPEN", -400, -40), ("OPEN", -40, 0)]
    reported = [
        DomainEvent.FromString(payload) for (payload,) in await books.rows("SELECT payload FROM outbox ORDER BY seq")
    ]
    assert [
        (event.WhichOneof("payload"), event.session_billed.decision_count or event.session_unbilled.decision_count)
        for event in reported
    ] == [("session_billed", 0), ("session_billed", 1), ("session_unbilled", 2)]


async def test_what_cannot_be_decided_is_refused(boss: Caller, books: Books, tell: Tell) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    await tell(running_transaction(1), transaction(2))
    await books.become({"CP1": ("ACTIVE", ""), "CP2": DONE})
    running = ReleaseChargingSessionRequest(id=session_id(1), reason="x")
    assert (await refusal(boss.decisions.ReleaseChargingSession(running))).reason == "CHARGING_SESSION_RUNNING"
    billed = ReleaseChargingSessionRequest(id=session_id(2), reason="x")
    assert (await refusal(boss.decisions.ReleaseChargingSession(billed))).reason == "CHARGING_SESSION_NOT_HELD"
    kept = KeepBillRequest(id=session_id(2), reason="x")
    assert (await refusal(boss.decisions.KeepBill(kept))).reason == "CHARGING_SESSION_NOT_HELD"
    unknown = WriteOffChargingSessionRequest(id=session_id(3), reason="x")
    assert (await refusal(boss.decisions.WriteOffChargingSession(unknown))).reason == "CHARGING_SESSION_NOT_FOUND"
    for fields, named in (
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": "x", "energy_wh": -1}, "energyWh"),
        ({"reason": "x", "driver_id": "nobody"}, "driverId"),
    ):
        bad = CorrectChargingSessionRequest(id=session_id(2), **fields)
        assert fields_of(await refusal(boss.decisions.CorrectChargingSession(bad))) == [named]
    stranger = CorrectChargingSessionRequest(id=session_id(2), reason="x", driver_id=derived_id("driver", 77))
    assert (await refusal(boss.decisions.CorrectChargingSession(stranger))).reason == "DRIVER_NOT_FOUND"
    assert len(await books.invoices()) == 1


async def test_a_decision_is_kept_while_others_are_away_and_billed_when_they_are_back(
    boss: Caller, books: Books, tell: Tell, neighbours: Neighbours
) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    session = (await _hold(books, tell))["unauthorized"]
    neighbours.away = {"driver"}
    release = ReleaseChargingSessionRequest(id=session, reason="fine")
    after = (await boss.decisions.ReleaseChargingSession(release)).charging_session
    assert (after.state, after.hold_reason) == (ChargingSession.HELD, Hold.PENDING)
    neighbours.away = set()

    async def billed() -> bool:
        return (await _get(boss, session)).state == ChargingSession.COMPLETED

    await eventually(billed)


async def test_drivers_do_not_see_what_operators_say_of_their_sessions(
    busy: RunningService, boss: Caller, books: Books, tell: Tell
) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    session = (await _hold(books, tell))["unauthorized"]
    await boss.decisions.ReleaseChargingSession(ReleaseChargingSessionRequest(id=session, reason="a difficult client"))
    mine = await _get(boss, session)
    driver = Caller(await busy.channel("driver", driver_id=mine.driver_id))
    seen = await _get(driver, session)
    assert (seen.state, seen.HasField("decision"), list(seen.notes)) == (ChargingSession.COMPLETED, False, [])
    refused = await refusal(driver.decisions.ListSessionDecisions(ListSessionDecisionsRequest()))
    assert refused.reason == "PERMISSION_DENIED"
