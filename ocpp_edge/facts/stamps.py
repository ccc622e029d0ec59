"""Timestamps as charge points write them, read to UTC. Pure; whether one can be true is judged in device_clock.py.

OCPP asks for ISO 8601 (RFC 3339). What is read beside it is what charge points send: other separators, no zone, leap
seconds, numbers of seconds or milliseconds since 1970, text behind the time.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from ocpp_edge.quirks import Forgiving
from services.kernel.quirks.times import LOOSE_TIME, TIME_WITHOUT_ZONE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A date, with or without its dashes; without a time it says too little.
_LONGEST_DATE = 10
# None is longer; what is behind tells nothing.
LONGEST_STAMP = 64
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
_LIKE_ISO = re.compile(
    r"(?P<year>\d{4})[-/. ]?(?P<month>\d{1,2})[-/. ]?(?P<day>\d{1,2})[Tt\s_,;-]*"
    r"(?P<hour>\d{1,2})[:.h ]?(?P<minute>\d{1,2})(?:[:.m ]?(?P<second>\d{1,2})(?:[.,:](?P<fraction>\d*))?)?"
    r"\s*(?:(?P<utc>Z|UTC|GMT)|(?P<sign>[+-])(?P<hours>\d{1,2}):?(?P<minutes>\d{2})?)?",
    re.ASCII | re.IGNORECASE,
)
_NUMBER = re.compile(r"\d{9,19}(\.\d*)?", re.ASCII)
# As digits without any separator, which no number of milliseconds before the year 2600 has as many of.
_DIGITS_OF_TIME = 14
# From so many digits on, a number since 1970 counts milliseconds, microseconds, nanoseconds.
_DIGITS_OF_UNIT = ((18, 9), (15, 6), (12, 3))


def parsed(text: str, forgives: Forgiving | None = None) -> tuple[datetime | None, bool]:
    """A timestamp in UTC, and whether it named its zone; without one it counts as UTC.

    None for what is no time, or only one by a quirk that is not forgiven.
    """
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        return _forgiven(_loosely_parsed(text[:LONGEST_STAMP].strip().strip("\"'")), forgives)
    # Python takes dates for midnights, and some numbers for dates.
    if len(text) <= _LONGEST_DATE or text.isdigit():
        return _forgiven(_loosely_parsed(text), forgives)
    if stamp.tzinfo is UTC:
        return stamp, True
    if stamp.tzinfo is None:
        return _zoned((stamp.replace(tzinfo=UTC), False), forgives)
    try:
        return stamp.astimezone(UTC), True
    except OverflowError:
        return None, True


def _forgiven(loose: tuple[datetime | None, bool], forgives: Forgiving | None) -> tuple[datetime | None, bool]:
    if loose[0] is None or forgives is None or forgives(LOOSE_TIME):
        return _zoned(loose, forgives)
    return None, True


def _zoned(time: tuple[datetime | None, bool], forgives: Forgiving | None) -> tuple[datetime | None, bool]:
    stamp, has_zone = time
    if stamp is None or has_zone or forgives is None or forgives(TIME_WITHOUT_ZONE):
        return time
    return None, True


def _loosely_parsed(text: str) -> tuple[datetime | None, bool]:
    if _NUMBER.fullmatch(text) and len(text) != _DIGITS_OF_TIME:
        return _since_1970(text), True
    found = _LIKE_ISO.match(text)
    if found is None:
        return None, True
    try:
        return _utc(found)
    except (ValueError, OverflowError):
        return None, True


def _since_1970(text: str) -> datetime | None:
    digits = len(text.partition(".")[0])
    power = next((power for least, power in _DIGITS_OF_UNIT if digits >= least), 0)
    try:
        return _EPOCH + timedelta(microseconds=int(Decimal(text).scaleb(6 - power)))
    except OverflowError:
        return None


def _utc(found: re.Match[str]) -> tuple[datetime, bool]:
    """The time in a match of _LIKE_ISO. Raises: ValueError, OverflowError when there is no such time."""
    year, month, day, hour, minute, second = (
        int(found[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    # Midnight may be the end of a day, and a leap second that of a minute.
    ends_day, is_leap_second = hour == 24 and minute == second == 0, second == 60
    time = datetime(
        year,
        month,
        day,
        0 if ends_day else hour,
        minute,
        0 if is_leap_second else second,
        int((found["fraction"] or "0")[:6].ljust(6, "0")),
        tzinfo=UTC,
    )
    time += timedelta(days=ends_day) + is_leap_second * _MINUTE
    if not found["sign"]:
        return time, found["utc"] is not None
    offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
    if offset >= _DAY:
        return time, False
    zone = timezone(-offset if found["sign"] == "-" else offset)
    return time.replace(tzinfo=zone).astimezone(UTC), True
