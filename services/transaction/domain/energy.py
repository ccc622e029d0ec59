"""The energy of a transaction, from all its registers, with the doubts about it.

Pure, and the same in whatever order the readings came. Nearly all transactions take the short way, where every register
follows the one before it; what the others mean is found out by metering.py.
"""

from bisect import bisect_right
from collections.abc import Sequence
from operator import sub
from typing import NamedTuple

from services.transaction.domain.doubts import JUMP_WH, doubts_about
from services.transaction.domain.metering import StartStop, account_of, finding_of
from services.transaction.domain.registers import BEGIN, CROSSING_WH, END, Bounds, Registers, bounds_of


class Metered(NamedTuple):
    """The energy of a transaction; the flags of the doubts about it, and a sentence for each of them with its
    figures."""

    energy_wh: int
    flags: Sequence[str] = ()
    doubt: str = ""


def metered(reported: StartStop, registers: Registers) -> Metered:
    """What a transaction has come to."""
    energy_wh = undoubted(reported, registers)
    return judged(reported, registers) if energy_wh is None else Metered(energy_wh)


def judged(reported: StartStop, registers: Registers) -> Metered:
    """The same, whatever the registers say."""
    finding = finding_of(account_of(reported, registers))
    doubts = doubts_about(finding, registers)
    flags = tuple(dict.fromkeys(doubt.flag for doubt in doubts))
    return Metered(finding.energy_wh or 0, flags, "; ".join(doubt.sentence for doubt in doubts))


def undoubted(reported: StartStop, registers: Registers) -> int | None:
    """The same as `judged` where nothing is in doubt, because every register follows the one before it as fast as it
    can have come about, for a small part of the cost; None where that is not so."""
    line: _Line | None = reported.start_wh, registers.times, registers.energies_wh, reported.stop_wh, reported.stop_time
    if BEGIN in registers.contexts or END in registers.contexts:
        line = _line_of(reported, registers)
    if line is None:
        return None
    start_wh, times, readings_wh, stop_wh, end_time = line
    bounds = bounds_of(reported.start_time, reported.stop_time, registers.max_power_w)
    if not times:
        if start_wh is None or stop_wh is None or end_time is None or start_wh < 0:
            return None
        return stop_wh - start_wh if 0 <= stop_wh - start_wh <= bounds.until(end_time) else None
    first_wh = readings_wh[0] if start_wh is None else start_wh
    last_wh, end_time = (readings_wh[-1], times[-1]) if stop_wh is None else (stop_wh, end_time or times[-1])
    energy_wh = last_wh - first_wh
    is_alone = start_wh is None and stop_wh is None and len(times) < 2
    if is_alone or first_wh < 0 or not 0 <= energy_wh <= bounds.until(end_time):
        return None
    follows = (
        first_wh <= readings_wh[0]
        and readings_wh[-1] <= last_wh + CROSSING_WH
        and sorted(readings_wh) == list(readings_wh)
        and _agree(start_wh, times, readings_wh, stop_wh)
        and not (stop_wh is not None and bounds.is_after_end(times[-1]))
        and _are_reachable(start_wh, times, readings_wh, end_time, last_wh, bounds)
        and not _jumps(times, readings_wh, end_time, last_wh, bounds)
    )
    return energy_wh if follows else None


# The registers in their order: that at the start, readings with their times, that at the stop, and the time of the last
# of all; None where they were not told.
_Line = tuple[int | None, Sequence[int], Sequence[int], int | None, int | None]


def _line_of(reported: StartStop, registers: Registers) -> _Line | None:
    """None when there are several registers of the start, or some of the end that are not the last."""
    times, contexts, readings_wh = registers.times, registers.contexts, registers.energies_wh
    start_wh, stop_wh, end_time = reported.start_wh, reported.stop_wh, reported.stop_time
    if BEGIN in contexts:
        # Some tell it again with every reading.
        begins = {wh for wh, context in zip(readings_wh, contexts, strict=True) if context == BEGIN}
        if start_wh is None:
            start_wh = min(begins)
        if begins != {start_wh}:
            return None
    # A register of the end that is the one at the stop bears nothing out.
    rest = [
        row
        for row in zip(times, contexts, readings_wh, strict=True)
        if row[1] != BEGIN and (row[1] != END or row[2] != stop_wh)
    ]
    times, contexts, readings_wh = zip(*rest, strict=True) if rest else ((), (), ())
    if END in contexts and stop_wh is None:
        if contexts[-1] != END or contexts.count(END) > 1:
            return None
        stop_wh, end_time, times, readings_wh = readings_wh[-1], times[-1], times[:-1], readings_wh[:-1]
    return start_wh, times, readings_wh, stop_wh, end_time


def _agree(start_wh: int | None, times: Sequence[int], readings_wh: Sequence[int], stop_wh: int | None) -> bool:
    """Whether registers of one moment, if there are several, are no further apart than is rounded, and none of them has
    to stand for the register at the start or the stop."""
    if len(set(times)) == len(times):
        return True
    if start_wh is None or (stop_wh is None and times[-1] == times[-2]):
        return False
    lowest_wh: dict[int, int] = {}
    return all(wh - lowest_wh.setdefault(time, wh) <= CROSSING_WH for time, wh in zip(times, readings_wh, strict=True))


def _are_reachable(
    start_wh: int | None,
    times: Sequence[int],
    readings_wh: Sequence[int],
    end_time: int,
    last_wh: int,
    bounds: Bounds,
) -> bool:
    """Whether the connector can have given as much at each of the times."""
    if start_wh is None:
        return last_wh - readings_wh[0] <= bounds.within(end_time - times[0])
    if bounds.is_before_start(times[0]):
        return False
    position = 0
    while position < len(times):
        # All that one can be, so can those after it: time only adds to what is possible.
        reached = bisect_right(readings_wh, start_wh + bounds.until(times[position]), position)
        if reached == position:
            return False
        position = reached
    return True


def _jumps(times: Sequence[int], readings_wh: Sequence[int], end_time: int, last_wh: int, bounds: Bounds) -> bool:
    """Whether the register rises somewhere by more than can have been given meanwhile."""
    allowed = bounds.within(0) + JUMP_WH
    if last_wh - readings_wh[0] <= allowed:
        return False
    registers_wh = [*readings_wh, last_wh]
    steps = list(map(sub, registers_wh[1:], registers_wh))
    if max(steps) <= allowed:
        return False
    spans = map(sub, [*times[1:], end_time], times)
    return any(step > bounds.within(span) + JUMP_WH for step, span in zip(steps, spans, strict=True))
