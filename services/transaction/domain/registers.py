"""Energy registers of a transaction as they were told, and which of them can be true together.

Charge points tell the register of the meter's life, one that starts with the transaction, or now this and now that;
some call watt-hours kilowatt-hours, and some tell nonsense once in a while. What a reading means is the energy that the
transaction would have come to by then. Of all that the readings may mean, the longest run that never falls is taken:
the most that can be true at once. Pure, and the same in whatever order the readings came.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import IntEnum, auto
from operator import attrgetter
from typing import NamedTuple

from services.transaction.domain.reading import CONTEXTS, Reading

# So much may be delivered, or rounded away, between two registers of about the same time.
CROSSING_WH = 100
# What no connector that is not known to gives.
GREATEST_POWER_W = 400_000
# A register may have been read a moment before its time, and a connector gives a little more than it says.
SLACK_SECONDS = 60
_SLACK_WH, _SLACK_PERCENT = 1_000, 10
_UNBOUNDED = 1 << 80
# The register at the stop continues the readings when it is no further from the last.
_NEAR_WH = 1_000
# No meter starts anew after less; and a transaction must have begun close to that.
_SHORTEST_COUNTER_WH, _CLOSE_PERCENT = 10_000_000, 97

BEGIN, END = CONTEXTS.index("Transaction.Begin"), CONTEXTS.index("Transaction.End")
# In a list of samples of one moment: what was kept from an interruption is older than the others.
_RANKS = {CONTEXTS.index("Interruption.Begin"): 0, CONTEXTS.index("Interruption.End"): 1}
_CURRENT = 2


class Registers(NamedTuple):
    """The energy registers among the readings of a transaction, in the order of their times: three columns of one
    length.

    `times` are whole seconds since 1970, `contexts` positions in CONTEXTS. `max_power_w` is that of the connector; None
    when nobody knows it. `powers_w`, with their `power_times`, are only there when there is no register at all.
    """

    times: Sequence[int] = ()
    contexts: Sequence[int] = ()
    energies_wh: Sequence[int] = ()
    max_power_w: int | None = None
    power_times: Sequence[int] = ()
    powers_w: Sequence[int] = ()

    @property
    def last_time(self) -> datetime | None:
        """When the last one was read; where hardly any was, power counts as well."""
        read = [*self.times[-1:], *self.power_times[-1:]]
        return datetime.fromtimestamp(max(read), UTC) if read else None


NO_REGISTERS = Registers()


class Kind(IntEnum):
    """What register a reading may be of, the likeliest first; by that its energy follows from the one at the start."""

    LIFE = auto()  # of the meter's life
    ROLLED = auto()  # of the meter's life, which started anew after its greatest number
    TRANSACTION = auto()  # of the transaction, from zero
    LIFE_THOUSANDFOLD = auto()  # the first, in kilowatt-hours that were called watt-hours, and so rounded
    LIFE_THOUSANDTH = auto()  # the first, in watt-hours that were called kilowatt-hours
    TRANSACTION_THOUSANDTH = auto()  # the third, likewise


# What readings may mean together, the likeliest first.
HYPOTHESES = ((Kind.LIFE,), (Kind.LIFE, Kind.ROLLED), (Kind.TRANSACTION,), (Kind.LIFE, Kind.TRANSACTION))
ANYTHING = tuple(Kind)


class Point(NamedTuple):
    """A register at a time, and the energy that it means as one of `kind`."""

    time: int
    wh: int
    energy_wh: int
    kind: Kind = Kind.LIFE

    @property
    def is_rescaled(self) -> bool:
        """Whether the unit is taken for wrong."""
        return self.kind >= Kind.LIFE_THOUSANDFOLD

    @property
    def tolerance_wh(self) -> int:
        """How far it may be off, in Wh."""
        return 1000 if self.kind == Kind.LIFE_THOUSANDFOLD else CROSSING_WH


class Moment(NamedTuple):
    """The registers that were told of one time, each once, the lowest first."""

    time: int
    registers_wh: Sequence[int]


class Chain(NamedTuple):
    """Readings that can be true together, at most one of a moment, and the register at the stop if it can be too."""

    points: Sequence[Point]
    stop: Point | None

    @property
    def length(self) -> int:
        """How much it explains."""
        return len(self.points) + (self.stop is not None)

    @property
    def weight(self) -> tuple[int, bool]:
        """How much speaks for it: of equally long ones for that which holds the register at the stop."""
        return self.length, self.stop is not None

    @property
    def all(self) -> Sequence[Point]:
        """All points in order."""
        return self.points if self.stop is None else [*self.points, self.stop]


class Bounds(NamedTuple):
    """How much energy a transaction can have come to: by when it started and ended (seconds since 1970), and by the
    power of its connector; None where that is not known. `power_w` is what is not exceeded."""

    start_time: int | None
    stop_time: int | None
    max_power_w: int | None
    power_w: int

    def within(self, seconds: int) -> int:
        """The most that can be delivered within so many seconds, in Wh."""
        return self.power_w * ((seconds if seconds > 0 else 0) + SLACK_SECONDS) // 3600 + _SLACK_WH

    def until(self, time: int) -> int:
        """The most by that time; by the end when it lies far before the start."""
        if self.start_time is None:
            return _UNBOUNDED
        seconds = time - self.start_time
        if self.stop_time is not None and (self.is_before_start(time) or time > self.stop_time):
            seconds = self.stop_time - self.start_time
        return self.within(seconds)

    def is_before_start(self, time: int) -> bool:
        """Whether something was read before the transaction began."""
        return self.start_time is not None and time < self.start_time - SLACK_SECONDS

    def is_after_end(self, time: int) -> bool:
        """Whether something was read when the transaction was over."""
        return self.stop_time is not None and time > self.stop_time + SLACK_SECONDS


def bounds_of(start_time: int | None, stop_time: int | None, max_power_w: int | None) -> Bounds:
    """The bounds of a transaction."""
    power_w = GREATEST_POWER_W if max_power_w is None else max_power_w * (100 + _SLACK_PERCENT) // 100
    return Bounds(start_time, stop_time, max_power_w, power_w)


def registers_of(readings: Iterable[Reading], max_power_w: int | None = None) -> Registers:
    """The registers among readings, in whatever order these come."""
    known = [one for one in readings if one.energy_wh is not None]
    known.sort(key=attrgetter("sampled_time"))
    contexts = [CONTEXTS.index(one.context) if one.context in CONTEXTS else 0 for one in known]
    times = [int(one.sampled_time.timestamp()) for one in known]
    return Registers(times, contexts, [one.energy_wh or 0 for one in known], max_power_w)


def moments_of(times: Sequence[int], contexts: Sequence[int], registers_wh: Sequence[int]) -> list[Moment]:
    """The readings by their times. What was kept from before counts only where nothing newer was told; and a register
    that falls by no more than rounding does has not fallen."""
    by_time: dict[int, tuple[int, set[int]]] = {}
    for time, context, wh in zip(times, contexts, registers_wh, strict=True):
        rank = _RANKS.get(context, _CURRENT)
        best, known = by_time.get(time, (rank, set()))
        if rank >= best:
            by_time[time] = rank, {wh} if rank > best else known | {wh}
    moments: list[Moment] = []
    before: Sequence[int] = ()
    for time, (_, known) in sorted(by_time.items()):
        before = sorted({max([one for one in before if one - CROSSING_WH <= wh < one], default=wh) for wh in known})
        moments.append(Moment(time, before))
    return moments


class Stop(NamedTuple):
    """The register at the end of a transaction: as its end told it or, for want of that, the last reading."""

    moment: Moment
    is_reported: bool

    @property
    def wh(self) -> int:
        """Its value; of several of one moment the highest."""
        return self.moment.registers_wh[-1]


def chain_of(
    moments: Sequence[Moment], start_wh: int, stop: Stop | None, kinds: Sequence[Kind], bounds: Bounds
) -> Chain:
    """The longest chain. The register at the stop is in it unless two readings at least speak against it."""
    # By its length: the least energy that a chain ends with, and its last link.
    tails: list[int] = []
    links: list[_Link] = []
    for moment in moments:
        # The greatest first: so none of a moment follows another one of it.
        for point in _meanings(moment, start_wh, kinds, bounds):
            place = bisect_right(tails, point.energy_wh)
            link = (point, links[place - 1] if place else None)
            if place == len(tails):
                tails.append(point.energy_wh)
                links.append(link)
            else:
                tails[place], links[place] = point.energy_wh, link
    whole = Chain(_unrolled(links[-1] if links else None), None)
    ended: list[Chain] = []
    for point in _meanings(stop.moment, start_wh, kinds, bounds) if stop is not None else ():
        place = bisect_right(tails, point.energy_wh + CROSSING_WH)
        chain = Chain(_unrolled(links[place - 1] if place else None), point)
        is_reading = stop is not None and not stop.is_reported
        if chain.length >= whole.length and _is_borne_out(point, chain.points, start_wh, bounds, is_reading=is_reading):
            ended.append(chain)
    return max(ended, key=_likelihood, default=whole)


def _likelihood(chain: Chain) -> tuple[int, int, int]:
    """Of several with the same stop the longest; of equals that where it is of the likeliest kind, then the highest."""
    stop = chain.stop
    return (chain.length, -stop.kind.value, stop.energy_wh) if stop is not None else (0, 0, 0)


def meanings_of(time: int, wh: int, start_wh: int, kinds: Iterable[Kind], bounds: Bounds) -> list[Point]:
    """What a register can mean: energy neither below zero nor more than can have been delivered by then. A thousandth
    only where nothing else can be meant."""
    most = bounds.until(time)
    found: list[Point] = []
    for kind in kinds:
        if found and kind >= Kind.LIFE_THOUSANDTH:
            break
        if kind == Kind.LIFE_THOUSANDFOLD and start_wh <= most:
            # Only of a long number it says something that another one continues it.
            continue
        energy_wh = wh - start_wh if kind == Kind.LIFE else _energy_as(kind, wh, start_wh)
        if energy_wh is not None and -CROSSING_WH <= energy_wh <= most and wh >= 0:
            found.append(Point(time, wh, max(energy_wh, 0), kind))
    return found


def may_follow(wh: int | None, start_wh: int | None) -> bool:
    """Whether a register may be of a transaction that began at another one: neither has it gone back, nor can it be
    that of the transaction alone. Without one of them it may."""
    return wh is None or start_wh is None or wh >= start_wh or _is_far_below(wh, start_wh)


def _is_far_below(wh: int, start_wh: int) -> bool:
    """Whether a register has started from zero: one that is hardly lower than at the start has not."""
    return 2 * wh <= start_wh


_Link = tuple[Point, "_Link | None"]


def _meanings(moment: Moment, start_wh: int, kinds: Sequence[Kind], bounds: Bounds) -> Iterable[Point]:
    """The meanings of all registers of a moment, the greatest first; each once, as the likeliest."""
    if len(moment.registers_wh) == 1 and len(kinds) == 1:
        return meanings_of(moment.time, moment.registers_wh[0], start_wh, kinds, bounds)
    by_energy: dict[int, Point] = {}
    for wh in moment.registers_wh:
        for point in meanings_of(moment.time, wh, start_wh, kinds, bounds):
            known = by_energy.setdefault(point.energy_wh, point)
            if point.kind < known.kind:
                by_energy[point.energy_wh] = point
    return sorted(by_energy.values(), key=attrgetter("energy_wh"), reverse=True)


def _energy_as(kind: Kind, wh: int, start_wh: int) -> int | None:
    """What a register means if it is of this kind; None when it cannot be."""
    match kind:
        case Kind.ROLLED:
            counter_wh = max(10 ** len(str(start_wh)), _SHORTEST_COUNTER_WH)
            is_close = start_wh * 100 >= counter_wh * _CLOSE_PERCENT
            return wh + counter_wh - start_wh if wh < start_wh and is_close else None
        case Kind.TRANSACTION:
            return wh if start_wh > 0 else None
        case Kind.LIFE_THOUSANDFOLD:
            # What it is at least: a kilowatt-hour is a lot.
            return max(wh * 1000 - 500 - start_wh, 0) if start_wh <= wh * 1000 + 500 else None
        case Kind.LIFE_THOUSANDTH:
            return _thousandth(wh) - start_wh
        case Kind.TRANSACTION_THOUSANDTH:
            return _thousandth(wh) if start_wh > 0 else None
    return wh - start_wh


def _is_borne_out(stop: Point, points: Sequence[Point], start_wh: int, bounds: Bounds, *, is_reading: bool) -> bool:
    """Whether more than the register at the stop itself speaks for what it is taken to be, where that is unusual: else
    any number could be taken for the energy."""
    if stop.is_rescaled:
        # Hardly any other number continues so long a one.
        return stop.kind is Kind.LIFE_THOUSANDTH and start_wh > bounds.until(stop.time)
    if stop.kind is not Kind.TRANSACTION:
        return True
    of_transaction = [point.wh for point in points if point.kind is Kind.TRANSACTION]
    lowest_wh = min([stop.wh, *of_transaction])
    if not _is_far_below(lowest_wh, start_wh):
        return False
    if points and stop.energy_wh - points[-1].energy_wh <= _NEAR_WH and points[-1].kind is not Kind.TRANSACTION:
        return True
    # It may as well go on with that at the start in kilowatt-hours.
    if lowest_wh * 1000 + 500 >= start_wh and stop.wh * 1000 - start_wh <= bounds.until(stop.time):
        return False
    return is_reading or bool(of_transaction)


def _thousandth(wh: int) -> int:
    return (wh + 500) // 1000


def _unrolled(link: _Link | None) -> list[Point]:
    points = []
    while link is not None:
        point, link = link
        points.append(point)
    return points[::-1]
