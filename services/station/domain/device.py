"""What devices tell, made fit to keep: neither their texts nor their clocks are to be trusted."""

from datetime import UTC, datetime, timedelta

_LONGEST_TEXT = 100
# A clock that was never set shows a time long before; one that is ahead would outdo every later report.
_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
_MOST_AHEAD = timedelta(minutes=1)


def told_text(text: str) -> str:
    """The first 100 printable characters of the text."""
    return "".join(filter(str.isprintable, text))[:_LONGEST_TEXT]


def told_time(device: datetime | None, received: datetime) -> datetime:
    """The device's time; when it was received where the device told none, or an impossible one."""
    if device is None or not _EARLIEST <= device <= received + _MOST_AHEAD:
        return received
    return device
