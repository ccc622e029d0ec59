"""Ends that name no transaction find theirs whatever comes first."""

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.transaction.domain import matching
from services.transaction.domain.batch import Kept, KeyedEvent
from services.transaction.domain.doubts import NO_REGISTER
from services.transaction.domain.fact import Authorization, EventKind, Fact, TransactionEvent
from services.transaction.domain.matching import ASSIGNED_STOP, Known, Move
from services.transaction.domain.recording import MATCHED_STOP, Recording
from services.transaction.domain.transaction import (
    ESTIMATED_END,
    ORPHAN_STOP,
    Transaction,
    TransactionState,
    content,
)
from tests.fixtures.properties import examples
from tests.unit.services.transaction.facts import T0, ended_16, minutes, reading, started_16, updated
from tests.unit.services.transaction.stories import INVENTED, Story, number_of, tellings, told_in_order
from tests.unit.services.transaction.test_recording import Platform


class MatchingPlatform(Platform):
    """Remembers the facts as well, and places ends anew when asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: defaultdict[str, dict[str, Fact]] = defaultdict(dict)

    def taken_in(self, recording: Recording) -> None:
        for fact in recording.facts:
            self.facts[fact.transaction_id].setdefault(fact.key, fact)

    def kept(self, items: Sequence[KeyedEvent]) -> Mapping[str, Kept]:
        return {
            item.key: Kept(transaction_id, self.transactions[transaction_id].ocpp_transaction_id)
            for item in items
            if item.event.kind is EventKind.ENDED
            for transaction_id, facts in sorted(self.facts.items(), key=lambda each: self.transactions[each[0]].state)
            if item.key in facts
        }

    def known(self, charge_point_id: str = "CP1") -> list[Known]:
        return [
            Known(replace(transaction), list(self.facts[transaction.id].values()) if _is_loose(transaction) else ())
            for transaction in self.transactions.values()
            if transaction.charge_point_id == charge_point_id
        ]

    def match(self) -> int:
        """Place ends anew; how many facts moved."""
        every = [self.known(name) for name in sorted({one.charge_point_id for one in self.transactions.values()})]
        return sum(self.move(known, matching.rule_moves(known)) for known in every)

    def move(self, known: Sequence[Known], moves: Sequence[Move]) -> int:
        assert all(matching.is_whole(one) for one in known if one.facts)
        transactions, concluded = matching.rebuilt(known, moves)
        for fact, source in moves:
            del self.facts[source][fact.key]
        for fact in (*(move.fact for move in moves), *concluded):
            self.facts[fact.transaction_id].setdefault(fact.key, fact)
        outcome = matching.outcome(known, transactions, self.registers, minutes(0))
        self.transactions |= {transaction.id: transaction for transaction in outcome.transactions}
        self.changes += [(event.transaction.ocpp_transaction_id, event.change) for event in outcome.events]
        return len(moves)

    @property
    def settled(self) -> list[tuple[object, ...]]:
        """The transactions that have facts, without when they were first heard of: a fact that was told twice may have
        been placed in two of them meanwhile."""
        reported = (
            transaction
            for transaction in self.transactions.values()
            if transaction.state is not TransactionState.MERGED
        )
        left = [replace(transaction, create_time=T0) for transaction in reported]
        return sorted(map(content, left))


def _is_loose(transaction: Transaction) -> bool:
    return transaction.state is TransactionState.ORPHAN or not {MATCHED_STOP, ORPHAN_STOP}.isdisjoint(transaction.flags)


@pytest.fixture
def platform() -> MatchingPlatform:
    return MatchingPlatform()


@pytest.mark.parametrize("number", ["0", "-1", "", "4711"])
def test_an_end_before_its_start_is_matched_when_the_start_comes(platform: MatchingPlatform, number: str) -> None:
    [orphan] = platform.record(ended_16(number, minutes(30)))
    assert platform.match() == 0
    [begun] = platform.record(started_16())
    assert platform.match() == 1
    transaction = platform.transaction(begun)
    assert (transaction.state, transaction.stop_time, transaction.energy_wh) == (
        TransactionState.ENDED,
        minutes(30),
        5000,
    )
    assert transaction.flags == (MATCHED_STOP,)
    left = platform.transaction(orphan)
    assert (left.state, left.merged_into, left.stop_time, left.flags) == (
        TransactionState.MERGED,
        transaction.id,
        None,
        (),
    )
    assert [change.value for _, change in platform.changes] == ["updated", "started", "updated", "ended"]
    assert (transaction.revision, left.revision) == (2, 2)
    assert platform.match() == 0


def test_an_end_takes_the_place_of_the_one_that_was_estimated(platform: MatchingPlatform) -> None:
    platform.record(ended_16("0", minutes(30)))
    [later] = platform.record(started_16(minutes(60), id_tag="B"))
    [begun] = platform.record(started_16())
    assert platform.transaction(begun).flags == (ESTIMATED_END, NO_REGISTER)
    platform.match()
    transaction = platform.transaction(begun)
    assert (transaction.stop_time, transaction.energy_wh, transaction.flags) == (minutes(30), 5000, (MATCHED_STOP,))
    assert platform.transaction(later).state is TransactionState.ACTIVE


def test_what_was_told_under_a_made_up_name_goes_with_its_end(platform: MatchingPlatform) -> None:
    sample = updated(
        minutes(10), protocol="ocpp1.6", ocpp_transaction_id="4711", readings=(reading(minutes(10), 2000),)
    )
    platform.record(sample)
    [orphan] = platform.record(ended_16("4711", minutes(30)))
    [begun] = platform.record(started_16())
    assert platform.match() == 2
    assert platform.transaction(begun).meter_last_wh == 6000
    platform.record(replace(sample, device_time=minutes(11), corrected_time=minutes(11)))
    assert platform.transaction(orphan).state is TransactionState.ORPHAN
    assert platform.match() == 1
    assert platform.transaction(orphan).merged_into == begun.transaction_id
    assert platform.match() == 0


def test_what_was_told_under_a_name_that_is_made_up_always_goes_with_the_next_end(platform: MatchingPlatform) -> None:
    def sample(at: int) -> TransactionEvent:
        return updated(minutes(at), protocol="ocpp1.6", ocpp_transaction_id="4711", charging_state=f"after {at}")

    platform.record(sample(10), ended_16("4711", minutes(30)), sample(70), ended_16("4711", minutes(90)), sample(91))
    [one] = platform.record(started_16())
    [other] = platform.record(started_16(minutes(60), id_tag="B"))
    assert platform.match() == 5
    assert platform.transaction(one).charging_state == "after 10"
    assert platform.transaction(other).charging_state == "after 91"
    assert [platform.transaction(begun).stop_time for begun in (one, other)] == [minutes(30), minutes(90)]


@pytest.mark.parametrize("is_told_first", [True, False])
def test_an_end_means_a_transaction_where_the_rest_was_that_was_told_under_its_name(
    platform: MatchingPlatform, is_told_first: bool
) -> None:
    sample = updated(
        minutes(10), protocol="ocpp1.6", ocpp_transaction_id="4711", connector_id=2, charging_state="Charging"
    )
    [other] = platform.record(started_16())
    end = ended_16("4711", minutes(30))
    for event in (sample, end) if is_told_first else (end, sample):
        platform.record(event)
    platform.match()
    assert (platform.transaction(other).state, platform.transaction(other).connector_id) == (TransactionState.ACTIVE, 1)
    [begun] = platform.record(started_16(connector_id=2, id_tag="B"))
    assert platform.match() == 2
    transaction = platform.transaction(begun)
    assert (transaction.stop_time, transaction.charging_state) == (minutes(30), "Charging")
    assert platform.transaction(other).state is TransactionState.ACTIVE


def test_of_two_ends_the_first_is_that_of_the_transaction_and_the_other_waits_for_its_own(
    platform: MatchingPlatform,
) -> None:
    [later] = platform.record(ended_16("0", minutes(50)))
    platform.record(ended_16("0", minutes(30)))
    [begun] = platform.record(started_16())
    assert platform.match() == 1
    assert platform.transaction(begun).stop_time == minutes(30)
    assert platform.transaction(later).state is TransactionState.ORPHAN


def test_of_two_transactions_the_token_tells_which_one_an_early_end_means(platform: MatchingPlatform) -> None:
    platform.record(ended_16("0", minutes(30), id_tag="B"))
    [one] = platform.record(started_16(id_tag="A"))
    [other] = platform.record(started_16(connector_id=2, id_tag="B"))
    assert platform.match() == 1
    assert platform.transaction(other).stop_time == minutes(30)
    assert platform.transaction(one).state is TransactionState.ACTIVE


def test_an_end_moves_on_to_a_transaction_that_is_told_of_later(platform: MatchingPlatform) -> None:
    [first] = platform.record(started_16())
    platform.record(ended_16("0", minutes(90)))
    assert platform.transaction(first).stop_time == minutes(90)
    [second] = platform.record(started_16(minutes(60), id_tag="B"))
    platform.match()
    assert platform.transaction(second).stop_time == minutes(90)
    transaction = platform.transaction(first)
    assert (transaction.stop_time, transaction.flags) == (minutes(60), (ESTIMATED_END, NO_REGISTER))


def test_an_end_that_two_could_mean_is_matched_when_one_of_them_is_over(platform: MatchingPlatform) -> None:
    [one] = platform.record(started_16(id_tag="A"))
    [other] = platform.record(started_16(connector_id=2, id_tag="B"))
    platform.record(ended_16("0", minutes(30)))
    assert platform.match() == 0
    platform.record(ended_16(one.ocpp_transaction_id, minutes(40)))
    assert platform.match() == 1
    assert platform.transaction(other).stop_time == minutes(30)
    assert platform.transaction(one).stop_time == minutes(40)


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(started_16(minutes(31)), id="it began later"),
        pytest.param(started_16(T0 - timedelta(days=8)), id="it began a week before"),
        pytest.param(started_16(meter_wh=6001), id="its register was higher"),
        pytest.param(started_16(connector_id=2), id="at another connector"),
        pytest.param(started_16(charge_point_id="CP2"), id="at another charge point"),
    ],
)
def test_an_end_stays_an_orphan_beside_a_transaction_that_it_cannot_mean(
    platform: MatchingPlatform, start: TransactionEvent
) -> None:
    [orphan] = platform.record(ended_16("0", minutes(30), connector_id=1))
    platform.record(start)
    assert platform.match() == 0
    assert platform.transaction(orphan).state is TransactionState.ORPHAN


@pytest.mark.parametrize("is_told_first", [True, False])
def test_an_end_in_the_moment_of_a_start_is_that_of_the_transaction_before_or_else_its_own(
    platform: MatchingPlatform, is_told_first: bool
) -> None:
    reported = [started_16(minutes(30), id_tag="B"), ended_16("0", minutes(30))]
    begun, _ = platform.record(*(reversed(reported) if is_told_first else reported))[:: -1 if is_told_first else 1]
    platform.match()
    transaction = platform.transaction(begun)
    assert (transaction.state, transaction.start_time, transaction.stop_time) == (
        TransactionState.ENDED,
        minutes(30),
        minutes(30),
    )
    assert platform.match() == 0
    [before] = platform.record(started_16(id_tag="A"))
    assert platform.match() == 1
    assert platform.transaction(before).stop_time == minutes(30)
    assert platform.transaction(before).flags == (MATCHED_STOP,)
    assert platform.transaction(begun).state is TransactionState.ACTIVE


@pytest.mark.parametrize("number", ["0", "4711"])
@pytest.mark.parametrize("is_in_one_batch", [True, False])
def test_an_end_that_is_told_again_is_the_same_whatever_was_decided_and_corrected_meanwhile(
    platform: MatchingPlatform, number: str, is_in_one_batch: bool
) -> None:
    end = ended_16(number, minutes(30), id_tag="TAG")
    again = replace(
        end,
        authorization=Authorization.ACCEPTED,
        driver_id="D",
        corrected_time=minutes(29),
        flags=("clock_corrected",),
        received_time=minutes(40),
    )
    for batch in [[end, again]] if is_in_one_batch else [[end], [again]]:
        answers = platform.record(*batch)
    [begun] = platform.record(started_16())
    assert platform.match() == 1
    transaction = platform.transaction(begun)
    assert (transaction.stop_time, transaction.energy_wh, transaction.flags) == (minutes(30), 5000, (MATCHED_STOP,))
    [last] = platform.record(replace(again, corrected_time=minutes(28)))
    assert (last.transaction_id, last.key) == (begun.transaction_id, answers[0].key)
    assert platform.transaction(begun).flags == (MATCHED_STOP,)
    assert platform.match() == 0


def test_a_transaction_is_whole_although_another_telling_of_its_end_has_decided_it(platform: MatchingPlatform) -> None:
    # As older releases have left some.
    [orphan] = platform.record(ended_16("0", minutes(30), id_tag="TAG"))
    transaction = platform.transaction(orphan)
    transaction.token_rank = f"2{transaction.token_rank[1:]}"
    transaction.stop_rank = f"{transaction.stop_rank[:20]}0{transaction.stop_rank[21:]}"
    platform.record(started_16())
    assert platform.match() == 1


def test_what_an_operator_assigns_no_rule_moves(platform: MatchingPlatform) -> None:
    [begun] = platform.record(started_16(meter_wh=7000))
    [orphan] = platform.record(ended_16("0", minutes(30)))
    known = platform.known()
    reported = next(one for one in known if one.transaction.id == orphan.transaction_id)
    platform.move(known, matching.assignment_moves(reported, platform.transaction(begun)))
    transaction = platform.transaction(begun)
    assert (transaction.state, transaction.stop_time) == (TransactionState.ENDED, minutes(30))
    assert ASSIGNED_STOP in transaction.flags
    assert platform.match() == 0


def test_a_transaction_whose_old_facts_are_gone_is_not_whole(platform: MatchingPlatform) -> None:
    platform.record(started_16(), ended_16("0", minutes(30)))
    [one] = platform.known()
    assert matching.is_whole(one)
    assert not any(matching.is_whole(Known(one.transaction, [fact])) for fact in one.facts)


@st.composite
def _queues(draw: st.DrawFn) -> list[Story]:
    """What charge points by OCPP 1.6 that may not know their numbers tell of transactions, one after the other at each
    connector: online or kept back, with registers that start anew. Some are never told the start or the end of."""
    stories = []
    for name, connector_id in itertools.product(("CP1", "CP2"), (1, 2)):
        # Odd at one connector and even at the other: no two ends of a charge point are the same words.
        time, register = T0, 1000 + connector_id
        for number in range(draw(st.integers(0, 3))):
            place = {"charge_point_id": name, "connector_id": connector_id}
            token = f"{name}-{connector_id}-{number}"
            kept_back = {"offline": draw(st.booleans()), "received_time": time + draw(_DELAYS)}
            start = started_16(time, **place, id_tag=token, meter_wh=register, flags=draw(_FLAGS), **kept_back)
            middle = time + timedelta(seconds=30)
            time += timedelta(minutes=draw(st.integers(1, 90)))
            was_reset = draw(st.integers(0, 5)) == 0
            register = 2 * draw(st.integers(0, 450)) + connector_id if was_reset else register + 700
            named = {"id_tag": draw(st.sampled_from(["", token]))} | (place if draw(st.booleans()) else {})
            knows_number = draw(st.booleans())
            invented = draw(st.sampled_from(["0", "-1", "", f"{INVENTED}{connector_id}{number}"]))
            called = str(number_of(start)) if knows_number else invented
            said = {"charge_point_id": name, "flags": draw(_FLAGS), "received_time": time + draw(_DELAYS)}
            end = ended_16(called, time, **{**said, **named}, meter_wh=register)
            rest = [end] if draw(st.integers(0, 5)) else []
            if called not in ("0", "-1", "") and draw(st.booleans()):
                state = {"charging_state": draw(st.sampled_from(["Charging", "SuspendedEV"]))}
                rest.append(updated(middle, **place, protocol="ocpp1.6", ocpp_transaction_id=called, **state))
            time += timedelta(minutes=draw(st.integers(1, 90)))
            is_reported = draw(st.integers(0, 5)) > 0 or knows_number
            if knows_number:
                stories.append(Story(start, tuple(rest), in_order=True))
            else:
                stories += [
                    Story(start if is_reported else None, (), in_order=True),
                    Story(None, tuple(rest), in_order=False),
                ]
    return stories


_FLAGS = st.sampled_from([(), ("clock_corrected",), ("coerced",)])
_DELAYS = st.sampled_from([timedelta(0), timedelta(minutes=5), timedelta(hours=9)])


@settings(max_examples=examples(1.5))
@given(_queues(), st.data())
def test_transactions_whose_numbers_were_lost_are_the_same_whatever_comes_when(
    stories: list[Story], data: st.DataObject
) -> None:
    expected, platform = MatchingPlatform(), MatchingPlatform()
    for each in (expected, platform):
        each.numbered = {key: number for story in stories for key, number in story.numbered.items()}
    for event in told_in_order(stories):
        expected.record(event)
    expected.match()
    rest = data.draw(tellings(stories))
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        platform.record(*rest[:size])
        rest = rest[size:]
        if data.draw(st.booleans()):
            platform.match()
    platform.match()
    assert platform.settled == expected.settled
    assert (platform.match(), expected.match()) == (0, 0)
