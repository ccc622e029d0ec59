"""Metrics: the minutes hold what the newest snapshots say, in whatever order and however often these come."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.errors import DomainError
from services.monitoring.domain.metrics import (
    MetricChange,
    Metrics,
    Window,
    bucket_of,
    merged,
    plus,
    transaction_changes,
    window_of,
)
from services.monitoring.domain.transaction import Transaction, TransactionState, followed
from tests.unit.services.monitoring.samples import NOW, a_transaction

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

Minutes = dict[tuple[str, datetime], Metrics]


@st.composite
def histories(draw: st.DrawFn) -> list[Transaction]:
    """The snapshots of one transaction as they were made: it starts or is an orphan, changes, and perhaps ends."""
    history = []
    for revision in range(1, draw(st.integers(1, 5)) + 1):
        minutes = st.integers(0, 30).map(lambda count: NOW + count * MINUTE)
        is_over = draw(st.booleans())
        history.append(
            a_transaction(
                revision=revision,
                state=TransactionState.ENDED if is_over else TransactionState.ACTIVE,
                start_time=draw(st.none() | minutes),
                stop_time=draw(minutes) if is_over else None,
                energy_wh=draw(st.integers(0, 50_000)),
                update_time=NOW + revision * MINUTE,
            )
        )
    return history


def taken_in(snapshots: Iterable[Transaction]) -> tuple[Transaction, Minutes]:
    """What is known, and what the minutes hold, after snapshots."""
    known: Transaction | None = None
    minutes: defaultdict[tuple[str, datetime], Metrics] = defaultdict(Metrics)
    for snapshot in snapshots:
        newer = followed(known, snapshot)
        if newer is known:
            continue
        known, changes = transaction_changes(known, newer)
        for change in changes:
            key = change.station_id, change.time
            minutes[key] = plus(minutes[key], change.metrics)
    assert known is not None
    return known, minutes


def counts(minutes: Minutes) -> set[tuple[str, datetime, int, int]]:
    return {
        (station_id, time, each.started_transaction_count, each.ended_transaction_count)
        for (station_id, time), each in minutes.items()
        if each.started_transaction_count or each.ended_transaction_count
    }


@given(histories(), st.data())
def test_starts_and_ends_count_once_in_any_order_and_with_repetitions(
    history: list[Transaction], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(history)) + data.draw(st.lists(st.sampled_from(history)))
    assert counts(taken_in(order)[1]) == counts(taken_in(history[-1:])[1])


@given(histories(), st.data())
def test_the_energy_of_an_ended_transaction_is_held_once(history: list[Transaction], data: st.DataObject) -> None:
    order = data.draw(st.permutations(history)) + data.draw(st.lists(st.sampled_from(history)))
    known, minutes = taken_in(order)
    held_wh = sum(each.energy_wh for each in minutes.values())
    assert known.metered_wh == held_wh
    if known.stop_time is not None:
        assert held_wh == history[-1].energy_wh


def test_a_later_snapshot_moves_an_end_and_corrects_its_energy() -> None:
    ended = {"state": TransactionState.ENDED, "stop_time": NOW, "energy_wh": 9_000}
    corrected = {**ended, "stop_time": NOW + 5 * MINUTE, "energy_wh": 8_000}
    _, minutes = taken_in([a_transaction(**ended), a_transaction(revision=2, **corrected)])
    station_id = str(a_transaction().station_id)
    assert minutes[station_id, NOW] == Metrics(energy_wh=9_000)
    assert minutes[station_id, NOW + 5 * MINUTE] == Metrics(energy_wh=-1_000, ended_transaction_count=1)


def test_what_is_left_of_an_orphan_counts_nothing() -> None:
    orphan = {"state": TransactionState.ORPHAN, "start_time": None, "stop_time": NOW, "energy_wh": 10}
    left = {"state": TransactionState.MERGED, "start_time": None, "energy_wh": 0}
    known, minutes = taken_in([a_transaction(**orphan), a_transaction(revision=2, **left)])
    assert known.metered_wh == sum(each.energy_wh for each in minutes.values()) == 0
    assert counts(minutes) == set()


def test_a_transaction_without_a_station_counts_nowhere_until_it_has_one() -> None:
    known, minutes = taken_in([a_transaction(station_id=None, energy_wh=500)])
    assert (known.metered_wh, minutes) == (0, {})
    _, minutes = taken_in([a_transaction(station_id=None, energy_wh=500), a_transaction(revision=2, energy_wh=600)])
    assert sum(each.energy_wh for each in minutes.values()) == 600


def test_a_running_transaction_never_takes_energy_away() -> None:
    known, changes = transaction_changes(None, a_transaction(energy_wh=100, metered_wh=300))
    assert known.metered_wh == 300
    assert not any(change.metrics.energy_wh for change in changes)


def test_changes_of_one_minute_become_one_in_the_order_of_stations() -> None:
    def change(station_id: str, **metrics: int) -> MetricChange:
        return MetricChange(station_id=station_id, time=NOW, metrics=Metrics(**metrics))

    changes = [
        change("B", energy_wh=1),
        change("A", max_power_w=5),
        change("B", energy_wh=2),
        change("A", max_power_w=3),
    ]
    assert merged(changes) == [change("A", max_power_w=5), change("B", energy_wh=3)]


def test_a_minute_begins_with_its_first_moment() -> None:
    assert bucket_of(NOW) == NOW
    assert bucket_of(NOW + timedelta(seconds=59, microseconds=999_999)) == NOW
    assert bucket_of(datetime(1969, 12, 31, 23, 59, 30, tzinfo=UTC)) == datetime(1969, 12, 31, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "window"),
    [
        ((None, None, None), Window(NOW - DAY, NOW, HOUR)),
        ((HOUR, MINUTE, NOW - DAY), Window(NOW - DAY - HOUR, NOW - DAY, MINUTE)),
        ((HOUR, HOUR, NOW + timedelta(seconds=1)), Window(NOW - HOUR + MINUTE, NOW + MINUTE, HOUR)),
    ],
)
def test_a_window_ends_now_and_has_a_day_in_hours_unless_asked_otherwise(
    asked: tuple[timedelta | None, timedelta | None, datetime | None], window: Window
) -> None:
    assert window_of(*asked, NOW) == window


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        ((timedelta(seconds=59), None, None), ["window"]),
        ((91 * DAY, DAY, None), ["window"]),
        ((DAY, timedelta(0), None), ["step"]),
        ((DAY, 31 * DAY, None), ["step"]),
        ((90 * DAY, HOUR, None), ["step"]),
        ((-DAY, -HOUR, datetime(1, 1, 1, tzinfo=UTC)), ["window", "step", "endTime"]),
        ((DAY, HOUR, datetime(9999, 12, 31, tzinfo=UTC)), ["endTime"]),
    ],
)
def test_a_window_out_of_bounds_is_refused(
    asked: tuple[timedelta | None, timedelta | None, datetime | None], fields: Sequence[str]
) -> None:
    with pytest.raises(DomainError) as failure:
        window_of(*asked, NOW)
    assert [violation.field for violation in failure.value.violations] == fields


def test_steps_without_anything_are_there_with_zeros() -> None:
    window = Window(NOW, NOW + 100 * MINUTE, HOUR)
    assert window.count == 2
    points = window.filled({1: Metrics(fault_count=3)})
    assert [(each.time, each.metrics) for each in points] == [(NOW, Metrics()), (NOW + HOUR, Metrics(fault_count=3))]
