"""Divides a session where another component may begin to count: the periods in which no price changes.

Boundaries are moments of the clock, hours of a series, durations, amounts of energy, changes of power, and begins and
ends of idling. Which component counts within a period is decided in shares.py.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from services.billing.domain.course import Curve, Reading
from services.billing.domain.price_component import PriceComponent
from services.billing.domain.pricing import clocks
from services.billing.domain.pricing.consumption import Consumption
from services.billing.domain.pricing.energy_line import Energy, EnergyLine
from services.kernel.zones import zone_of

_MICROSECOND = timedelta(microseconds=1)
_MICROS = 1_000_000
_MINUTE = 60 * _MICROS


class Period(NamedTuple):
    """A part of a session in which no price changes, in microseconds since the start.

    `idled` is for how long the vehicle had idled before it; one that `is_after` holds idling after the end.
    """

    begin: int
    end: int
    begin_energy: Energy
    end_energy: Energy
    is_idle: bool = False
    idled: int = 0
    is_after: bool = False

    @property
    def length(self) -> int:
        """How long it is, in microseconds."""
        return self.end - self.begin


class _Ways(NamedTuple):
    """What decides whether a component applies."""

    energy: bool
    duration: bool
    power: bool
    clock: bool


class Timeline:
    """A session as `components` look at it: its periods, and which of them count in one."""

    def __init__(self, components: Sequence[PriceComponent], used: Consumption, holidays: Iterable[date] = ()) -> None:
        self._components = components
        self._used = used
        self._holidays = frozenset(holidays)
        self._zone = zone_of(used.time_zone)
        self._start = used.start.astimezone(UTC)
        self.length = (used.end - used.start) // _MICROSECOND
        # Idling of which nobody knows when it was comes after the end.
        self._idle_after = 0 if used.idle else used.idle_minutes * _MINUTE
        self._starts_of_series: dict[int, list[datetime]] = {}
        # Asked of each component in each period.
        self._ways: dict[int, _Ways] = {}
        self._last_local = (-1, self._start)

    @cached_property
    def curve(self) -> Curve | None:
        """What readings tell; None where they say no more than that there was energy."""
        if not self._used.readings:
            return None
        curve = Curve(self._used.readings, self._used.start, self._used.end)
        return curve if curve.tells else None

    @cached_property
    def line(self) -> EnergyLine:
        """The energy over time; spread evenly where no readings tell."""
        if self.curve is None:
            return EnergyLine([(0, 0), (self.length, self._used.energy_wh)])
        return EnergyLine([(self._since_start(point.time), point.energy_wh) for point in self.curve.points])

    def periods(self) -> list[Period]:
        """The periods, in order; one of no length when there is no time."""
        moments = self._moments()
        idle = list(self._idle())
        found: list[Period] = []
        place, idled = 0, 0
        for (begin, begin_energy), (end, end_energy) in pairwise(moments):
            while place < len(idle) and idle[place][1] <= begin:
                place += 1
            is_idle = place < len(idle) and idle[place][0] <= begin < end
            is_after = self.length <= begin < end
            found.append(Period(begin, end, begin_energy, end_energy, is_idle, idled, is_after))
            if is_idle:
                idled += end - begin
        return found

    def counts(self, component: PriceComponent, period: Period) -> bool:
        """Whether a component applies throughout a period."""
        goes_by = self._ways.get(id(component))
        if goes_by is None:
            goes_by = self._ways[id(component)] = _ways_of(component)
        if goes_by.energy and not self._is_of_energy(component, period.begin_energy):
            return False
        if goes_by.duration and not self.is_of_duration(component, period.begin):
            return False
        if goes_by.power and not self._is_of_power(component, period):
            return False
        if not goes_by.clock:
            return True
        local = self.local(period.begin)
        return component.applies(local, self._holidays) and (
            not component.series or self._in_series(component, local) is not None
        )

    def is_of_amount(self, component: PriceComponent, period: Period) -> bool:
        """Whether a component applies in a period as far as that is a matter of the energy so far."""
        return self._is_of_energy(component, period.begin_energy)

    def counts_from_start(self, component: PriceComponent) -> bool:
        """Whether a component applies by the clock at the start."""
        return not component.goes_by_clock or component.applies(self.local(0), self._holidays)

    def is_reached(self, component: PriceComponent, period: Period, *, at_end: bool) -> bool:
        """Whether a component applies at the begin or the end of a period, whatever the clock says."""
        time, energy = (period.end, period.end_energy) if at_end else (period.begin, period.begin_energy)
        if component.goes_by_energy and not self._is_of_energy(component, energy):
            return False
        if component.goes_by_duration and not self.is_of_duration(component, time):
            return False
        return not component.goes_by_power or (not at_end and self._is_of_power(component, period))

    def price_of(self, component: PriceComponent, period: Period) -> Decimal:
        """What a unit costs by a component that counts in a period."""
        if not component.series:
            return component.price
        place = self._in_series(component, self.local(period.begin))
        if place is None:
            raise ValueError("there is no price in that hour")
        return max(component.series[place].price + component.price, Decimal(0))

    def billed(self, energy: Fraction) -> Fraction:
        """What some of the energy in the readings is of the energy that is billed, in Wh."""
        whole = self.line.amounts[-1] - self.line.amounts[0]
        return energy * self._used.energy_wh / whole if whole else Fraction(0)

    def readings_around(self, begin: int, end: int) -> list[Reading]:
        """The readings that tell the energy at two moments: before and after each; none where nothing was read."""
        if self.curve is None:
            return []
        points, times = self.curve.points, self.line.times
        found: dict[int, Reading] = {}
        for time in (begin, end):
            place = bisect_right(times, time)
            for near in (place - 1,) if 0 < place and times[place - 1] == time else (place - 1, place):
                if 0 <= near < len(points):
                    found[near] = points[near]
        return list(found.values())

    def local(self, time: int) -> datetime:
        """The station's clock; after the end it stands still, as nobody knows when that was."""
        time = min(time, self.length)
        if time != self._last_local[0]:
            self._last_local = time, self.moment(time).astimezone(self._zone)
        return self._last_local[1]

    def moment(self, time: int) -> datetime:
        """The moment so many microseconds after the start."""
        return self._start + timedelta(microseconds=time)

    @staticmethod
    def is_of_duration(component: PriceComponent, time: int) -> bool:
        """Whether the session has lasted as long as a component wants, and no longer."""
        least, most = component.min_duration_seconds, component.max_duration_seconds
        return (least is None or time >= least * _MICROS) and (most is None or time < most * _MICROS)

    def _moments(self) -> list[tuple[int, Energy]]:
        last = self.length + self._idle_after
        restricted = [one for one in self._components if not _is_plain(one)]
        if not restricted and not self._idle_after and self.curve is None:
            return [(0, Energy(0)), (last, Energy(self._used.energy_wh))]
        times = {time for time in (*self._edges(restricted), self.length) if 0 < time < last}
        begin, end = self.line.amounts[0], self.line.amounts[-1]
        found = [(time, self.line.at(time)) for time in times]
        crossed = list(self._crossings(restricted))
        if crossed:
            found = sorted({*found, *crossed}, key=lambda moment: (moment[0], moment[1].exact))
        else:
            found.sort()
        if self._idle_after and not self.length:
            # All the energy of a session that takes no time comes before.
            found.insert(0, (0, Energy(end)))
        return [(0, Energy(begin)), *found, (last, Energy(end))]

    def _edges(self, components: Sequence[PriceComponent]) -> Iterator[int]:
        yield from self._clock_edges([one for one in components if one.goes_by_clock])
        for component in components:
            for seconds in (component.min_duration_seconds, component.max_duration_seconds):
                if seconds is not None:
                    yield seconds * _MICROS
            if component.grace_minutes:
                yield from self._ends_of_grace(component.grace_minutes * _MINUTE)
        if any(component.goes_by_power for component in components):
            yield from self._power_edges(components)
        if any(component.kind.depends_on_idling for component in components):
            for begin, end in self._idle():
                yield from (begin, end)

    def _clock_edges(self, components: Sequence[PriceComponent]) -> Iterator[int]:
        if not components:
            return
        end = self.moment(self.length)
        changes = clocks.changes(components, self._start, end, self._zone)
        hours = (one.time for component in components for one in component.series)
        for moments in (changes, hours):
            for moment in moments:
                if self._start < moment < end:
                    yield self._since_start(moment)

    def _ends_of_grace(self, grace: int) -> Iterator[int]:
        for begin, end in self._idle():
            if grace < end - begin:
                yield begin + grace
                return
            grace -= end - begin

    def _idle(self) -> Iterator[tuple[int, int]]:
        for span in self._used.idle:
            yield self._since_start(span.begin), self._since_start(span.end)
        if self._idle_after:
            yield self.length, self.length + self._idle_after

    def _crossings(self, components: Sequence[PriceComponent]) -> Iterator[tuple[int, Energy]]:
        bounds = {bound for one in components for bound in (one.min_energy_wh, one.max_energy_wh) if bound is not None}
        for bound in bounds:
            amount = self._in_line(bound)
            time = None if amount is None else self.line.when(amount)
            if amount is not None and time is not None and (time or amount != self.line.amounts[0]):
                yield time, Energy(0, amount.numerator, amount.denominator)

    def _in_line(self, energy_wh: int) -> Fraction | None:
        """What the energy of a session is in the readings, which may sum to a little more or less than is billed."""
        begin, end = self.line.amounts[0], self.line.amounts[-1]
        if energy_wh > self._used.energy_wh or not self._used.energy_wh:
            return None if energy_wh else Fraction(begin)
        return begin + Fraction(energy_wh * (end - begin), self._used.energy_wh)

    def _is_of_energy(self, component: PriceComponent, energy: Energy) -> bool:
        least, most = component.min_energy_wh, component.max_energy_wh
        return (least is None or self._has(energy, least)) and (most is None or not self._has(energy, most))

    def _has(self, energy: Energy, bound_wh: int) -> bool:
        amount = self._in_line(bound_wh)
        return amount is not None and energy.is_at_least(amount)

    @cached_property
    def _powers(self) -> list[tuple[int, int]]:
        """The power that was measured, in W; empty unless it was at two moments at least."""
        points = self.curve.points if self.curve else ()
        found = [(self._since_start(point.time), point.power_w) for point in points if point.power_w is not None]
        return found if len(found) > 1 else []

    @cached_property
    def _currents(self) -> list[tuple[int, int]]:
        points: Sequence[Reading] = self.curve.points if self.curve else ()
        return [(self._since_start(one.time), one.current_ma) for one in points if one.current_ma is not None]

    def _power_edges(self, components: Sequence[PriceComponent]) -> Iterator[int]:
        yield from self.line.times if not self._powers else ()
        for measured, names in (
            (self._powers, ("min_power_w", "max_power_w")),
            (self._currents, ("min_current_ma", "max_current_ma")),
        ):
            bounds = {getattr(component, name) for component in components for name in names} - {None}
            for (begin, before), (end, after) in pairwise(measured):
                for bound in bounds:
                    if min(before, after) < bound < max(before, after):
                        yield begin + (end - begin) * (bound - before) // (after - before)
                yield from (begin, end)

    def _is_of_power(self, component: PriceComponent, period: Period) -> bool:
        power: Fraction | None
        if self._powers:
            power = _between(self._powers, period)
        else:
            power = self.line.power_w(period.begin, period.end) if self.length else None
        current = _between(self._currents, period) if self._currents else None
        return _is_within(power, component.min_power_w, component.max_power_w) and _is_within(
            current, component.min_current_ma, component.max_current_ma
        )

    def _in_series(self, component: PriceComponent, at: datetime) -> int | None:
        """The place of the hour in the series of a component; None outside of it. The last time only ends it."""
        starts = self._starts_of_series.get(id(component))
        if starts is None:
            starts = self._starts_of_series[id(component)] = [one.time for one in component.series]
        place = bisect_right(starts, at)
        return place - 1 if 0 < place < len(starts) else None

    def _since_start(self, moment: datetime) -> int:
        return (moment - self._start) // _MICROSECOND


def _ways_of(component: PriceComponent) -> _Ways:
    return _Ways(component.goes_by_energy, component.goes_by_duration, component.goes_by_power, component.goes_by_clock)


def _is_plain(component: PriceComponent) -> bool:
    """Whether it needs no boundaries."""
    return not (component.is_restricted or component.kind.depends_on_idling)


def _between(measured: Sequence[tuple[int, int]], period: Period) -> Fraction:
    """What was measured in the middle of a period: on the line between two moments, level beside them."""
    twice = period.begin + period.end
    place = bisect_right(measured, twice, key=lambda one: 2 * one[0])
    if place in (0, len(measured)):
        return Fraction(measured[max(place - 1, 0)][1])
    (begin, before), (end, after) = measured[place - 1], measured[place]
    return before + Fraction((after - before) * (twice - 2 * begin), 2 * (end - begin))


def _is_within(value: Fraction | None, least: int | None, most: int | None) -> bool:
    """Whether it is at least the one and less than the other; what is not known is neither."""
    if least is None and most is None:
        return True
    return value is not None and (least is None or value >= least) and (most is None or value < most)
