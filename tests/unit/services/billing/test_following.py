"""What is told of a session after its bill, or after a person has decided about it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.charging_session import ChargingSession, SessionState, billable, bound, completed
from services.billing.domain.decision import Choice, decided
from services.billing.domain.following import followed, taken_back, takes_bill_back, unheard
from services.billing.domain.invoice import Invoice, issued
from services.billing.domain.pricing import Price, price
from services.billing.domain.remarks import DecisionKind
from services.billing.domain.settlement import Change, change_of, standing
from services.kernel.money import Money
from tests.unit.services.billing.examples import DRIVER, NOW, STATION, energy, snapshot, tariff, used

pytestmark = pytest.mark.field_case("A10")

INVOICE = "01890a5d-ac96-774b-bcce-b302099a8060"
OTHER_ID = "01890a5d-ac96-774b-bcce-b302099a8059"
PLAN = tariff(energy("0.40"))
DOUBTS = ["no_register", "implausible_energy", "register_went_back"]


def _cost(energy_wh: int) -> Price:
    return price(PLAN, used(energy_wh=energy_wh))


def _billed(energy_wh: int = 10_000) -> tuple[ChargingSession, Invoice]:
    ended = followed(unheard(snapshot(1), NOW), snapshot(1, energy_wh=energy_wh), NOW)
    cost = _cost(energy_wh)
    invoice = issued(INVOICE, "2026-000001", DRIVER, ended.id, cost, NOW)
    return completed(bound(ended, PLAN), cost, INVOICE, NOW), invoice


def _paid(invoice: Invoice) -> Invoice:
    return invoice._replace(paid=invoice.total)


told_later = st.builds(
    snapshot,
    st.integers(2, 30),
    is_accepted=st.booleans(),
    has_start=st.booleans(),
    is_merged=st.booleans(),
    stop_time=st.sampled_from([None, NOW, NOW + timedelta(hours=1)]),
    energy_wh=st.integers(-5, 50_000) | st.just(10_000),
    driver_id=st.sampled_from([None, DRIVER, OTHER_ID]),
    station_id=st.sampled_from([None, STATION]),
    flags=st.sampled_from([(), *((doubt,) for doubt in DOUBTS), ("estimated_end",), ("several_ends",)]),
)


@given(st.lists(told_later, min_size=1, max_size=6, unique_by=lambda reported: reported.revision), st.booleans())
def test_whatever_is_told_after_a_bill_leaves_the_session_billed_and_as_its_bill_says(
    reported: list[Any], is_written_off: bool
) -> None:
    session, _ = _billed()
    if is_written_off:
        choice = Choice(kind=DecisionKind.WRITE_OFF, reason="x", decided_by="anna")
        session = decided(session, choice, None, OTHER_ID, NOW)
    after = session
    for one in sorted(reported, key=lambda one: one.revision):
        after = followed(after, one, NOW)
    assert (after.state, after.cost, after.invoice_id) == (session.state, session.cost, session.invoice_id)
    assert after.facts.bills_like(session.facts)
    assert after.revision == max(one.revision for one in reported)
    # Nothing of what differs is passed over in silence.
    last = max(reported, key=lambda one: one.revision)
    is_clean = last.stop_time is not None and last.is_accepted and last.has_start and not last.is_merged
    told_facts = (max(0, last.energy_wh), last.stop_time, last.driver_id, last.station_id)
    differs = told_facts != (session.energy_wh, session.end_time, session.driver_id, session.station_id)
    if is_written_off and not differs:
        assert after.remarks.correction is None
        assert after.remarks.notes or is_clean
    elif differs or not is_clean:
        assert after.remarks.due is not None or after.remarks.correction is not None
        assert after.hold_reason in ("pending", "estimated_end", "correction")
    else:
        assert (after.remarks.due, after.remarks.correction, after.hold_reason) == (None, None, "")


@pytest.mark.parametrize("doubt", DOUBTS)
def test_a_doubt_after_the_bill_is_noted_and_holds_nothing(doubt: str) -> None:
    session, _ = _billed()
    after = followed(session, snapshot(2, flags=(doubt,)), NOW)
    assert (after.state, after.hold_reason, after.remarks.correction) == (SessionState.COMPLETED, "", None)
    [note] = after.remarks.notes
    assert (note.kind, note.revision) == (doubt, 2)
    # Told again it is not noted again.
    assert followed(after, snapshot(3, flags=(doubt,)), NOW).remarks.notes == after.remarks.notes


@pytest.mark.parametrize("doubt", DOUBTS)
def test_a_doubtful_correction_waits_for_a_person_even_if_nothing_is_paid(doubt: str) -> None:
    after = followed(_billed()[0], snapshot(2, energy_wh=900_000, flags=(doubt,)), NOW)
    correction = after.remarks.correction
    assert correction is not None
    assert (after.state, after.energy_wh, correction.reason) == (SessionState.COMPLETED, 10_000, doubt)
    assert correction.facts.energy_wh == 900_000
    assert "900.000 kWh instead of 10.000 kWh" in correction.detail


def test_what_is_put_right_again_leaves_no_correction() -> None:
    wrong = followed(_billed()[0], snapshot(2, energy_wh=900_000, flags=("implausible_energy",)), NOW)
    right = followed(wrong, snapshot(3), NOW)
    assert (right.remarks.correction, right.hold_reason) == (None, "")


@pytest.mark.parametrize(
    ("change", "reason", "state"),
    [
        ({"is_accepted": False}, "unauthorized", SessionState.HELD),
        ({"is_merged": True, "stop_time": None}, "merged", SessionState.HELD),
        ({"has_start": False}, "no_start", SessionState.HELD),
        ({"stop_time": None}, "running", SessionState.ACTIVE),
    ],
)
def test_where_nothing_is_left_to_bill_the_bill_may_be_taken_back(
    change: dict[str, Any], reason: str, state: SessionState
) -> None:
    session, _ = _billed()
    after = followed(session, snapshot(2, **change), NOW)
    assert takes_bill_back(after)
    assert after.remarks.correction is not None
    assert after.remarks.correction.reason == reason
    without = taken_back(after)
    assert (without.state, without.invoice_id, without.cost) == (state, None, None)
    assert without.hold_reason == ("" if reason == "running" else reason)
    assert not takes_bill_back(session)


@pytest.mark.parametrize(
    ("reported", "is_paid", "change"),
    [
        # Nothing was paid: voided, however much it changes.
        ({"energy_wh": 90_000}, False, Change.ISSUE),
        # Paid: by itself up to the limit of 5.00, in both directions.
        ({"energy_wh": 10_002}, True, Change.STAND),
        ({"energy_wh": 22_500}, True, Change.CREDIT),
        ({"energy_wh": 22_600}, True, Change.ASK),
        ({"energy_wh": 0}, True, Change.CREDIT),
        # Another payer is never found by itself.
        ({"energy_wh": 10_000, "driver_id": OTHER_ID}, True, Change.ASK),
    ],
)
def test_how_a_bill_changes_depends_on_what_was_paid_and_by_how_much(
    reported: dict[str, Any], is_paid: bool, change: Change
) -> None:
    session, invoice = _billed()
    after = followed(session, snapshot(2, **reported), NOW)
    cost = _cost(billable(after).energy_wh)
    found = change_of(after, _paid(invoice) if is_paid else invoice, cost, Decimal(5))
    assert found is change
    if change in (Change.STAND, Change.ASK):
        stands = standing(after, found, cost, NOW)
        assert (stands.state, stands.energy_wh, stands.cost) == (SessionState.COMPLETED, 10_000, session.cost)
        noted = bool(stands.remarks.notes) if change is Change.STAND else stands.hold_reason == "correction"
        assert noted


def test_a_partial_payment_counts_as_one() -> None:
    session, invoice = _billed()
    after = followed(session, snapshot(2, energy_wh=90_000), NOW)
    partly = invoice._replace(paid=Money("EUR", 1))
    assert change_of(after, partly, _cost(90_000), Decimal(5)) is Change.ASK


def test_without_a_tariff_a_paid_bill_stands_until_there_is_one() -> None:
    session, invoice = _billed()
    after = followed(session, snapshot(2, station_id=None), NOW)
    assert change_of(after, invoice, None, Decimal(5)) is Change.HOLD
    assert change_of(after, _paid(invoice), None, Decimal(5)) is Change.WAIT
    waits = standing(after, Change.WAIT, None, NOW)
    assert (waits.state, waits.hold_reason) == (SessionState.COMPLETED, "no_tariff")
