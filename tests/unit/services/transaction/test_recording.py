"""What batches of events are taken for."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.ids import derived_id
from services.transaction.domain.batch import Kept, KeyedEvent, keyed, needs_of, stray_ends
from services.transaction.domain.concurrency import Concurrency
from services.transaction.domain.events import TransactionChange
from services.transaction.domain.fact import Authorization, TransactionEvent, transaction_id_of
from services.transaction.domain.recording import MATCHED_STOP, Answer, Recording
from services.transaction.domain.registers import Registers
from services.transaction.domain.transaction import (
    CONCURRENT_TX,
    ESTIMATED_END,
    ORPHAN_STOP,
    Transaction,
    TransactionState,
    content,
)
from tests.fixtures.properties import examples
from tests.unit.services.transaction.facts import (
    T0,
    ended,
    ended_16,
    minutes,
    reading,
    registers,
    started,
    started_16,
    updated,
)
from tests.unit.services.transaction.stories import Story, many_stories, nameless_ends, tellings, told_in_order


class Platform:
    """Remembers what was recorded, as the database does."""

    def __init__(self) -> None:
        self.transactions: dict[str, Transaction] = {}
        self.changes: list[tuple[str, TransactionChange]] = []
        self.registers: dict[str, Registers] = {}
        # Numbers that are meant for some starts; the others get the next one.
        self.numbered: dict[str, int] = {}
        self._numbers = itertools.count(1)
        self._reported = ""
        self._ends: dict[str, Kept] = {}

    def kept(self, items: Sequence[KeyedEvent]) -> Mapping[str, Kept]:
        """Where ends are that were told before."""
        return {item.key: self._ends[item.key] for item in items if item.key in self._ends}

    def record(self, *events: TransactionEvent) -> list[Answer]:
        """The answers to a batch."""
        transactions, items = (
            [replace(transaction) for transaction in self.transactions.values()],
            [keyed(event) for event in events],
        )
        recording = Recording(transactions, self._next(), minutes(0), kept=self.kept(items))
        answers = [self._record(recording, item) for item in items]
        ends = [(item, answer) for item, answer in zip(items, answers, strict=True) if item.event.kind == "ENDED"]
        self._ends |= {item.key: Kept(answer.transaction_id, answer.ocpp_transaction_id) for item, answer in ends}
        self.taken_in(recording)
        outcome = recording.outcome(self.registers)
        self.transactions |= {transaction.id: transaction for transaction in outcome.transactions}
        self.changes += [(event.transaction.ocpp_transaction_id, event.change) for event in outcome.events]
        return answers

    def taken_in(self, recording: Recording) -> None:
        """A batch was recorded, its outcome is still to be drawn."""

    def _record(self, recording: Recording, item: KeyedEvent) -> Answer:
        self._reported = item.key
        return recording.record(item)

    def _next(self) -> Iterator[int]:
        while True:
            yield self.numbered.get(self._reported) or next(self._numbers)

    def transaction(self, answer: Answer) -> Transaction:
        return self.transactions[answer.transaction_id]

    @property
    def contents(self) -> Sequence[tuple[object, ...]]:
        return sorted(map(content, self.transactions.values()))


@pytest.fixture
def platform() -> Platform:
    return Platform()


def test_a_start_without_a_number_gets_one_and_keeps_it(platform: Platform) -> None:
    [first] = platform.record(started_16())
    [again] = platform.record(started_16(received_time=minutes(3), epoch=2))
    [other] = platform.record(started_16(connector_id=2))
    assert (first.ocpp_transaction_id, again.ocpp_transaction_id, other.ocpp_transaction_id) == ("1", "1", "2")
    assert first.transaction_id == again.transaction_id == transaction_id_of("CP1", "1")
    assert again.key == first.key


def test_a_transaction_is_told_of_when_it_starts_changes_and_ends(platform: Platform) -> None:
    platform.record(started(), updated(minutes(1), charging_state="Charging"))
    platform.record(updated(minutes(2), charging_state="Charging", seq_no=2))
    platform.record(updated(minutes(3), charging_state="SuspendedEV"))
    platform.record(ended(minutes(4), meter_wh=1))
    platform.record(ended(minutes(4), meter_wh=1))
    changes = [change.value for _, change in platform.changes]
    assert changes == ["started", "updated", "ended"]
    [transaction] = platform.transactions.values()
    assert transaction.revision == 3


def test_an_end_before_its_start_is_told_as_one_transaction(platform: Platform) -> None:
    platform.record(ended(minutes(4), meter_wh=9000))
    platform.record(started(meter_wh=1000))
    assert [change.value for _, change in platform.changes] == ["updated", "ended"]
    [transaction] = platform.transactions.values()
    assert (transaction.state, transaction.energy_wh) == (TransactionState.ENDED, 8000)


def test_a_start_ends_the_transaction_that_ran_at_its_connector(platform: Platform) -> None:
    platform.registers = {transaction_id_of("CP1", "1"): registers((5, 1000), (50, 4000))}
    [zombie] = platform.record(started_16())
    [elsewhere] = platform.record(started_16(connector_id=2, id_tag="B"))
    platform.record(started_16(minutes(60), id_tag="C"))
    transaction = platform.transaction(zombie)
    assert (transaction.state, transaction.stop_time, transaction.flags) == (
        TransactionState.ENDED,
        minutes(60),
        (ESTIMATED_END,),
    )
    assert (transaction.energy_wh, transaction.stop_reason) == (3000, "Other")
    assert platform.transaction(elsewhere).state is TransactionState.ACTIVE
    platform.record(ended_16(zombie.ocpp_transaction_id, minutes(30), meter_wh=4500))
    corrected = platform.transaction(zombie)
    assert (corrected.stop_time, corrected.energy_wh, corrected.flags) == (minutes(30), 3500, ())


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_starts_that_come_in_any_order_end_each_other_in_the_order_of_their_times(order: tuple[int, ...]) -> None:
    platform = Platform()
    starts = [started(minutes(10 * n), ocpp_transaction_id=f"T-{n}", id_tag=f"TAG{n}") for n in range(3)]
    for position in order:
        platform.record(starts[position])
    stops = [platform.transactions[transaction_id_of("CP1", f"T-{n}")].stop_time for n in range(3)]
    assert stops == [minutes(10), minutes(20), None]


def test_what_ends_a_transaction_does_not_say_when_it_was_heard_of(platform: Platform) -> None:
    # The one that took its place was heard of before it: the connection was away, and the queue came in reverse.
    [later] = platform.record(started(minutes(60), ocpp_transaction_id="T-2", received_time=minutes(60)))
    [replaced] = platform.record(started(minutes(0), ocpp_transaction_id="T-1", received_time=minutes(300)))
    assert platform.transaction(replaced).stop_time == minutes(60)
    assert platform.transaction(replaced).create_time == minutes(300)
    in_order = Platform()
    in_order.record(started(minutes(0), ocpp_transaction_id="T-1", received_time=minutes(300)))
    in_order.record(started(minutes(60), ocpp_transaction_id="T-2", received_time=minutes(60)))
    assert in_order.contents == platform.contents
    assert platform.transaction(later).create_time == minutes(60)


def test_two_starts_of_one_moment_end_the_same_one_in_any_order() -> None:
    starts = [started(ocpp_transaction_id=name, id_tag=name) for name in ("T-1", "T-2")]
    one, other = Platform(), Platform()
    one.record(*starts)
    other.record(*reversed(starts))
    assert one.contents == other.contents


def test_a_token_that_charges_elsewhere_is_concurrent(platform: Platform) -> None:
    [first] = platform.record(started_16())
    [second] = platform.record(started_16(minutes(5), charge_point_id="CP2"))
    assert (first.authorization, second.authorization) == (Authorization.ACCEPTED, Authorization.CONCURRENT_TX)
    assert platform.transaction(second).flags == (CONCURRENT_TX,)
    platform.record(ended_16(first.ocpp_transaction_id, minutes(6)))
    [retried] = platform.record(started_16(minutes(5), charge_point_id="CP2"))
    assert retried.authorization is Authorization.CONCURRENT_TX
    [third] = platform.record(started_16(minutes(7), charge_point_id="CP3"))
    assert third.authorization is Authorization.ACCEPTED


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(started_16(), id="the same start again"),
        pytest.param(started_16(minutes(5)), id="the next one at the connector"),
        pytest.param(started_16(T0 - timedelta(minutes=5), charge_point_id="CP2"), id="one that began before"),
        pytest.param(started_16(T0 + timedelta(hours=25), charge_point_id="CP2"), id="long after"),
        pytest.param(started_16(minutes(5), charge_point_id="CP2", id_tag="OTHER"), id="another token"),
    ],
)
def test_these_starts_are_not_concurrent(platform: Platform, start: TransactionEvent) -> None:
    platform.record(started_16())
    [answer] = platform.record(start)
    assert answer.authorization is Authorization.ACCEPTED


def test_a_token_presented_after_the_start_is_checked_as_well(platform: Platform) -> None:
    platform.record(started_16())
    plugged = started(minutes(1), charge_point_id="CP2", id_tag="", authorization=None)
    swiped = updated(minutes(2), charge_point_id="CP2", id_tag="TAG", authorization=Authorization.ACCEPTED)
    _, answer = platform.record(plugged, swiped)
    assert answer.authorization is Authorization.CONCURRENT_TX
    platform.record(ended_16("1", minutes(3)))
    [again] = platform.record(replace(swiped, device_time=minutes(4), corrected_time=minutes(4)))
    assert again.authorization is Authorization.ACCEPTED
    assert platform.transaction(again).authorization is Authorization.ACCEPTED


def test_a_refused_token_is_not_made_worse(platform: Platform) -> None:
    platform.record(started_16())
    [answer] = platform.record(started_16(charge_point_id="CP2", authorization=Authorization.BLOCKED))
    assert answer.authorization is Authorization.BLOCKED


@pytest.mark.parametrize("number", ["0", "-1", "", "4711"])
def test_an_end_without_a_known_number_ends_the_transaction_it_must_mean(platform: Platform, number: str) -> None:
    [running] = platform.record(started_16())
    [stop] = platform.record(ended_16(number, minutes(30), connector_id=1))
    assert (stop.transaction_id, stop.ocpp_transaction_id) == (running.transaction_id, running.ocpp_transaction_id)
    transaction = platform.transaction(running)
    assert (transaction.state, transaction.energy_wh, transaction.flags) == (
        TransactionState.ENDED,
        5000,
        (MATCHED_STOP,),
    )
    [again] = platform.record(ended_16(number, minutes(30), connector_id=1))
    assert again == stop
    assert list(platform.transactions) == [running.transaction_id]


def test_of_two_running_transactions_the_token_tells_which_one_ended(platform: Platform) -> None:
    platform.record(started_16(id_tag="A"))
    [meant] = platform.record(started_16(connector_id=2, id_tag="B"))
    [stop] = platform.record(ended_16("0", minutes(30), id_tag="B"))
    assert stop.transaction_id == meant.transaction_id


@pytest.mark.parametrize(
    "stop",
    [
        pytest.param(ended_16("0", minutes(30)), id="two transactions run"),
        pytest.param(ended_16("0", minutes(30), connector_id=3), id="at another connector"),
        pytest.param(ended_16("0", T0 - timedelta(minutes=1), connector_id=1), id="before the start"),
        pytest.param(ended_16("0", minutes(30), connector_id=1, meter_wh=999), id="the register was lower"),
    ],
)
def test_an_end_that_fits_no_transaction_is_kept_as_an_orphan(platform: Platform, stop: TransactionEvent) -> None:
    platform.record(started_16(id_tag="A"), started_16(connector_id=2, id_tag="B"))
    [answer] = platform.record(stop)
    transaction = platform.transaction(answer)
    assert (transaction.state, transaction.flags, transaction.ocpp_transaction_id) == (
        TransactionState.ORPHAN,
        (ORPHAN_STOP,),
        "0",
    )
    assert platform.record(stop) == [answer]
    assert len(platform.transactions) == 3


@pytest.mark.field_case("A7")
def test_an_end_without_a_name_may_tell_the_register_of_its_transaction(platform: Platform) -> None:
    [begun] = platform.record(started_16(meter_wh=4_076_000))
    [answer] = platform.record(ended_16("0", minutes(30), connector_id=1, meter_wh=453))
    assert answer.transaction_id == begun.transaction_id


def test_an_unknown_number_names_an_orphan_of_its_own(platform: Platform) -> None:
    [answer] = platform.record(ended_16("4711", minutes(30)))
    assert answer.transaction_id == derived_id("CP1", "4711")
    assert platform.transaction(answer).flags == (ORPHAN_STOP,)


def test_readings_of_a_transaction_nobody_knows_make_an_orphan(platform: Platform) -> None:
    [answer] = platform.record(updated(minutes(1), readings=(reading(minutes(1), 1000),)))
    assert platform.transaction(answer).state is TransactionState.ORPHAN


def test_late_readings_count_when_the_end_did_not_tell_the_register(platform: Platform) -> None:
    transaction_id = transaction_id_of("CP1", "T-1")
    platform.registers = {transaction_id: registers((1, 1000), (20, 4000))}
    platform.record(started(meter_wh=1000), ended(minutes(30)))
    assert platform.transactions[transaction_id].energy_wh == 3000
    platform.registers = {transaction_id: registers((1, 1000), (20, 4000), (29, 4500))}
    platform.record(updated(minutes(29), received_time=minutes(90), readings=(reading(minutes(29), 4500),)))
    assert platform.transactions[transaction_id].energy_wh == 3500
    assert platform.changes[-1] == ("T-1", TransactionChange.ENDED)


def test_what_is_wanted_covers_what_is_needed() -> None:
    late = started_16(minutes(0), received_time=minutes(2), id_tag="A")
    batch = [keyed(late), keyed(ended_16("7", minutes(1))), keyed(started(minutes(3), charge_point_id="CP3"))]
    needs = needs_of(batch, Concurrency())
    assert needs.charge_point_ids == {"CP1", "CP3"}
    assert needs.tokens == {"A", "TAG"}
    assert needs.transaction_ids == {transaction_id_of("CP1", "7"), transaction_id_of("CP3", "T-1")}
    assert needs.start_keys == {batch[0].key}
    assert needs.running_at == {"CP1", "CP3"}
    assert needs.around == [("CP1", minutes(0))]
    assert needs.new_numbers == 1
    assert [end.charge_point_id for end in stray_ends(batch, [])] == ["CP1"]


_EVENTS = [
    started(minutes(0), meter_wh=1000),
    updated(minutes(5), charging_state="Charging", readings=(reading(minutes(5), 2000),), seq_no=1),
    updated(minutes(9), charging_state="SuspendedEV", seq_no=2),
    ended(minutes(30), meter_wh=5000),
    started(minutes(60), ocpp_transaction_id="T-2", id_tag="OTHER"),
]


@given(st.permutations(_EVENTS), st.lists(st.sampled_from(_EVENTS), max_size=5), st.data())
def test_events_give_the_same_transactions_in_any_order_and_grouping(
    events: list[TransactionEvent], repeated: list[TransactionEvent], data: st.DataObject
) -> None:
    expected, platform = Platform(), Platform()
    expected.record(*_EVENTS)
    rest = [*events, *repeated]
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        platform.record(*rest[:size])
        rest = rest[size:]
    assert platform.contents == expected.contents


@settings(max_examples=examples(1.5))
@given(st.one_of(many_stories(), nameless_ends()), st.data())
def test_whatever_charge_points_tell_gives_the_same_transactions_in_any_order_with_any_repetition(
    stories: list[Story], data: st.DataObject
) -> None:
    expected, platform = Platform(), Platform()
    for each in (expected, platform):
        each.numbered = {key: number for story in stories for key, number in story.numbered.items()}
    expected.record(*told_in_order(stories))
    rest = data.draw(tellings(stories))
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        platform.record(*rest[:size])
        rest = rest[size:]
    assert platform.contents == expected.contents
