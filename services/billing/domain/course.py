"""The course of a session: how its energy came about, and when the vehicle took none any more.

Pure: what was read and told goes in, in any order; shares of energy and spans of idling come out. Knows no price.

**Energy** came about as the readings say: linearly from one to the next. Where nothing was read between start and end
nobody knows, and it is spread evenly over the session.

**Idling** is what the vehicle blocks the connector for after charging: the time in which it takes nothing although it
could, from when all but a twentieth of the energy was there until the end. A pause that is followed by more charging is
none, a full battery that is topped up once in a while is.
- Readings come first. The vehicle takes nothing while, for five minutes or more, the register rises by no more than
  10 Wh and what 100 W give (what a vehicle takes to stay awake), and no power of 100 W is read. A register that only
  counts whole kilowatt-hours has to stand for 45 minutes, in which the slowest charging would move it.
- Where they leave it open the charging state decides: `SuspendedEV` (the vehicle does not take it) and `EVConnected`
  (charging is over, and the cable still plugged in) are idling; so is the rest of an interval between two readings in
  which one of them was told.
- `SuspendedEVSE` is a limit of ours, and after `Idle` the cable is unplugged: neither is idling, whatever is read.
- What is neither read nor told, as after the last reading of a session that runs, is not counted. In a session without
  any energy only `SuspendedEV` is: else it may be the charge point that gave none.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

CHARGING, EV_CONNECTED = "Charging", "EVConnected"
_BLOCKING = frozenset({"SuspendedEV", EV_CONNECTED})
_NOT_BLOCKING = frozenset({"SuspendedEVSE", "Idle"})

_AWAKE_W = 100
_ROUNDING_WH = 10
_STANDS = timedelta(minutes=5)
_COARSE_WH, _COARSE_STANDS = 1000, timedelta(minutes=45)
# All but that part of the energy is there when charging is over.
_REST = 20
_MINUTE = timedelta(minutes=1)
_MICROSECOND = timedelta(microseconds=1)
_MICROS_PER_HOUR = timedelta(hours=1) // _MICROSECOND


class Reading(NamedTuple):
    """The energy of a session by a time, in Wh; power in W and current in mA, of all phases, where they were read."""

    time: datetime
    energy_wh: int
    power_w: int | None = None
    current_ma: int | None = None


class StateChange(NamedTuple):
    """In which charging state, in the words of OCPP 2.x, a session was from some time on."""

    time: datetime
    state: str


class Course(NamedTuple):
    """What was read and told of one session."""

    readings: Sequence[Reading] = ()
    changes: Sequence[StateChange] = ()


NO_COURSE = Course()


class Span(NamedTuple):
    """A time, from `begin` until before `end`."""

    begin: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.begin


class Curve:
    """The energy of a session over its time, as far as it was read then. It never falls: a reading below an earlier one
    counts as that one; of several at one moment the highest does. Of what was read before the start or after the end
    only the line to it counts."""

    def __init__(self, readings: Iterable[Reading], start: datetime, end: datetime) -> None:
        self.points = _rising(readings)
        self._times = [point.time for point in self.points]
        ends = [Reading(time, int(self.energy_until(time))) for time in (start, end) if self._is_between(time)]
        self.points = _rising(point for point in (*self.points, *ends) if start <= point.time <= end)
        self._times = [point.time for point in self.points]

    def _is_between(self, time: datetime) -> bool:
        return bool(self._times) and self._times[0] < time < self._times[-1]

    @property
    def tells(self) -> bool:
        """Whether it says more than that there was energy between start and end."""
        return len(self.points) > 2 and self.points[-1].energy_wh > self.points[0].energy_wh

    def energy_until(self, time: datetime) -> Fraction:
        """The energy until then, in Wh: on the line between two readings, level before the first and after the last."""
        place = bisect_right(self._times, time)
        before, after = self.points[max(place - 1, 0)], self.points[min(place, len(self.points) - 1)]
        if after.time == before.time or place == 0:
            return Fraction(before.energy_wh)
        part = Fraction((time - before.time) // _MICROSECOND, (after.time - before.time) // _MICROSECOND)
        return before.energy_wh + part * (after.energy_wh - before.energy_wh)


def _rising(readings: Iterable[Reading]) -> list[Reading]:
    found: list[Reading] = []
    for time, energy_wh, power_w, current_ma in sorted(readings, key=_order):
        highest = max(energy_wh, found[-1].energy_wh) if found else energy_wh
        if found and found[-1].time == time:
            same = found.pop()
            power_w, current_ma = _greater(power_w, same.power_w), _greater(current_ma, same.current_ma)
        found.append(Reading(time, highest, power_w, current_ma))
    return found


def idle_spans(course: Course, start: datetime, end: datetime) -> list[Span]:
    """When the vehicle idled, in order, in whole minutes altogether."""
    if end <= start:
        return []
    curve = Curve(course.readings, start, end)
    parts = list(_parts(curve, sorted(course.changes), start, end))
    over_from = _over_from(curve, parts)
    idling = (Span(max(part.begin, over_from), part.end) for part in parts if part.what is _What.IDLES)
    return _in_whole_minutes(_joined(span for span in idling if span.begin < span.end))


class _What(Enum):
    """What the vehicle did."""

    TAKES = auto()
    IDLES = auto()
    UNKNOWN = auto()


class _Part(NamedTuple):
    """A part of a session between two readings or changes of state; `place` is that of the reading before it in the
    curve, -1 where it does not lie between two."""

    begin: datetime
    end: datetime
    what: _What
    place: int


def _parts(curve: Curve, changes: Sequence[StateChange], start: datetime, end: datetime) -> Iterator[_Part]:
    """What the vehicle did, from start to end."""
    # Why nothing ever flowed, only the charge point can tell: perhaps it is itself the cause.
    has_energy = len(curve.points) < 2 or curve.points[-1].energy_wh > curve.points[0].energy_wh
    standing = _standing(curve.points) if has_energy else []
    blocking = _BLOCKING if has_energy else _BLOCKING - {EV_CONNECTED}
    times, change_times = [point.time for point in curve.points], [change.time for change in changes]
    moments = sorted({start, end, *times, *(time for time in change_times if start < time < end)})
    for begin, until in pairwise(moments):
        passed = bisect_right(change_times, begin)
        place = bisect_right(times, begin) - 1
        is_between = 0 <= place < len(times) - 1
        what = _judged(
            changes[passed - 1] if passed else None,
            curve.points[place : place + 2] if is_between else (),
            blocking,
            is_standing=any(span.begin <= begin and until <= span.end for span in standing),
        )
        yield _Part(begin, until, what, place if is_between else -1)


def _over_from(curve: Curve, parts: Sequence[_Part]) -> datetime:
    """From when on charging was over: when all but a twentieth of the energy was there. What came between two readings
    came while the vehicle took some. Without any energy it is over from the beginning, and where no reading tells
    how much there was by when, after the last time that it took some."""
    points = curve.points
    if len(points) < 2:
        return max((part.end for part in parts if part.what is _What.TAKES), default=parts[0].begin)
    total = points[-1].energy_wh - points[0].energy_wh
    missing = total - total // _REST
    for place, (before, after) in enumerate(pairwise(points)):
        brought = after.energy_wh - before.energy_wh
        if missing <= brought and total:
            between = [part for part in parts if part.place == place]
            taking = [part for part in between if part.what is _What.TAKES] or between
            return _reached(taking, Fraction(missing, brought))
        missing -= brought
    return parts[0].begin


def _reached(parts: Sequence[_Part], share: Fraction) -> datetime:
    """When this share of the length of `parts` is over."""
    rest = sum((part.end - part.begin for part in parts), timedelta()) * share.numerator / share.denominator
    for part in parts:
        if rest <= part.end - part.begin:
            return part.begin + rest
        rest -= part.end - part.begin
    return parts[-1].end


def _judged(
    change: StateChange | None, interval: Sequence[Reading], blocking: Collection[str], *, is_standing: bool
) -> _What:
    """What the vehicle did within an interval between two readings (none: outside of all), after a change of state."""
    state = "" if change is None else change.state
    if state in blocking or state in _NOT_BLOCKING:
        # What an interval brought came before a change that lies within it.
        is_within = change is not None and bool(interval) and interval[0].time < change.time
        if interval and not is_within and not is_standing and _rises(*interval):
            return _What.TAKES
        return _What.IDLES if state in blocking else _What.UNKNOWN
    if is_standing:
        return _What.IDLES
    return _What.TAKES if interval or state == CHARGING else _What.UNKNOWN


def _standing(points: Sequence[Reading]) -> list[Span]:
    """When, for long enough, the register stood, and no power was read."""
    is_coarse = len(points) > 2 and all((point.energy_wh - points[0].energy_wh) % _COARSE_WH == 0 for point in points)
    least = _COARSE_STANDS if is_coarse and points[-1].energy_wh > points[0].energy_wh else _STANDS
    times = [point.time for point in points]
    found: list[Span] = []
    for number, point in enumerate(points):
        last = bisect_left(times, point.time + least)
        if last < len(points) and not _rises(point, points[last]) and not any(map(_flows, points[number : last + 1])):
            found.append(Span(point.time, times[last]))
    return _joined(found)


def _rises(before: Reading, after: Reading) -> bool:
    """Whether more flowed between two readings than keeps a vehicle awake."""
    rise_wh, micros = after.energy_wh - before.energy_wh, (after.time - before.time) // _MICROSECOND
    is_much = (rise_wh - _ROUNDING_WH) * _MICROS_PER_HOUR > _AWAKE_W * micros
    return is_much or _flows(before) or _flows(after)


def _flows(reading: Reading) -> bool:
    return reading.power_w is not None and reading.power_w >= _AWAKE_W


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Spans in their order, those that follow each other without a gap as one."""
    found: list[Span] = []
    for span in spans:
        begin = found.pop().begin if found and span.begin <= found[-1].end else span.begin
        found.append(Span(begin, span.end))
    return found


def _in_whole_minutes(spans: Sequence[Span]) -> list[Span]:
    """The spans without what is over a whole minute at the end of them."""
    rest = sum((span.length for span in spans), timedelta()) % _MINUTE
    kept = list(spans)
    while kept and rest:
        last = kept.pop()
        cut = min(rest, last.length)
        rest -= cut
        if cut < last.length:
            kept.append(Span(last.begin, last.end - cut))
    return kept


def _order(reading: Reading) -> tuple[datetime, int]:
    return reading.time, reading.energy_wh


def _greater(one: int | None, other: int | None) -> int | None:
    return max((power for power in (one, other) if power is not None), default=None)
