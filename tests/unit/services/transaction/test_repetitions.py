"""What is told again is known again: by its time, and by everything else when it has none."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.transaction.domain.batch import KeyedEvent, keyed, stray_ends, undated_updates
from services.transaction.domain.doubts import NO_REGISTER
from services.transaction.domain.fact import TransactionEvent, key_of, transaction_id_of
from services.transaction.domain.recording import MATCHED_STOP, Answer, Recording
from services.transaction.domain.repetition import FirstReport
from services.transaction.domain.transaction import ESTIMATED_END, SEVERAL_ENDS, TransactionState
from tests.fixtures.properties import examples
from tests.unit.services.transaction.facts import (
    T0,
    ended,
    ended_16,
    minutes,
    reading,
    reported_again,
    started,
    started_16,
    undated,
    updated,
)
from tests.unit.services.transaction.test_recording import Platform

pytestmark = pytest.mark.field_case("A5")

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.mark.parametrize("later", [SECOND, MINUTE, timedelta(hours=23)])
@pytest.mark.parametrize("stamp", ["", "2026-02-30T00:00:00Z"])
def test_a_start_without_a_time_that_is_told_again_begins_one_transaction(
    platform: Platform, later: timedelta, stamp: str
) -> None:
    start = undated(started_16(), stamp)
    [first], [again] = platform.record(start), platform.record(reported_again(start, later))
    assert again == first
    assert [transaction.start_time for transaction in platform.transactions.values()] == [T0]


def test_it_is_known_again_after_readings(platform: Platform) -> None:
    start = undated(started_16())
    [first] = platform.record(start)
    sample = (reading(minutes(1), 1500),)
    platform.record(
        updated(minutes(1), protocol="ocpp1.6", ocpp_transaction_id="1", readings=sample, charging_state="Charging")
    )
    assert platform.record(reported_again(start, 2 * MINUTE)) == [first]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(started_16(connector_id=2), id="at another connector"),
        pytest.param(started_16(id_tag="OTHER"), id="with another card"),
        pytest.param(started_16(meter_wh=1001), id="at another register"),
        pytest.param(started_16(charge_point_id="CP2"), id="at another charge point"),
        pytest.param(started_16(reservation_id=7), id="with a reservation"),
    ],
)
def test_other_words_are_another_transaction(platform: Platform, other: TransactionEvent) -> None:
    platform.record(undated(started_16()))
    platform.record(reported_again(undated(other), MINUTE))
    assert len(platform.transactions) == 2


def test_another_unreadable_stamp_is_another_transaction(platform: Platform) -> None:
    platform.record(undated(started_16(), "noon"), reported_again(undated(started_16(), "one o'clock"), MINUTE))
    assert len(platform.transactions) == 2


@pytest.mark.parametrize("stop_without_time", [True, False])
def test_two_transactions_that_deliver_nothing_stay_two(platform: Platform, stop_without_time: bool) -> None:
    start, stop = undated(started_16()), ended_16("1", minutes(1), meter_wh=1000)
    platform.record(start, undated(stop) if stop_without_time else stop)
    [second] = platform.record(reported_again(start, 2 * MINUTE))
    assert (second.ocpp_transaction_id, platform.transaction(second).start_time) == ("2", minutes(2))
    assert platform.record(reported_again(start, 3 * MINUTE)) == [second]
    assert sorted(transaction.state for transaction in platform.transactions.values()) == [
        TransactionState.ACTIVE,
        TransactionState.ENDED,
    ]


def test_what_another_start_came_between_is_another_transaction(platform: Platform) -> None:
    start = undated(started_16())
    platform.record(start, undated(started_16(minutes(1), id_tag="OTHER")))
    [third] = platform.record(reported_again(start, 2 * MINUTE))
    assert third.ocpp_transaction_id == "3"


def test_the_same_words_a_day_later_are_another_transaction(platform: Platform) -> None:
    start = undated(started_16())
    platform.record(start)
    [second] = platform.record(reported_again(start, timedelta(hours=24)))
    assert second.ocpp_transaction_id == "2"
    assert platform.transactions[transaction_id_of("CP1", "1")].flags == (ESTIMATED_END, NO_REGISTER, "time_missing")


def test_a_stop_without_a_time_that_is_told_again_ends_once(platform: Platform) -> None:
    [begun] = platform.record(started_16())
    stop = undated(ended_16("1", minutes(30)))
    [first], [again] = platform.record(stop), platform.record(reported_again(stop, 5 * MINUTE))
    assert again == first
    transaction = platform.transaction(begun)
    assert (transaction.stop_time, transaction.energy_wh, transaction.flags) == (minutes(30), 5000, ("time_missing",))


@pytest.mark.parametrize("number", ["0", "-1", ""])
def test_nor_does_one_without_number_and_time_end_anything_else(platform: Platform, number: str) -> None:
    [begun] = platform.record(started_16())
    stop = undated(ended_16(number, minutes(30)))
    [first], [again] = platform.record(stop), platform.record(reported_again(stop, MINUTE))
    assert again == first
    assert (platform.transaction(begun).flags, len(platform.transactions)) == ((MATCHED_STOP, "time_missing"), 1)


def test_an_orphan_without_number_and_time_stays_one(platform: Platform) -> None:
    stop = undated(ended_16("0", minutes(30)))
    assert platform.record(stop) == platform.record(reported_again(stop, MINUTE))


def test_an_end_with_a_time_counts_more_than_those_without_in_any_order() -> None:
    ends = [undated(ended(minutes(30))), undated(ended(minutes(50)), "noon"), ended(minutes(20))]
    for order in itertools.permutations(ends):
        platform = Platform()
        platform.record(started(), *order)
        [transaction] = platform.transactions.values()
        assert (transaction.stop_time, SEVERAL_ENDS in transaction.flags) == (minutes(20), True)


def test_events_by_ocpp_201_without_times_are_known_again(platform: Platform) -> None:
    reported_first = [
        undated(started(seq_no=0)),
        undated(updated(minutes(1), seq_no=1, charging_state="Charging")),
        undated(ended(minutes(9), seq_no=2, meter_wh=7)),
    ]
    for event in reported_first:
        [first] = platform.record(event)
        [again] = _record_after(platform, [event], reported_again(event, MINUTE))
        assert again == first
    [transaction] = platform.transactions.values()
    assert (transaction.start_time, transaction.stop_time, transaction.flags) == (
        T0,
        minutes(9),
        (NO_REGISTER, "time_missing"),
    )


def _record_after(platform: Platform, before: Sequence[TransactionEvent], event: TransactionEvent) -> list[Answer]:
    """Record an event, knowing the updates that the database has of ten minutes."""
    first_report = {transaction_id_of("CP1", "T-1"): [FirstReport(one.device_time, key_of(one)) for one in before]}
    recording = Recording(
        [replace(transaction) for transaction in platform.transactions.values()], iter(()), T0, first_report
    )
    answers = [recording.record(keyed(event))]
    platform.transactions |= {transaction.id: transaction for transaction in recording.outcome({}).transactions}
    return answers


def test_what_has_to_be_looked_up_is_only_what_has_no_time() -> None:
    batch = [
        keyed(updated(T0)),
        keyed(undated(updated(minutes(1)))),
        keyed(undated(started())),
        keyed(undated(ended(T0))),
    ]
    assert undated_updates(batch) == [(transaction_id_of("CP1", "T-1"), minutes(1))]
    [end] = stray_ends([keyed(undated(ended_16("0", T0)))], [])
    assert end.rank.startswith("2")


@pytest.mark.field_case("A4")
@pytest.mark.parametrize("first_wrong", [True, False])
def test_told_again_with_another_correction_it_is_the_same(platform: Platform, first_wrong: bool) -> None:
    start, stop = started_16(), ended_16("1", minutes(30))
    for event in (start, stop):
        moved = replace(event, corrected_time=event.corrected_time - timedelta(seconds=90), flags=("clock_corrected",))
        [first] = platform.record(moved if first_wrong else event)
        [again] = platform.record(reported_again(event if first_wrong else moved, MINUTE))
        assert again == first
    [transaction] = platform.transactions.values()
    moved_by = timedelta(seconds=90 if first_wrong else 0)
    assert (transaction.start_time, transaction.stop_time) == (T0 - moved_by, minutes(30) - moved_by)
    assert transaction.flags == (("clock_corrected",) if first_wrong else ())


@st.composite
def _visits(draw: st.DrawFn) -> list[list[TransactionEvent]]:
    """Transactions at one connector, one after the other, of one card, that may deliver nothing: some words of each are
    not dated. What was not answered is told again before anything else is."""
    visits, time = [], T0
    for number in range(1, draw(st.integers(1, 4)) + 1):
        length = draw(st.sampled_from([MINUTE, timedelta(hours=3)]))
        named = draw(st.booleans())
        say = [undated if draw(st.booleans()) else (lambda event: event) for _ in range(2)]
        if named:
            called = {"ocpp_transaction_id": f"T-{number}"}
            start, end = started(time, **called), ended(time + length, **called)
        else:
            start = started_16(time)
            end = ended_16(draw(st.sampled_from([str(number), "0"])), time + length, meter_wh=1000, connector_id=1)
        visits.append([say[0](start), say[1](end)])
        time += length + MINUTE
    return visits


@settings(max_examples=examples(1.5))
@given(_visits(), st.data())
def test_transactions_are_as_many_whatever_is_told_again_before_the_next_is_told(
    visits: list[list[TransactionEvent]], data: st.DataObject
) -> None:
    expected, platform = Platform(), Platform()
    for number, visit in enumerate(visits, 1):
        for event in visit:
            for each in (expected, platform):
                each.numbered = {key_of(event): number}
                each.record(event)
            for times in range(data.draw(st.integers(0, 2))):
                platform.record(reported_again(event, SECOND * (times + 1)))
    assert platform.contents == expected.contents
    assert len(platform.transactions) == len(visits)


def test_an_answer_has_the_key_of_the_first_telling(platform: Platform) -> None:
    start = undated(started_16())
    again = reported_again(start, MINUTE)
    first, second = platform.record(start, again)
    assert first.key == second.key == KeyedEvent(start, key_of(start)).key != key_of(again)
