"""The energy of a transaction over its time, as its readings tell it: what a price that changes meanwhile goes by.

Pure, and the same in whatever order the readings came. What registers mean is found out as for the energy itself
(metering.py); where none was read between start and end, but the power was, the energy came as that says.

Points are left out where the line between their neighbours is no more than a watt-hour off: a price that changes by
less than 10 per kWh comes out the same to the cent. Of a transaction with very many readings more are left out.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from services.transaction.domain.energy import undoubted
from services.transaction.domain.metering import StartStop, account_of, finding_of
from services.transaction.domain.registers import BEGIN, Registers

MOST_POINTS = 500
# Points stay closer than that: whether a vehicle still charges is seen in how they follow each other.
_LONGEST_GAP_SECONDS = 300
_TOLERANCE_WH = 1
# A vehicle that takes less is awake, and no more.
_AWAKE_W = 100


class CurvePoint(NamedTuple):
    """The energy since the start by a time (seconds since 1970), and the power at that moment where it was read."""

    time: int
    energy_wh: int
    power_w: int | None = None


class Samples(NamedTuple):
    """The readings of a transaction in the order of their times: four columns of one length."""

    times: Sequence[int] = ()
    contexts: Sequence[int] = ()
    energies_wh: Sequence[int | None] = ()
    powers_w: Sequence[int | None] = ()


def curve_of(reported: StartStop, samples: Samples, max_power_w: int | None = None) -> list[CurvePoint]:
    """The points of a curve that never falls, from the start to the end or the last reading; none without any energy
    register. Its last energy is that of the transaction."""
    points = _by_registers(reported, samples, max_power_w)
    powers = _powers(samples)
    if len(points) == 2 and powers:
        points = _by_power(points, powers)
    return _thinned(_with_powers(points, powers))


def _by_registers(reported: StartStop, samples: Samples, max_power_w: int | None) -> list[CurvePoint]:
    columns = zip(samples.times, samples.contexts, samples.energies_wh, strict=True)
    rows = [(time, context, wh) for time, context, wh in columns if wh is not None]
    times, contexts, energies_wh = ([row[place] for row in rows] for place in range(3))
    registers = Registers(times, contexts, energies_wh, max_power_w)
    energy_wh = undoubted(reported, registers)
    if energy_wh is None:
        finding = finding_of(account_of(reported, registers))
        energy_wh = finding.energy_wh
        found = [(point.time, point.energy_wh) for point in finding.chain.all]
        first_wh = found[0][1] if finding.counts_from_first and found else 0
    else:
        found = [(time, wh) for time, context, wh in rows if context != BEGIN]
        first_wh = reported.start_wh if reported.start_wh is not None else min((wh for _, _, wh in rows), default=0)
    if energy_wh is None:
        return []
    ends = [(reported.start_time, 0), (reported.stop_time, energy_wh)]
    known = [(time, wh) for time, wh in ends if time is not None]
    begin, end = reported.start_time, reported.stop_time
    for time, wh in found:
        if (begin is None or time > begin) and (end is None or time < end):
            known.append((time, wh - first_wh))
    return _rising(known, energy_wh)


def _rising(points: Iterable[tuple[int, int]], most_wh: int) -> list[CurvePoint]:
    """Points in order of time, each at least as high as the one before and none higher than the last."""
    found: list[CurvePoint] = []
    for time, wh in sorted(points):
        energy_wh = min(max(wh, found[-1].energy_wh if found else 0), most_wh)
        if found and found[-1].time == time:
            found.pop()
        found.append(CurvePoint(time, energy_wh))
    return found


def _powers(samples: Samples) -> dict[int, int]:
    """The greatest power of each moment."""
    powers: dict[int, int] = {}
    for time, power_w in zip(samples.times, samples.powers_w, strict=True):
        if power_w is not None:
            powers[time] = max(power_w, powers.get(time, 0))
    return powers


def _by_power(ends: Sequence[CurvePoint], powers: dict[int, int]) -> list[CurvePoint]:
    """The energy between two points as the power says, which holds until it is read the next time."""
    (begin, first_wh, _), (end, last_wh, _) = ends
    times = sorted(time for time in powers if begin < time < end)
    if not times:
        return list(ends)
    before = max((time for time in powers if time <= begin), default=times[0])
    levels = [powers[before], *(powers[time] for time in times)]
    moments = [begin, *times, end]
    parts = [level * (after - at) for level, (at, after) in zip(levels, pairwise(moments), strict=True)]
    whole = sum(parts)
    if not whole:
        return list(ends)
    points, done = [ends[0]], 0
    for time, part in zip(moments[1:], parts, strict=True):
        done += part
        points.append(CurvePoint(time, first_wh + (last_wh - first_wh) * done // whole))
    return points


def _with_powers(points: Sequence[CurvePoint], powers: dict[int, int]) -> list[CurvePoint]:
    """Points with the power of their moment; those of moments at which nothing but power was read on the line."""
    if not points or not powers:
        return list(points)
    known = {point.time: point for point in points}
    times = [point.time for point in points]
    for time, power_w in powers.items():
        if time in known:
            known[time] = known[time]._replace(power_w=power_w)
        elif times[0] < time < times[-1]:
            place = bisect_left(times, time)
            before, after = points[place - 1], points[place]
            part_wh = (after.energy_wh - before.energy_wh) * (time - before.time) // (after.time - before.time)
            known[time] = CurvePoint(time, before.energy_wh + part_wh, power_w)
    return [known[time] for time in sorted(known)]


def _thinned(points: Sequence[CurvePoint]) -> list[CurvePoint]:
    """The points that are needed; half as many again and again until there are few enough."""
    tolerance_wh, gap = _TOLERANCE_WH, _LONGEST_GAP_SECONDS
    kept = _needed(points, tolerance_wh, gap)
    while len(kept) > MOST_POINTS:
        tolerance_wh, gap = tolerance_wh * 2, gap * 2
        kept = _needed(points, tolerance_wh, gap)
    if len(kept) == 2 < len(points):
        # That the energy came evenly was read, too.
        kept.insert(1, points[len(points) // 2])
    return kept


def _needed(points: Sequence[CurvePoint], tolerance_wh: int, gap: int) -> list[CurvePoint]:
    """Some of the points: each of the others lies no further from the line between its neighbours among them."""
    kept: list[CurvePoint] = list(points[:1])
    low, high = _ANY_SLOPE
    for point, after in pairwise(points[1:]):
        last = kept[-1]
        low, high = _narrowed((low, high), last, point, tolerance_wh)
        slope = _slope(last, after, 0)
        is_on_line = low <= slope <= high and after.time - last.time <= gap
        if not is_on_line or _flows(point) != _flows(last) or _flows(point) != _flows(after):
            kept.append(point)
            low, high = _ANY_SLOPE
    return [*kept, *points[1:][-1:]]


_ANY_SLOPE = (float("-inf"), float("inf"))


def _narrowed(
    slopes: tuple[float, float], last: CurvePoint, point: CurvePoint, tolerance_wh: int
) -> tuple[float, float]:
    """Of the slopes of lines from `last` those that pass by `point` as well."""
    return (
        max(slopes[0], _slope(last, point, -tolerance_wh)),
        min(slopes[1], _slope(last, point, tolerance_wh)),
    )


def _slope(last: CurvePoint, point: CurvePoint, more_wh: int) -> float:
    return (point.energy_wh + more_wh - last.energy_wh) / (point.time - last.time)


def _flows(point: CurvePoint) -> bool | None:
    return None if point.power_w is None else point.power_w >= _AWAKE_W
