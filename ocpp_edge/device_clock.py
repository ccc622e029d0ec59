"""The clocks of charge points: reads their timestamps and brings them to our time, flagging every doubt.

Pure. OCPP never tells what time a device thinks it is, so what is known comes from its boots and its stamps: one that
lies ahead of its own arrival, or in a year before any of these devices was built, betrays a wrong clock. A stamp of
the past is no evidence: it may have waited offline.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

CLOCK_CORRECTED = "clock_corrected"
TIME_MISSING = "time_missing"
TIME_WITHOUT_ZONE = "time_without_zone"

# What a clock may be off before that matters.
TOLERANCE = timedelta(seconds=60)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR = 2015
_NOTHING = timedelta()


class Moment(NamedTuple):
    """When something happened: by the device's clock, by ours, and when we heard of it; with the doubts about it.

    `text` is the stamp that it was told by.
    """

    device_time: datetime
    corrected_time: datetime
    received_time: datetime
    flags: tuple[str, ...] = ()
    text: str = ""

    @property
    def was_late(self) -> bool:
        """Whether it had waited before it was told."""
        return self.received_time - self.corrected_time > TOLERANCE

    def time_of_sample(self, text: str) -> datetime:
        """The corrected time of a sample that came with it.

        All stamps of a message are moved by the same amount, so that a repetition is recognised whatever the clock is
        known to be off by then. A stamp that is beyond help counts as the moment itself.
        """
        if text == self.text:
            return self.corrected_time
        stamp, _ = parsed(text)
        if stamp is None:
            return self.corrected_time
        if self.corrected_time is not self.device_time:
            stamp += self.corrected_time - self.device_time
        if stamp.year < _FIRST_YEAR or stamp > self.corrected_time + TOLERANCE:
            return self.corrected_time
        return stamp


class DeviceClock:
    """What is known about the clock of one connected charge point."""

    __slots__ = ("_ahead", "_uptime_offset")

    def __init__(self) -> None:
        self._ahead = _NOTHING
        # What has to be added to a clock that began with 1970, or another year long gone, when the power came.
        self._uptime_offset: timedelta | None = None

    def booted(self, received_time: datetime) -> None:
        """The device has started: its clock starts anew, at zero if it has no battery."""
        self._ahead = _NOTHING
        self._uptime_offset = received_time - _EPOCH

    def moment(self, text: str, received_time: datetime) -> Moment:
        """The moment of a message stamped `text` by the device."""
        device_time, has_zone = parsed(text)
        if device_time is None:
            return Moment(received_time, received_time, received_time, (TIME_MISSING,), text)
        flags = () if has_zone else (TIME_WITHOUT_ZONE,)
        correction = self._correction(device_time, received_time)
        if not correction:
            return Moment(device_time, device_time, received_time, flags, text)
        return Moment(device_time, device_time + correction, received_time, (*flags, CLOCK_CORRECTED), text)

    def _correction(self, device_time: datetime, received_time: datetime) -> timedelta:
        late = received_time - device_time
        if device_time.year < _FIRST_YEAR:
            if self._uptime_offset is None:
                self._uptime_offset = late
            # A year of neither kind is no count of anything: it happened when it was told.
            offset = self._uptime_offset if device_time.year >= _EPOCH.year else late
            return min(offset, late)
        if late < -TOLERANCE:
            self._ahead = max(self._ahead, -late)
        elif late <= TOLERANCE:
            self._ahead = _NOTHING  # it has been set right
        return -self._ahead


def parsed(text: str) -> tuple[datetime | None, bool]:
    """A timestamp in UTC, and whether it named its zone; without one it counts as UTC. None for what is no time."""
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        try:
            # Small letters and a blank before the zone are all that is forgiven.
            stamp = datetime.fromisoformat(text.replace(" Z", "Z").strip().upper())
        except ValueError:
            return None, True
    if stamp.tzinfo is UTC:
        return stamp, True
    if stamp.tzinfo is None:
        return stamp.replace(tzinfo=UTC), False
    try:
        return stamp.astimezone(UTC), True
    except OverflowError:
        return None, True


def iso_text(time: datetime) -> str:
    """A time in UTC as charge points read it, for example `2026-03-01T12:00:00.000Z`."""
    return f"{time.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
