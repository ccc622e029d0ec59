"""How many times the new cost is the old, and how sure that is. Pure.

A round measures both builds one right after the other, so each round has a ratio of its own in which a slow hour of the
machine is on both sides. The median of them is told, with the interval that holds the true median with at least 95 %
whatever the noise looks like: by order of size, as in the sign test. Up to eight rounds that is the least and the most.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import comb

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Done:
    """What a burst has done: so many messages or requests, and other figures of it, of which less is better.

    `own_seconds` are those in which all CPU is the burst's own: who offers messages at a rate pays for idling too.
    """

    count: float
    figures: Mapping[str, float] = field(default_factory=dict)
    own_seconds: float = 0.0


@dataclass(frozen=True)
class Spent:
    """What a burst took: CPU seconds by process, from rest to rest, and what it has done (see `Done`).

    `idle_seconds` of that time count without what an idle stack takes.
    """

    cpu_seconds: Mapping[str, float]
    idle_seconds: float
    count: float
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ratio:
    """The median of so many rounds, and its spread from `least` to `most`."""

    value: float
    least: float
    most: float
    rounds: int

    def is_above(self, limit: float) -> bool:
        """Whether it is above a limit beyond its spread."""
        return self.least > limit


def cost_us(spent: Spent, idle_cores: Mapping[str, float]) -> dict[str, float]:
    """CPU microseconds per message by process, without what an idle system would have spent in its idle seconds."""
    return {
        name: (cpu - idle_cores.get(name, 0.0) * spent.idle_seconds) * 1e6 / spent.count
        for name, cpu in spent.cpu_seconds.items()
    }


def ratio(pairs: Sequence[tuple[float, float]]) -> Ratio:
    """Of the new and the old cost of each round, at least one."""
    ratios = sorted(new / old for new, old in pairs)
    outside = _rounds_outside(len(ratios))
    return Ratio(statistics.median(ratios), ratios[outside], ratios[-1 - outside], len(ratios))


def medians(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each name's figures; who is missing in one has spent nothing there."""
    names = dict.fromkeys(name for each in figures for name in each)
    return {name: statistics.median(each.get(name, 0.0) for each in figures) for name in names}


def _rounds_outside(rounds: int) -> int:
    """How many at each end may be left out for the rest to hold the median with the confidence that is wanted."""
    outside, missed = 0, 2 * 0.5**rounds
    while True:
        missed += 2 * comb(rounds, outside + 1) * 0.5**rounds
        if 1 - missed < _CONFIDENCE:
            return outside
        outside += 1
