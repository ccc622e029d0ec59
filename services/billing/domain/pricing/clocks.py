"""When a clock makes another component count: times of day, days, and nights in which the clock is set.

Knows local clocks, not amounts.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as time_of_day
from functools import lru_cache

from services.billing.domain.price_component import PriceComponent

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_MIDNIGHT = "00:00"
# Sessions share their days: those of some weeks in the time zones of some countries.
_MOST_DAYS = 1024


def changes(components: Iterable[PriceComponent], start: datetime, end: datetime, zone: tzinfo) -> Iterator[datetime]:
    """The moments, in UTC, at which another price may begin; some may lie outside of the session."""
    edges: set[str] = set()
    for component in components:
        edges |= {component.start_time_of_day, component.end_time_of_day}
        if component.goes_by_day:
            edges.add(_MIDNIGHT)
    edges.discard("")
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
