"""Readings that cannot be true beside those that are taken for true.

Pure.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.transaction.domain.metering import Finding
from services.transaction.domain.registers import CROSSING_WH, Moment

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
    chosen = {point.time: point.energy_wh for point in finding.chain.points}
    low_wh = finding.chain.all[0].energy_wh if finding.counts_from_first else 0
    runs: list[Run] = []
    run: list[Stray] = []
    for moment, next_wh in zip(moments, _next_energies(finding), strict=True):
        energy_wh = chosen.get(moment.time)
        if energy_wh is not None and not run and len(moment.registers_wh) == 1:
            low_wh = energy_wh
            continue
        strays = list(_strays_at(finding, moment, low_wh, next_wh))
        if energy_wh is None and len(strays) == len(moment.registers_wh):
            run += strays
            continue
        low_wh = low_wh if energy_wh is None else energy_wh
        # Of one moment, what is lower may just be older.
        alone = [one for one in strays if one.energy_wh is None or one.energy_wh > low_wh]
        runs += [Run(each, is_last=False) for each in (run, *([one] for one in alone)) if each]
        run = []
    return [*runs, Run(run, is_last=True)] if run else runs


def _strays_at(finding: Finding, moment: Moment, low_wh: int, high_wh: int) -> Iterator[Stray]:
    """Registers of a moment that mean nothing between the energy before and that after it."""
    for wh in moment.registers_wh:
        meanings = finding.meanings(moment.time, wh)
        if not any(low_wh - CROSSING_WH <= one.energy_wh <= high_wh + CROSSING_WH for one in meanings):
            plain = [one.energy_wh for one in meanings if not one.is_thousandth]
            yield Stray(moment.time, wh, max(plain, default=None))


def _next_energies(finding: Finding) -> list[int]:
    """For each moment, the energy by the next register behind it that is taken for true."""
    chosen = {point.time: point.energy_wh for point in finding.chain.points}
    stop = finding.chain.stop
    next_wh = _NO_LIMIT if stop is None else stop.energy_wh
    found = []
    for moment in reversed(finding.account.moments):
        found.append(next_wh)
        next_wh = chosen.get(moment.time, next_wh)
    return found[::-1]
