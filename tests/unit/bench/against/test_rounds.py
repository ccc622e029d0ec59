"""Rounds measure both builds in turns, and make a ratio of each figure of both."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from bench.against.ratios import Spent
from bench.against.rounds import Comparison
from simulator.load.run import LoadFailed


@dataclass
class _Side:
    name: str
    us: float
    idle_cores: Mapping[str, float] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def begin_round(self) -> None:
        self.asked.append("round")

    def burst(self) -> Spent:
        self.asked.append("burst")
        return Spent({"edge": self.us / 1e6 * 100}, 1.0, 100, {"p50 ms": self.us / 10, "socket": 0.0})


def test_each_row_has_its_cost_and_the_ratio_of_each_figure_that_is_there() -> None:
    comparison = Comparison(_Side("new", 150.0), _Side("old", 300.0, {"edge": 0.01}))
    comparison.run(2, {"starts": _Side.burst})
    (cost,) = comparison.costs()
    # A hundredth of a core for a second is a hundred microseconds of each of a hundred messages.
    assert [us for pair in cost.rounds for us in pair] == pytest.approx([150.0, 200.0] * 2)
    assert (round(cost.ratio.value, 6), cost.ratio.rounds) == (0.75, 2)
    assert [(each.name, each.new, each.old, each.ratio.value) for each in cost.figures] == [("p50 ms", 15, 30, 0.5)]
    assert comparison.new.asked == ["round", "burst"] * 2


def test_a_row_that_fails_is_told_and_the_others_go_on() -> None:
    def broken(_: _Side) -> Spent:
        raise LoadFailed("nobody answered")

    comparison = Comparison(_Side("new", 1.0), _Side("old", 1.0))
    comparison.run(1, {"metervalues": broken, "starts": _Side.burst})
    assert comparison.failures == ["MeterValues: nobody answered"]
    assert [each.row for each in comparison.costs()] == ["starts"]
