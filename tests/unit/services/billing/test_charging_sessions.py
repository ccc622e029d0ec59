"""What sessions become by what charge points and callers tell."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.charging_session import (
    CLOCK_SKEW,
    ChargingSession,
    SessionState,
    billable,
    bound,
    check_completable,
    completed,
    ended,
    validated,
)
from services.billing.domain.following import TransactionSnapshot, followed, unheard
from services.billing.domain.pricing import price
from services.kernel.errors import DomainError
from tests.unit.services.billing.examples import DRIVER, NOW, STATION, energy, snapshot, tariff, used

OTHER_ID = "01890a5d-ac96-774b-bcce-b302099a8059"
INVOICE = "01890a5d-ac96-774b-bcce-b302099a8060"

snapshots = st.lists(
    st.builds(
        snapshot,
        st.integers(1, 30),
        is_accepted=st.booleans(),
        has_start=st.booleans(),
        stop_time=st.sampled_from([None, NOW, NOW + timedelta(hours=1)]),
        start_time=st.sampled_from([NOW - timedelta(hours=1), NOW - timedelta(hours=2)]),
        energy_wh=st.integers(-5, 50_000),
        driver_id=st.sampled_from([None, DRIVER, OTHER_ID]),
        station_id=st.sampled_from([None, STATION]),
        id_tag=st.sampled_from(["", "TAG1"]),
        flags=st.sampled_from([(), ("implausible_energy",), ("several_ends",)]),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda reported: reported.revision,
)


def _fold(reported: list[TransactionSnapshot]) -> ChargingSession:
    session = unheard(reported[0], NOW)
    for one in reported:
        session = followed(session, one, NOW)
    return session


def _billed(**fields: Any) -> ChargingSession:
    session = bound(_fold([snapshot(1, **fields)]), tariff(energy("0.40")))
    return completed(session, price(tariff(energy("0.40")), used()), INVOICE, NOW)


@given(snapshots, st.data())
def test_snapshots_in_any_order_and_number_give_the_same_session(
    reported: list[TransactionSnapshot], data: st.DataObject
) -> None:
    in_order = _fold(sorted(reported, key=lambda one: one.revision))
    shuffled = data.draw(st.permutations(reported + data.draw(st.lists(st.sampled_from(reported), max_size=8))))
    assert _fold(list(shuffled)) == in_order
    assert _fold([max(reported, key=lambda one: one.revision)]) == in_order


def test_the_session_of_a_transaction_has_the_same_id_wherever_it_is_made() -> None:
    assert unheard(snapshot(1), NOW).id == unheard(snapshot(7, energy_wh=1), NOW + timedelta(days=1)).id


@pytest.mark.parametrize(
    ("fields", "state", "reason"),
    [
        ({"stop_time": None}, SessionState.ACTIVE, ""),
        ({"stop_time": None, "is_accepted": False}, SessionState.ACTIVE, ""),
        ({}, SessionState.HELD, "pending"),
        ({"is_accepted": False}, SessionState.HELD, "unauthorized"),
        ({"is_accepted": False, "authorization": "concurrent_tx"}, SessionState.HELD, "concurrent_tx"),
        ({"has_start": False}, SessionState.HELD, "no_start"),
        ({"has_start": False, "is_accepted": False}, SessionState.HELD, "no_start"),
        ({"flags": ("implausible_energy",)}, SessionState.HELD, "implausible_energy"),
        ({"flags": ("register_went_back", "several_ends")}, SessionState.HELD, "register_went_back"),
        ({"flags": ("several_ends",)}, SessionState.HELD, "pending"),
        ({"flags": ("estimated_end", "several_ends")}, SessionState.HELD, "estimated_end"),
        ({"flags": ("estimated_end", "implausible_energy")}, SessionState.HELD, "implausible_energy"),
    ],
)
def test_a_snapshot_decides_where_a_session_stands(fields: dict[str, Any], state: SessionState, reason: str) -> None:
    session = _fold([snapshot(1, **fields)])
    assert (session.state, session.hold_reason) == (state, reason)


@pytest.mark.parametrize(
    ("change", "is_wrong"),
    [
        ({}, False),
        ({"id_tag": "TAG2", "connector_id": 2, "flags": ("several_ends",)}, False),
        ({"flags": ("estimated_end",)}, False),
        ({"energy_wh": 10_001}, True),
        ({"stop_time": NOW}, True),
        ({"start_time": NOW - timedelta(hours=3)}, True),
        ({"driver_id": OTHER_ID}, True),
        ({"driver_id": None}, True),
        ({"station_id": OTHER_ID}, True),
    ],
)
def test_a_bill_stands_until_another_is_due_in_its_place(change: dict[str, Any], is_wrong: bool) -> None:
    billed = _billed()
    after = followed(billed, snapshot(2, **change), NOW)
    assert (after.state, after.invoice_id, after.cost) == (SessionState.COMPLETED, INVOICE, billed.cost)
    assert after.hold_reason == ("pending" if is_wrong else "")
    # Until then the session says what its bill says.
    assert after.facts.bills_like(billed.facts)
    reported = unheard(snapshot(2, **change), NOW)._replace(id=billed.id)
    assert billable(after).facts.bills_like(followed(reported, snapshot(2, **change), NOW).facts)


def test_an_older_snapshot_changes_nothing() -> None:
    session = _billed()
    assert followed(session, snapshot(1, energy_wh=99), NOW) is session
    assert followed(session, snapshot(0, stop_time=None), NOW) is session


def test_the_tariff_is_kept_while_place_and_start_are_the_same() -> None:
    session = _billed()
    assert billable(followed(session, snapshot(2, energy_wh=1), NOW)).tariff_id == session.tariff_id
    for change in ({"station_id": OTHER_ID}, {"start_time": NOW - timedelta(hours=3)}):
        after = billable(followed(session, snapshot(2, **change), NOW))
        assert (after.tariff_id, after.tariff_version) == (None, 0)


def test_a_caller_completes_a_session_once() -> None:
    session = ChargingSession(id=OTHER_ID, start_time=NOW, create_time=NOW, update_time=NOW)
    assert not check_completable(session, 5, None, 0)
    done = ended(session, 5, NOW, 0, NOW)
    assert (done.state, done.hold_reason) == (SessionState.HELD, "pending")
    assert check_completable(done, 5, None, 0)
    assert check_completable(done, 5, NOW, 0)
    later = NOW + timedelta(seconds=1)
    for energy_wh, end_time, idle_minutes in ((6, NOW, 0), (5, later, 0), (5, NOW, 1)):
        with pytest.raises(DomainError) as refused:
            check_completable(done, energy_wh, end_time, idle_minutes)
        assert refused.value.reason == "CHARGING_SESSION_COMPLETED"


def test_a_caller_does_not_complete_what_its_charge_point_completes() -> None:
    with pytest.raises(DomainError) as refused:
        check_completable(_fold([snapshot(1, stop_time=None)]), 5, None, 0)
    assert refused.value.reason == "CHARGING_SESSION_COMPLETED"


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"station_id": "x"}, ["stationId"]),
        ({"driver_id": "x", "tariff_id": "y"}, ["driverId", "tariffId"]),
        ({"charge_point_id": "x" * 49}, ["chargePointId"]),
        ({"connector_id": -1, "id_tag": "\x01"}, ["connectorId", "idTag"]),
        ({"start_time": NOW + CLOCK_SKEW + timedelta(seconds=1)}, ["startTime"]),
        ({"start_time": NOW.replace(year=1)}, ["startTime"]),
    ],
)
def test_every_bad_field_of_an_entered_session_is_named(changes: dict[str, Any], fields: list[str]) -> None:
    session = ChargingSession(id=OTHER_ID, start_time=NOW, create_time=NOW, update_time=NOW)
    assert validated(session, NOW) is session
    with pytest.raises(DomainError) as refused:
        validated(session._replace(**changes), NOW)
    named = [violation.field for violation in refused.value.violations]
    assert named == [f"chargingSession.{field}" for field in fields]
