"""The clocks of charge points: judges their stamps and brings them to our time, flagging every doubt.

Pure. OCPP never tells what time a device thinks it is, so what is known comes from its boots and its stamps. One stamp
is evidence of nothing but itself: what happened cannot have happened later than it was told, so one that lies ahead of
its own arrival is brought back to that. Only several in a row that lie ahead by the same amount betray a clock by which
others, told late, are moved as well. A stamp of the past is no evidence: it may have waited offline. One that is a day
ahead, or years old, is no time at all.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ocpp_edge.facts.stamps import parsed
from ocpp_edge.quirks import Forgiving
from services.kernel.quirks import Quirk, times

CLOCK_CORRECTED = times.CLOCK_CORRECTED.flag
TIME_MISSING = times.TIME_MISSING.flag
TIME_UNREADABLE = times.TIME_UNREADABLE.flag
TIME_IMPLAUSIBLE = times.TIME_IMPLAUSIBLE.flag
TIME_WITHOUT_ZONE = times.TIME_WITHOUT_ZONE.flag

# What a clock may be off before that matters.
TOLERANCE = timedelta(seconds=60)
_AHEAD_AT_MOST = -TOLERANCE
# Less than a day, so that a date that is wrong by one is not now on this side and now on that; more than any zone.
_MOST_AHEAD = timedelta(hours=20)
# No charge point keeps anything back for longer; clocks that were never set show the year of their making, or 2000.
_LONGEST_KEPT = timedelta(days=5 * 365)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Clocks without a battery begin with 1970 when the power comes; those that have not begun yet tell nothing.
_FIRST_TICK, _LONGEST_UPTIME = _EPOCH + timedelta(seconds=1), _EPOCH + timedelta(days=366)
_NOTHING = timedelta()
# So many stamps in a row have to lie ahead alike. Those of a queue hardly do: each waited for another time.
_ENOUGH = 3
_ALIKE = timedelta(seconds=5)
# Stamps that lie less far ahead than the clock is known to be have waited; unless they keep pace with our clock.
_LOCKSTEP = timedelta(seconds=30)


class Moment(NamedTuple):
    """When something happened: by the device's clock, by ours, and when we heard of it; with the doubts about it.

    `text` is the stamp that it was told by. Without one that can be true it is not `is_dated`: then it happened when it
    was told, and the device's clock is what it is believed to have shown.
    """

    device_time: datetime
    corrected_time: datetime
    received_time: datetime
    flags: tuple[str, ...] = ()
    text: str = ""
    is_dated: bool = True

    @property
    def was_late(self) -> bool:
        """Whether it had waited before it was told."""
        return self.received_time - self.corrected_time > TOLERANCE

    def time_of_sample(self, text: str, forgives: Forgiving | None = None) -> datetime:
        """The corrected time of a sample that came with it.

        All stamps of a message are moved by the same amount, so that a repetition is recognised whatever the clock is
        known to be off by then. A stamp that is beyond help counts as the moment itself.
        """
        if text == self.text:
            return self.corrected_time
        stamp, _ = parsed(text, forgives)
        if stamp is None:
            return self.corrected_time
        later = stamp - self.device_time
        return self.corrected_time + later if -_LONGEST_KEPT < later <= TOLERANCE else self.corrected_time


class DeviceClock:
    """What is known about the clock of one connected charge point."""

    __slots__ = ("_ahead", "_alike", "_alike_since", "_believed", "_uptime_offset", "forgives")

    def __init__(self, forgives: Forgiving | None = None) -> None:
        self.forgives = forgives or Forgiving()
        # By how much its clock is known to be ahead.
        self._ahead = _NOTHING
        # By how much the latest stamp of about now was ahead, since when stamps have been so, and how many of them:
        # none while nothing is wrong.
        self._believed, self._alike_since, self._alike = _NOTHING, _EPOCH, 0
        # What has to be added to a clock that began with 1970 when the power came.
        self._uptime_offset: timedelta | None = None

    def booted(self, received_time: datetime) -> None:
        """The device has started: its clock starts anew, at zero if it has no battery."""
        self._ahead, self._alike = _NOTHING, 0
        self._uptime_offset = received_time - _EPOCH

    def moment(self, text: str, received_time: datetime) -> Moment:
        """The moment of a message stamped `text` by the device."""
        device_time, has_zone = parsed(text, self.forgives)
        if device_time is None:
            return self._undated(text, received_time, times.TIME_UNREADABLE if text.strip() else times.TIME_MISSING)
        correction = self._correction(device_time, received_time)
        if correction is None:
            return self._undated(text, received_time, times.TIME_IMPLAUSIBLE)
        flags = () if has_zone else (TIME_WITHOUT_ZONE,)
        if not correction:
            return Moment(device_time, device_time, received_time, flags, text)
        if not self.forgives(times.CLOCK_CORRECTED):
            if device_time < _LONGEST_UPTIME:
                return self._undated(text, received_time, times.TIME_IMPLAUSIBLE)
            return Moment(device_time, device_time, received_time, flags, text)
        return Moment(device_time, device_time + correction, received_time, (*flags, CLOCK_CORRECTED), text)

    def last_moment(self, texts: Sequence[str], received_time: datetime) -> Moment:
        """The moment of a message that has no stamp of its own but several within: the last one that can be true."""
        moment = self.moment(texts[-1] if texts else "", received_time)
        for text in reversed(texts[:-1]):
            if moment.is_dated:
                break
            moment = self.moment(text, received_time)
        return moment

    def _undated(self, text: str, received_time: datetime, doubt: Quirk) -> Moment:
        # Not every message has to have one; where it has to, its absence is forgiven with that of other properties.
        if doubt is not times.TIME_MISSING:
            self.forgives(doubt)
        return Moment(received_time + self._ahead, received_time, received_time, (doubt.flag,), text, is_dated=False)

    def _correction(self, device_time: datetime, received_time: datetime) -> timedelta | None:
        """What has to be added to a stamp; None for one that cannot be true."""
        late = received_time - device_time
        if _AHEAD_AT_MOST <= late <= TOLERANCE and not self._alike:
            # Nearly always: it is right, and there is nothing to unlearn.
            return _NOTHING
        if _FIRST_TICK < device_time < _LONGEST_UPTIME:
            if self._uptime_offset is None:
                self._uptime_offset = late
            return min(self._uptime_offset, late)
        if not -_MOST_AHEAD < late < _LONGEST_KEPT:
            return None
        if late > TOLERANCE:
            return -self._ahead
        self._heed(-late, received_time)
        if late >= _AHEAD_AT_MOST:
            return _NOTHING
        # Never later than now.
        return min(late, -self._ahead)

    def _heed(self, ahead: timedelta, received_time: datetime) -> None:
        """Take in that a stamp of about now was ahead."""
        if self._alike and abs(ahead - self._believed) <= _ALIKE:
            self._alike += 1
        else:
            self._believed, self._alike_since, self._alike = ahead, received_time, 1
        is_right = ahead <= TOLERANCE
        if is_right and (not self._ahead or self._alike >= _ENOUGH):
            self._ahead, self._alike = _NOTHING, 0
        elif self._alike >= _ENOUGH:
            keeps_pace = received_time - self._alike_since >= _LOCKSTEP
            if keeps_pace or ahead > self._ahead:
                self._ahead = self._believed


def iso_text(time: datetime) -> str:
    """A time in UTC as charge points read it, for example `2026-03-01T12:00:00.000Z`."""
    return f"{time.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
