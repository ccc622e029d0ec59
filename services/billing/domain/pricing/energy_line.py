"""How much energy there was by when, in exact numbers: linear between two readings.

Sums of it are kept as integers by denominator, as fractions cost twenty times as much; a session has a handful of them.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple


class Energy(NamedTuple):
    """Watt-hours: `whole` and `part` / `of`."""

    whole: int
    part: int = 0
    of: int = 1

    @property
    def exact(self) -> Fraction:
        """The same as one number."""
        return self.whole + Fraction(self.part, self.of)

    def is_at_least(self, bound: Fraction) -> bool:
        """Whether it is `bound` Wh or more."""
        return (self.whole * self.of + self.part) * bound.denominator >= bound.numerator * self.of


class EnergyLine:
    """The energy by each microsecond since the start of a session: `points` are (microseconds, Wh), rising in both."""

    def __init__(self, points: Sequence[tuple[int, int]]) -> None:
        self.times = [time for time, _ in points]
        self.amounts = [amount for _, amount in points]

    def at(self, time: int) -> Energy:
        """The energy by then: level before the first point and after the last."""
        place = bisect_right(self.times, time)
        if place == 0:
            return Energy(self.amounts[0])
        if place == len(self.times):
            return Energy(self.amounts[-1])
        begin, before = self.times[place - 1], self.amounts[place - 1]
        rise = self.amounts[place] - before
        if time == begin or not rise:
            return Energy(before)
        return Energy(before, rise * (time - begin), self.times[place] - begin)

    def when(self, amount: Fraction) -> int | None:
        """The first microsecond at which that much was there; None for more than there ever was."""
        place = bisect_left(self.amounts, amount)
        if place == len(self.amounts):
            return None
        if place == 0 or self.amounts[place] == amount:
            return self.times[place]
        begin, before = self.times[place - 1], self.amounts[place - 1]
        length = (self.times[place] - begin) * (amount - before) / (self.amounts[place] - before)
        return begin - -length // 1

    def power_w(self, begin: int, end: int) -> Fraction:
        """The mean power between two points around a period, in W."""
        place = min(max(bisect_right(self.times, (begin + end) // 2), 1), len(self.times) - 1)
        length = self.times[place] - self.times[place - 1]
        if not length or not self.times[0] <= (begin + end) // 2 <= self.times[-1]:
            return Fraction(0)
        return Fraction((self.amounts[place] - self.amounts[place - 1]) * 3_600_000_000, length)


class EnergySum:
    """A sum of differences of energy."""

    def __init__(self) -> None:
        self._whole = 0
        self._parts: defaultdict[int, int] = defaultdict(int)

    def add(self, begin: Energy, end: Energy) -> None:
        """Add what came between two moments."""
        self._whole += end.whole - begin.whole
        if end.part:
            self._parts[end.of] += end.part
        if begin.part:
            self._parts[begin.of] -= begin.part

    @property
    def exact(self) -> Fraction:
        """The sum, in Wh."""
        return self._whole + sum((Fraction(part, of) for of, part in self._parts.items()), Fraction(0))


def apportioned(energy_wh: int, weights: Sequence[Fraction]) -> list[int]:
    """Whole watt-hours in proportion to `weights`: they sum to the whole, and none shrinks as it grows.

    (By D'Hondt's method; rounding each part would do neither.)
    """
    whole = sum(weights)
    if not whole:
        return [energy_wh, *[0] * (len(weights) - 1)]
    found = [int(energy_wh * weight // whole) for weight in weights]
    for _ in range(energy_wh - sum(found)):
        next_in_turn = max(range(len(found)), key=lambda position: weights[position] / (found[position] + 1))
        found[next_in_turn] += 1
    return found
