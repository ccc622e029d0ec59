"""The time of day as a thing that is handed in, so that rules about time can be tested without waiting.

Must not be asked for durations: a wall clock may step; deadlines use the event loop's monotonic one.
"""

from datetime import UTC, datetime, timedelta
from typing import Protocol


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
