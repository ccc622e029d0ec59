"""The time of day as a thing that is handed in, so that rules about time can be tested without waiting.

Must not be asked for durations: a wall clock may step; deadlines use the event loop's monotonic one. Times as whole
numbers are microseconds since 1970, as exact as PostgreSQL keeps them.
"""

from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(time: datetime) -> int:
    """Those from 1970 to `time`; fewer than none before."""
    return (time - _EPOCH) // _MICROSECOND


def time_at(time_us: int) -> datetime:
    """The time so many microseconds after 1970. Raises: OverflowError for one that no datetime holds."""
    return _EPOCH + time_us * _MICROSECOND


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The current time, aware and in UTC."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is moved.

    Raises ValueError for a time without a zone.
    """

    def __init__(self, at: datetime) -> None:
        if at.utcoffset() is None:
            raise ValueError(f"a time without a zone: {at.isoformat()}")
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        return self._at

    def advance(self, by: timedelta) -> None:
        """Move the clock; a negative step is a clock set back."""
        self._at += by
