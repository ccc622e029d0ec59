"""What persons decide about sessions, and what stays of that whatever is told later."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.billing.domain.charging_session import (
    ChargingSession,
    SessionState,
    billable,
    bound,
    completed,
    idle_minutes_decided,
    unbilled,
)
from services.billing.domain.decision import Choice, decided, recorded, require_same, validated
from services.billing.domain.following import TransactionSnapshot, followed, unheard
from services.billing.domain.pricing import price
from services.billing.domain.remarks import DecisionKind
from services.kernel.errors import DomainError
from tests.unit.services.billing.examples import DRIVER, NOW, energy, snapshot, tariff, used

pytestmark = pytest.mark.field_case("A11")

INVOICE = "01890a5d-ac96-774b-bcce-b302099a8060"
DECISION = "01890a5d-ac96-774b-bcce-b302099a8061"
OTHER_ID = "01890a5d-ac96-774b-bcce-b302099a8059"
PLAN = tariff(energy("0.40"))
LATER = NOW + timedelta(hours=1)
HELD: list[dict[str, Any]] = [
    {"is_accepted": False},
    {"has_start": False},
    {"flags": ("implausible_energy",)},
    {"flags": ("register_went_back",)},
    {"flags": ("estimated_end",)},
    {},
]


def _held(**fields: Any) -> ChargingSession:
    return followed(unheard(snapshot(1), NOW), snapshot(1, **fields), NOW)


def _billed() -> ChargingSession:
    return completed(bound(_held(), PLAN), price(PLAN, used()), INVOICE, NOW)


def _decide(session: ChargingSession, kind: str, **fields: Any) -> ChargingSession:
    choice = Choice(kind=DecisionKind(kind), reason="looked at it", decided_by="anna", **fields)
    return decided(session, choice, None, DECISION, LATER)


def _refused(session: ChargingSession, kind: str, **fields: Any) -> DomainError:
    with pytest.raises(DomainError) as refused:
        _decide(session, kind, **fields)
    return refused.value


@pytest.mark.parametrize("fields", HELD)
def test_a_session_that_is_held_for_whatever_reason_is_billed_as_told_when_it_is_released(
    fields: dict[str, Any],
) -> None:
    before = _held(**fields)
    after = _decide(before, "RELEASE")
    assert (after.state, after.hold_reason, after.remarks.hold_detail) == (SessionState.HELD, "pending", "")
    assert billable(after).facts == before.facts
    assert after.remarks.decision is not None
    assert (after.remarks.decision.decided_by, after.remarks.decision_count) == ("anna", 1)


@pytest.mark.parametrize("fields", [*HELD, {"is_merged": True, "stop_time": None}])
def test_a_session_that_is_held_for_whatever_reason_can_be_corrected_and_written_off(fields: dict[str, Any]) -> None:
    before = _held(**fields)
    end = before.start_time + timedelta(hours=2)
    corrected = billable(_decide(before, "CORRECT", energy_wh=7_000, end_time=end, idle_minutes=3, driver_id=OTHER_ID))
    assert (corrected.energy_wh, corrected.end_time, idle_minutes_decided(corrected)) == (7_000, end, 3)
    assert (corrected.driver_id, corrected.start_time, corrected.hold_reason) == (
        OTHER_ID,
        before.start_time,
        "pending",
    )
    gone = _decide(before, "WRITE_OFF")
    assert (gone.state, gone.hold_reason, gone.invoice_id) == (SessionState.WRITTEN_OFF, "", None)


def test_what_has_no_end_is_not_billed_without_one() -> None:
    merged = _held(is_merged=True, stop_time=None)
    assert _refused(merged, "RELEASE").reason == "CHARGING_SESSION_RUNNING"
    assert [one.field for one in _refused(merged, "CORRECT", energy_wh=1).violations] == ["endTime"]
    running = _held(stop_time=None)
    for kind in DecisionKind:
        assert _refused(running, kind).reason == "CHARGING_SESSION_RUNNING"


def test_a_bill_is_released_or_kept_only_when_something_waits() -> None:
    for kind in ("RELEASE", "KEEP"):
        assert _refused(_billed(), kind).reason == "CHARGING_SESSION_NOT_HELD"
    assert _refused(_held(is_accepted=False), "KEEP").reason == "CHARGING_SESSION_NOT_HELD"


def test_a_waiting_correction_is_made_or_put_away() -> None:
    waits = followed(_billed(), snapshot(2, energy_wh=90_000, flags=("implausible_energy",)), NOW)
    made = _decide(waits, "RELEASE")
    assert (made.state, made.hold_reason, made.energy_wh) == (SessionState.COMPLETED, "pending", 10_000)
    assert billable(made).energy_wh == 90_000
    assert made.remarks.due is not None
    assert made.remarks.due.is_approved
    kept = _decide(waits, "KEEP")
    assert (kept.hold_reason, kept.remarks.correction, kept.energy_wh, kept.invoice_id) == ("", None, 10_000, INVOICE)
    # Told again, what was put away is no news.
    again = followed(kept, snapshot(3, energy_wh=90_000, flags=("implausible_energy",)), NOW)
    assert again.remarks.correction is None
    # Something else is.
    assert followed(kept, snapshot(3, energy_wh=80_000), NOW).remarks.correction is not None


def test_a_bill_is_corrected_and_written_off_by_a_person_too() -> None:
    corrected = _decide(_billed(), "CORRECT", energy_wh=9_000)
    assert (corrected.state, corrected.hold_reason, corrected.energy_wh) == (SessionState.COMPLETED, "pending", 10_000)
    assert billable(corrected).energy_wh == 9_000
    unchanged = _decide(_billed(), "CORRECT", energy_wh=10_000)
    assert (unchanged.hold_reason, unchanged.remarks.due) == ("", None)
    assert _decide(_billed(), "WRITE_OFF").state is SessionState.WRITTEN_OFF


NEWS = snapshot(2, energy_wh=50_000, driver_id=OTHER_ID)


@pytest.mark.parametrize("kind", ["RELEASE", "CORRECT", "WRITE_OFF"])
@pytest.mark.parametrize("news", [NEWS, NEWS._replace(stop_time=None), NEWS._replace(is_merged=True, stop_time=None)])
def test_a_decision_survives_what_is_told_later_which_waits_for_the_next_one(
    kind: str, news: TransactionSnapshot
) -> None:
    fields = {"energy_wh": 7_000} if kind == "CORRECT" else {}
    chosen = _decide(_held(is_accepted=False), kind, **fields)
    after = followed(chosen, news, LATER)
    # Before its bill as well as after it.
    assert (after.state, after.hold_reason, after.facts) == (
        chosen.state,
        chosen.hold_reason or "correction",
        chosen.facts,
    )
    assert after.remarks.correction is not None
    assert after.remarks.correction.reason == "decided"
    if kind != "WRITE_OFF":
        billed = completed(billable(after), price(PLAN, used(energy_wh=after.energy_wh)), INVOICE, LATER)
        assert (billed.state, billed.hold_reason) == (SessionState.COMPLETED, "correction")
        assert billed.remarks.correction == after.remarks.correction
    # The same as before is no news.
    same = followed(chosen, snapshot(2, is_accepted=False), LATER)
    assert same.remarks.correction is None
    assert (same.state, same.facts) == (chosen.state, chosen.facts)


def test_a_decision_that_is_still_to_be_billed_is_not_lost_to_news() -> None:
    chosen = _decide(_billed(), "CORRECT", energy_wh=9_000)
    after = followed(chosen, NEWS, LATER)
    assert (after.hold_reason, billable(after).energy_wh) == ("pending", 9_000)
    assert after.remarks.correction is not None


def test_what_was_written_off_can_be_billed_after_all() -> None:
    gone = unbilled(_decide(_billed(), "WRITE_OFF"))
    back = _decide(gone, "RELEASE")
    assert (back.state, back.hold_reason, back.energy_wh) == (SessionState.HELD, "pending", 10_000)
    assert back.remarks.decision_count == 2


def test_the_record_says_what_was_before_and_after() -> None:
    before = _held(flags=("implausible_energy",))
    record = recorded(before, _decide(before, "CORRECT", energy_wh=7_000))
    assert (record.before.hold_reason, record.before.energy_wh) == ("implausible_energy", 10_000)
    assert (record.after.hold_reason, record.after.energy_wh) == ("pending", 7_000)
    assert (record.decided_by, record.reason, record.create_time) == ("anna", "looked at it", LATER)
    billed = _billed()
    record = recorded(billed, _decide(billed, "CORRECT", energy_wh=9_000))
    assert (record.before.cost, record.after.energy_wh) == (billed.cost, 9_000)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"energy_wh": -1}, "energyWh"),
        ({"energy_wh": 100_000_001}, "energyWh"),
        ({"idle_minutes": 10_081}, "idleMinutes"),
        ({"end_time": NOW - timedelta(days=1)}, "endTime"),
        ({"start_time": NOW + timedelta(days=1), "end_time": NOW + timedelta(days=2)}, "endTime"),
        ({"start_time": NOW - timedelta(days=400)}, "endTime"),
        ({"start_time": NOW.replace(year=1)}, "startTime"),
    ],
)
def test_a_bad_figure_is_named(fields: dict[str, Any], named: str) -> None:
    assert [one.field for one in _refused(_held(is_accepted=False), "CORRECT", **fields).violations] == [named]


def test_every_bad_word_of_a_decision_is_named() -> None:
    choice = Choice(kind=DecisionKind.CORRECT, reason="  ", decided_by="anna", driver_id="x", tariff_id="y")
    with pytest.raises(DomainError) as refused:
        validated(choice)
    assert [one.field for one in refused.value.violations] == ["reason", "driverId", "tariffId"]
    fine = replace(choice, reason="x" * 500, driver_id=DRIVER, tariff_id=None)
    assert validated(fine) is fine


def test_a_decision_about_another_version_is_refused() -> None:
    session = _held(is_accepted=False)
    require_same(session, "")
    require_same(session, session.etag)
    for newer in (followed(session, snapshot(2, is_accepted=False), LATER), _decide(session, "RELEASE")):
        assert newer.etag != session.etag
        with pytest.raises(DomainError) as refused:
            require_same(newer, session.etag)
        assert refused.value.reason == "ETAG_MISMATCH"
