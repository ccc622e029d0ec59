"""Readings that cannot be true beside those that are taken for true.

Pure.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.transaction.domain.metering import Finding
from services.transaction.domain.registers import CROSSING_WH, Moment, Point

_NO_LIMIT = 1 << 80


class Stray(NamedTuple):
    """A reading that is not taken for true, with the energy that it would mean; None when it can mean none."""

    time: int
    wh: int
    energy_wh: int | None


class Run(NamedTuple):
    """Strays one after the other. `is_last` when there is nothing behind them but the register at the stop."""

    strays: Sequence[Stray]
    is_last: bool


def strays_of(finding: Finding) -> list[Run]:
    """The strays of a finding, in order."""
    moments = finding.account.moments
    chosen = {point.time: point for point in finding.chain.points}
    low_wh = finding.chain.all[0].energy_wh if finding.counts_from_first else 0
    runs: list[Run] = []
    run: list[Stray] = []
    for moment, high_wh in zip(moments, _bounds_above(finding), strict=True):
        point = chosen.get(moment.time)
        if point is not None and not run and len(moment.registers_wh) == 1:
            low_wh = _least(point)
            continue
        strays = list(_strays_at(finding, moment, low_wh, high_wh))
        if point is None and len(strays) == len(moment.registers_wh):
            run += strays
            continue
        low_wh = low_wh if point is None else _least(point)
        # Of one moment, what is lower may just be older.
        alone = [one for one in strays if one.energy_wh is None or one.energy_wh > low_wh]
        runs += [Run(each, is_last=False) for each in (run, *([one] for one in alone)) if each]
        run = []
    return [*runs, Run(run, is_last=True)] if run else runs


def _strays_at(finding: Finding, moment: Moment, low_wh: int, high_wh: int) -> Iterator[Stray]:
    """Registers of a moment that mean nothing between the energy before and that after it."""
    for wh in moment.registers_wh:
        meanings = finding.meanings(moment.time, wh)
        if not any(low_wh - one.tolerance_wh <= one.energy_wh <= high_wh + one.tolerance_wh for one in meanings):
            plain = [one.energy_wh for one in meanings if not one.is_rescaled]
            yield Stray(moment.time, wh, max(plain, default=None))


def _bounds_above(finding: Finding) -> list[int]:
    """For each moment, the energy by the next register behind it that is taken for true."""
    chosen = {point.time: point for point in finding.chain.points}
    stop = finding.chain.stop
    high_wh = _NO_LIMIT if stop is None else _most(stop)
    found = []
    for moment in reversed(finding.account.moments):
        found.append(high_wh)
        if moment.time in chosen:
            high_wh = _most(chosen[moment.time])
    return found[::-1]


def _least(point: Point) -> int:
    """The least that a register taken for true can mean, where it is told more roughly than others."""
    return point.energy_wh - (point.tolerance_wh - CROSSING_WH)


def _most(point: Point) -> int:
    return point.energy_wh + (point.tolerance_wh - CROSSING_WH)
