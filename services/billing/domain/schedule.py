"""When which component of a tariff counts: divides the time of a session where its price may change.

Knows local clocks (which are set forward and back), not amounts.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as time_of_day
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

from services.billing.domain.tariff import ComponentKind, PriceComponent

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_MIDNIGHT = "00:00"
# Sessions share their days: those of some weeks in the time zones of some countries.
_MOST_DAYS = 1024


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a session in which no price changes; `begin` is local."""

    begin: datetime
    length: timedelta

    @property
    def end(self) -> datetime:
        """When it is over, in UTC."""
        return self.begin.astimezone(UTC) + self.length


@dataclass(slots=True)
class Share:
    """How much of a session is charged for at one price, by which components; by none: what costs nothing."""

    components: list[PriceComponent] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)

    @property
    def length(self) -> timedelta:
        """How much of the session's time it is."""
        return sum((stretch.length for stretch in self.stretches), timedelta())


def stretches(components: Sequence[PriceComponent], start: datetime, end: datetime, zone: tzinfo) -> Sequence[Stretch]:
    """The time from `start` to `end`, in order; one of no length when these are the same."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    inside = (change for change in _changes(components, start, end, zone) if start < change < end)
    moments = [start, *sorted(set(inside)), end]
    return [Stretch(begin.astimezone(zone), after - begin) for begin, after in pairwise(moments)]


def shares(components: Sequence[PriceComponent], kind: ComponentKind, time: Iterable[Stretch]) -> Sequence[Share]:
    """How `time` divides among the prices of one kind, in the order in which they come to count.

    Components of the same price share one: dividing a window in two changes no bill.
    """
    # What counts depends on the day of the week and the time of day alone, and a long session has few of these.
    known: dict[tuple[int, time_of_day], PriceComponent | None] = {}
    found: dict[Decimal | None, Share] = {}
    for stretch in time:
        moment = stretch.begin.isoweekday(), stretch.begin.time()
        if moment not in known:
            known[moment] = applying(components, kind, stretch.begin)
        component = known[moment]
        share = found.setdefault(None if component is None else component.price, Share())
        share.stretches.append(stretch)
        if component is not None and component not in share.components:
            share.components.append(component)
    return list(found.values())


def applying(components: Sequence[PriceComponent], kind: ComponentKind, at: datetime) -> PriceComponent | None:
    """The component of a kind that counts at a local time: the first that applies."""
    return next((component for component in components if component.kind is kind and component.applies(at)), None)


def _changes(components: Sequence[PriceComponent], start: datetime, end: datetime, zone: tzinfo) -> Iterator[datetime]:
    """The moments, in UTC, at which another price may begin; some may lie outside of the session."""
    edges = {edge for component in components for edge in (component.start_time_of_day, component.end_time_of_day)}
    edges.discard("")
    if any(component.days_of_week for component in components):
        edges.add(_MIDNIGHT)
    if not edges:
        return
    times = frozenset(edges)
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    while day <= last:
        yield from _changes_of_day(day, times, zone)
        day += _DAY


@lru_cache(maxsize=_MOST_DAYS)
def _changes_of_day(day: date, times: frozenset[str], zone: tzinfo) -> Sequence[datetime]:
    """The moments of a day, in UTC, at which it is one of these times of day or the clock is set."""
    clock_change = _clock_change(day, zone)
    # A clock that is set back shows the same time twice, one that is set forward not at all.
    folds = (0,) if clock_change is None else (0, 1)
    local = [
        datetime.combine(day, time_of_day.fromisoformat(moment).replace(fold=fold), zone)
        for moment in times
        for fold in folds
    ]
    changes = [moment.astimezone(UTC) for moment in local]
    return changes if clock_change is None else [clock_change, *changes]


def _clock_change(day: date, zone: tzinfo) -> datetime | None:
    """The moment of a day at which the local clock is set forward or back."""
    begin, end = (datetime.combine(midnight, time_of_day(), zone) for midnight in (day, day + _DAY))
    before = begin.utcoffset()
    if end.utcoffset() == before:
        return None
    begin = begin.astimezone(UTC)
    # One second before midnight is early enough for clocks that are set forward at midnight.
    early, late = -1, (end - begin) // _SECOND
    while late - early > 1:
        middle = (early + late) // 2
        is_before = (begin + middle * _SECOND).astimezone(zone).utcoffset() == before
        early, late = (middle, late) if is_before else (early, middle)
    return begin + late * _SECOND
