"""The fold over the facts of a transaction."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.transaction.domain.doubts import IMPLAUSIBLE_ENERGY, NO_REGISTER, REGISTER_WENT_BACK
from services.transaction.domain.fact import Authorization, Fact
from services.transaction.domain.folding import fold, join, settle
from services.transaction.domain.registers import NO_REGISTERS, Registers
from services.transaction.domain.transaction import (
    CONCURRENT_TX,
    ESTIMATED_END,
    SEVERAL_ENDS,
    UNAUTHORIZED,
    Transaction,
    TransactionState,
    content,
    token_time,
)
from tests.unit.services.transaction.facts import (
    ended,
    facts,
    minutes,
    placed,
    reading,
    registers,
    started,
    updated,
)

_REGISTERS = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 50_000)), max_size=3).map(
    lambda reported: registers(*reported)
)


def _distinct(reported: list[Fact]) -> list[Fact]:
    """One fact for each key: what is recorded twice was decided once."""
    return list({fact.key: fact for fact in reported}.values())


@given(
    st.lists(facts(), min_size=1, max_size=6).map(_distinct),
    st.randoms(use_true_random=False),
    _REGISTERS,
)
def test_the_same_facts_give_the_same_transaction_in_any_order_and_however_often(
    reported: list[Fact], chance: random.Random, read: Registers
) -> None:
    shuffled = reported + chance.choices(reported, k=len(reported))
    chance.shuffle(shuffled)
    assert content(fold(shuffled, read)) == content(fold(reported, read))


@given(st.lists(facts(), min_size=2, max_size=6).map(_distinct), st.data())
def test_settling_in_between_changes_nothing(reported: list[Fact], data: st.DataObject) -> None:
    transaction: Transaction | None = None
    for fact in reported:
        transaction = join(transaction, fact)
        if data.draw(st.booleans()):
            settle(transaction, registers((0, 1), (1, 2)))
    assert transaction is not None
    settle(transaction)
    assert content(transaction) == content(fold(reported))


def test_a_transaction_is_the_tenants_whose_the_charge_point_was_when_it_started() -> None:
    start, update = placed(started(tenant_id="default")), placed(updated(minutes(1), tenant_id="south"))
    assert [fold(reported).tenant_id for reported in ([start, update], [update, start])] == ["default", "default"]


def test_until_its_start_is_told_a_tenant_that_was_named_counts() -> None:
    """Of an edge that knows of no tenants all is the default one's, which may be acme's after all."""
    reported = [placed(updated(minutes(n), tenant_id=whose)) for n, whose in enumerate(("default", "acme", "default"))]
    assert fold(reported).tenant_id == "acme"


def test_a_whole_transaction_is_what_its_facts_say() -> None:
    transaction = fold(
        [
            placed(started(minutes(0), meter_wh=1000, station_id="S", driver_id="D", offline=True)),
            placed(updated(minutes(10), charging_state="Charging")),
            placed(updated(minutes(20), charging_state="SuspendedEV", connector_id=2)),
            placed(ended(minutes(30), meter_wh=8000, stop_reason="EVDisconnected")),
        ]
    )
    assert (transaction.state, transaction.start_time, transaction.stop_time) == (
        TransactionState.ENDED,
        minutes(0),
        minutes(30),
    )
    assert (transaction.meter_start_wh, transaction.meter_stop_wh, transaction.energy_wh) == (1000, 8000, 7000)
    assert (transaction.id_tag, transaction.driver_id, transaction.station_id) == ("TAG", "D", "S")
    assert (transaction.evse_id, transaction.connector_id, transaction.charging_state) == (1, 2, "SuspendedEV")
    assert (transaction.stop_reason, transaction.offline, transaction.flags) == ("EVDisconnected", True, ())


def test_an_end_before_its_start_is_an_orphan_until_the_start_comes() -> None:
    end = placed(ended(minutes(30), meter_wh=8000))
    orphan = fold([end])
    assert (orphan.state, orphan.begin_time, orphan.energy_wh) == (TransactionState.ORPHAN, minutes(30), 0)
    transaction = fold([end, placed(started(minutes(0), meter_wh=1000))])
    assert (transaction.state, transaction.begin_time, transaction.energy_wh) == (
        TransactionState.ENDED,
        minutes(0),
        7000,
    )


def test_a_late_change_of_charging_state_does_not_overwrite_a_later_one() -> None:
    transaction = fold(
        [
            placed(started()),
            placed(updated(minutes(5), charging_state="Charging", seq_no=2)),
            placed(updated(minutes(3), charging_state="EVConnected", seq_no=1)),
        ]
    )
    assert transaction.charging_state == "Charging"


def test_the_token_of_a_transaction_is_the_first_good_one() -> None:
    without = started(id_tag="", authorization=None)
    refused = updated(minutes(1), id_tag="BAD", authorization=Authorization.INVALID)
    good = updated(minutes(2), id_tag="GOOD", authorization=Authorization.ACCEPTED, driver_id="D")
    later = updated(minutes(3), id_tag="LATER", authorization=Authorization.ACCEPTED)
    transaction = fold([placed(without), placed(refused), placed(good), placed(later)])
    assert (transaction.id_tag, transaction.authorization, transaction.driver_id) == (
        "GOOD",
        Authorization.ACCEPTED,
        "D",
    )
    assert token_time(transaction) == minutes(2)


def test_the_token_of_an_end_does_not_replace_that_of_the_start() -> None:
    end = ended(minutes(30), id_tag="MASTER", authorization=Authorization.ACCEPTED)
    refused = placed(started(authorization=Authorization.BLOCKED))
    assert fold([placed(end), refused]).id_tag == "TAG"
    assert fold([placed(end)]).id_tag == "MASTER"


def test_an_estimated_end_gives_way_to_the_one_that_is_told_late() -> None:
    start, estimate = placed(started(meter_wh=1000)), placed(ended(minutes(60)), estimated=True)
    guessed = fold([start, estimate], registers((5, 1000), (50, 4000)))
    assert (guessed.stop_time, guessed.energy_wh, guessed.flags) == (minutes(60), 3000, (ESTIMATED_END,))
    reported = fold([start, estimate, placed(ended(minutes(40), meter_wh=5000))])
    assert (reported.stop_time, reported.energy_wh, reported.flags) == (minutes(40), 4000, ())


def test_of_several_estimates_the_earliest_counts() -> None:
    estimates = [placed(ended(minutes(number)), estimated=True) for number in (90, 60, 75)]
    assert fold([placed(started()), *estimates]).stop_time == minutes(60)


def test_two_different_ends_are_flagged_and_the_last_counts() -> None:
    ends = [placed(ended(minutes(30), meter_wh=5000)), placed(ended(minutes(31), meter_wh=5100))]
    transaction = fold([placed(started(meter_wh=1000)), *ends])
    assert (transaction.stop_time, transaction.energy_wh, transaction.flags) == (minutes(31), 4100, (SEVERAL_ENDS,))


@pytest.mark.parametrize(
    ("start_wh", "stop_wh", "read", "energy_wh"),
    [
        (1000, 6000, registers((1, 1000), (29, 5990)), 5000),
        (None, 6000, registers((1, 2000), (29, 5500)), 4000),
        (1000, None, registers((1, 2000), (29, 5500)), 4500),
        (None, None, registers((1, 2000), (29, 5500)), 3500),
        (None, 6000, NO_REGISTERS, None),
        (1000, None, NO_REGISTERS, None),
    ],
)
def test_registers_that_were_not_told_come_from_the_readings(
    start_wh: int | None, stop_wh: int | None, read: Registers, energy_wh: int | None
) -> None:
    reported = [placed(started(meter_wh=start_wh)), placed(ended(minutes(30), meter_wh=stop_wh))]
    transaction = fold(reported, read)
    assert (transaction.energy_wh, transaction.flags) == (energy_wh or 0, (NO_REGISTER,) if energy_wh is None else ())
    assert bool(transaction.energy_doubt) is (energy_wh is None)


def test_the_energy_of_a_running_transaction_is_what_its_facts_show() -> None:
    seen = updated(minutes(10), readings=(reading(minutes(10), 3000), reading(minutes(9), 2500)))
    assert fold([placed(started(meter_wh=1000)), placed(seen)]).energy_wh == 2000


@pytest.mark.parametrize(
    ("reported", "flag"),
    [
        ([started(meter_wh=9000), ended(minutes(30), meter_wh=8000)], REGISTER_WENT_BACK),
        ([started(meter_wh=0), ended(minutes(30), meter_wh=22_000_000)], IMPLAUSIBLE_ENERGY),
        ([started(authorization=Authorization.BLOCKED)], UNAUTHORIZED),
        ([started(authorization=Authorization.CONCURRENT_TX)], CONCURRENT_TX),
    ],
)
def test_what_wants_a_look_is_flagged(reported: list, flag: str) -> None:  # type: ignore[type-arg]  # events
    transaction = fold([placed(event) for event in reported])
    assert transaction.flags == (flag,)
    assert transaction.energy_wh >= 0


def test_a_reading_above_the_register_of_the_stop_is_flagged() -> None:
    reported = [placed(started(meter_wh=0)), placed(ended(minutes(30), meter_wh=8000))]
    assert fold(reported, registers((29, 8100))).flags == ()
    assert fold(reported, registers((29, 8101))).flags == (REGISTER_WENT_BACK,)


def test_mere_readings_that_come_as_a_fact_tell_only_that_there_is_a_transaction() -> None:
    mere = updated(minutes(-5), readings=(reading(minutes(-5), 99_000),), connector_id=3, is_mere_reading=True)
    orphan = fold([placed(mere)])
    assert (orphan.state, orphan.begin_time, orphan.connector_id) == (TransactionState.ORPHAN, minutes(-5), 0)
    start = placed(started(meter_wh=1000))
    with_reading, without = fold([placed(mere), start]), fold([start])
    assert replace(with_reading, create_time=without.create_time) == replace(without, update_time=minutes(-5))


def test_flags_of_the_edge_stay() -> None:
    reported = [started(meter_wh=0, flags=("clock_corrected",)), ended(minutes(5), meter_wh=9, flags=("coerced",))]
    transaction = fold(map(placed, reported))
    assert transaction.flags == ("clock_corrected", "coerced")


def test_a_transaction_needs_a_fact() -> None:
    with pytest.raises(ValueError, match="without facts"):
        fold([])


def test_versions_are_not_part_of_what_a_transaction_says() -> None:
    transaction = fold([placed(started())])
    assert content(
        replace(transaction, revision=9, update_time=transaction.update_time + timedelta(days=1))
    ) == content(transaction)
