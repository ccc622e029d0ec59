"""Live readings: gathered in any order, held once, and never needed for a correct sum."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.monitoring.domain.live_reading import Gathered, LiveReading, LiveReadings, metered
from services.monitoring.domain.metrics import transaction_changes
from services.monitoring.domain.transaction import POWER_IS_FRESH, TransactionState, followed
from tests.unit.services.monitoring.samples import NOW, a_transaction

KEY = ("CP1", "42")


def reading(seconds: int, *, power_w: int | None = None, register_wh: int | None = None) -> LiveReading:
    return LiveReading(
        charge_point_id="CP1",
        ocpp_transaction_id="42",
        time=NOW + timedelta(seconds=seconds),
        power_w=power_w,
        register_wh=register_wh,
    )


def gathered(*readings: LiveReading) -> Gathered:
    waiting = LiveReadings()
    waiting.add(readings)
    return waiting.take(1)[KEY]


@given(st.permutations([reading(second, power_w=second, register_wh=1_000 + second) for second in range(0, 150, 30)]))
def test_readings_may_come_in_any_order(readings: list[LiveReading]) -> None:
    found = gathered(*readings)
    assert (found.power_w, found.power_time) == (120, NOW + timedelta(seconds=120))
    assert found.registers_wh == {
        NOW: 1_030,
        NOW + timedelta(minutes=1): 1_090,
        NOW + timedelta(minutes=2): 1_120,
    }


def test_energy_belongs_to_the_minute_its_register_was_read_in() -> None:
    samples = gathered(reading(0, register_wh=1_500), reading(65, register_wh=1_700))
    after, changes = metered(a_transaction(meter_start_wh=1_000), samples, NOW)
    assert after.metered_wh == 700
    assert [(change.time, change.metrics.energy_wh) for change in changes] == [
        (NOW, 500),
        (NOW + timedelta(minutes=1), 200),
    ]


def test_the_same_readings_again_add_nothing() -> None:
    samples = gathered(reading(0, power_w=3_000, register_wh=1_500))
    once, _ = metered(a_transaction(), samples, NOW)
    again, changes = metered(once, samples, NOW)
    assert again is once
    assert changes == []


@given(st.lists(st.integers(1_000, 9_000)), st.integers(0, 9_000), st.sets(st.integers(0, 10)))
def test_whatever_is_lost_on_the_way_the_end_makes_the_sum_right(
    registers: list[int], energy_wh: int, lost: set[int]
) -> None:
    held_wh = 0
    known = a_transaction()
    for position, register_wh in enumerate(registers):
        if position not in lost:
            known, changes = metered(known, gathered(reading(position, register_wh=register_wh)), NOW)
            held_wh += sum(change.metrics.energy_wh for change in changes)
    end = a_transaction(state=TransactionState.ENDED, stop_time=NOW, energy_wh=energy_wh, revision=2)
    _, changes = transaction_changes(known, followed(known, end))
    assert held_wh + sum(change.metrics.energy_wh for change in changes) == energy_wh


@pytest.mark.field_case("A7")
@pytest.mark.parametrize(
    ("register_wh", "energy_wh"),
    [(4_076_228, 228), (228, 228), (4_076_000_000, 0), (9_000_000, 0), (-5, 0)],
)
def test_a_register_counts_live_as_far_as_it_can_be_true_at_first_sight(register_wh: int, energy_wh: int) -> None:
    begun = a_transaction(meter_start_wh=4_076_000)
    after, changes = metered(begun, gathered(reading(60, register_wh=register_wh)), NOW)
    assert (after.metered_wh, sum(change.metrics.energy_wh for change in changes)) == (energy_wh, energy_wh)


def test_readings_sent_long_after_they_were_made_tell_nothing_of_now() -> None:
    late = -int(POWER_IS_FRESH.total_seconds()) - 1
    before = a_transaction(power_time=None)
    after, changes = metered(before, gathered(reading(late, power_w=9_000, register_wh=1_200)), NOW)
    assert after.power_w is None
    assert [change.metrics.energy_wh for change in changes] == [200]


def test_a_snapshot_does_not_take_back_a_later_reading() -> None:
    known, _ = metered(a_transaction(power_time=None), gathered(reading(60, power_w=7_000)), NOW)
    snapshot = a_transaction(revision=2, power_w=1_000, power_time=NOW)
    assert followed(known, snapshot).power_w == 7_000
    assert followed(snapshot, known) is snapshot


def test_without_a_register_at_the_start_only_the_power_is_taken() -> None:
    after, changes = metered(
        a_transaction(meter_start_wh=None, power_time=None), gathered(reading(0, power_w=50, register_wh=5_000)), NOW
    )
    assert (after.power_w, changes) == (50, [])


def test_what_waits_is_bounded() -> None:
    waiting = LiveReadings(most_sessions=1)
    other = LiveReading(charge_point_id="CP2", ocpp_transaction_id="1", time=NOW, power_w=1, register_wh=None)
    waiting.add([reading(0, power_w=1), other, reading(1, power_w=2)])
    assert list(waiting.take(10)) == [KEY]
    assert waiting.take(10) == {}
