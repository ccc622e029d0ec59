"""A ratio comes from the rounds, each with both builds; its spread says how sure it is."""

import random

import pytest

from bench.against.ratios import Ratio, Spent, cost_us, medians, ratio


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    # The machine was twice as slow in the second round: both builds were, and their ratio was not.
    assert ratio([(110.0, 100.0), (220.0, 200.0), (99.0, 100.0)]) == Ratio(1.1, 0.99, 1.1, 3)


@pytest.mark.parametrize(("rounds", "left_out"), [(1, 0), (2, 0), (6, 0), (8, 0), (9, 1), (11, 1), (12, 2), (20, 5)])
def test_the_spread_leaves_out_the_rounds_that_it_can_do_without(rounds: int, left_out: int) -> None:
    found = ratio([(float(number), 1.0) for number in range(1, rounds + 1)])
    assert (found.least, found.most, found.rounds) == (1 + left_out, rounds - left_out, rounds)


@pytest.mark.parametrize("rounds", [6, 9, 12, 20])
def test_the_spread_holds_the_true_ratio_nineteen_times_out_of_twenty(rounds: int) -> None:
    chance, held, runs = random.Random(rounds), 0, 2_000
    for _ in range(runs):
        # Noise with a heavy tail on one side, as a busy machine makes it; its median is 1.
        found = ratio([(chance.lognormvariate(0.0, 0.5), 1.0) for _ in range(rounds)])
        held += found.least <= 1.0 <= found.most
    assert held / runs >= 0.94


def test_a_ratio_is_above_a_limit_only_beyond_its_spread() -> None:
    assert not Ratio(1.2, 1.04, 1.4, 6).is_above(1.05)
    assert not Ratio(1.2, 1.05, 1.4, 6).is_above(1.05)
    assert Ratio(1.2, 1.06, 1.4, 6).is_above(1.05)


def test_a_message_costs_what_was_spent_beyond_being_idle() -> None:
    spent = Spent({"edge": 1.0, "billing": 0.3}, idle_seconds=5.0, count=1_000)
    assert cost_us(spent, {"edge": 0.02}) == pytest.approx({"edge": 900.0, "billing": 300.0})


def test_who_is_not_there_has_spent_nothing() -> None:
    assert medians([{"edge": 3.0}, {"edge": 1.0, "billing": 2.0}, {"edge": 2.0}]) == {"edge": 2.0, "billing": 0.0}
