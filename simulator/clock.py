"""The clock of a simulated charge point: it may run slow, fast or in the wrong year.

A clock never runs ahead of real time. To make half an hour of charging fit into six seconds it
starts in the past, runs fast while energy flows, and joins the present again.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST_NAP_SECONDS = 0.001


def real_time_us() -> int:
    """Real time in microseconds since 1970, UTC."""
    return time.time_ns() // 1_000


def stamp(moment: datetime) -> str:
    """Write a moment as OCPP wants it: RFC 3339, UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def zoned(text: str) -> datetime:
    """A stamp of the central system; one without a zone is UTC. Raises ValueError."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def moment(text: str | None) -> datetime | None:
    """The same of one that may be left out. Raises ValueError."""
    return None if text is None else zoned(text)


class DeviceClock:
    """Device time as a piecewise linear function of real time.

    `behind` is how far the clock lags behind real time at the start. `real_us` is the source of
    real time, replaced in tests.
    """

    def __init__(self, behind: timedelta = timedelta(), *, real_us: Callable[[], int] = real_time_us) -> None:
        if behind < timedelta():
            raise ValueError("a device clock cannot start ahead of real time")
        self._real_us = real_us
        self._rate = Fraction(1)
        self._anchor_real_us = real_us()
        self._anchor_device_us = self._anchor_real_us - behind // timedelta(microseconds=1)
        self._latest_us = self._anchor_device_us

    def now_us(self) -> int:
        """Device time in microseconds since 1970; it never goes back."""
        real = self._real_us()
        elapsed = max(0, real - self._anchor_real_us)
        device = self._anchor_device_us + int(elapsed * self._rate)
        self._latest_us = max(self._latest_us, min(device, real))
        return self._latest_us

    def now(self) -> datetime:
        """Device time as an aware datetime."""
        return _EPOCH + timedelta(microseconds=self.now_us())

    @staticmethod
    def to_us(moment: datetime) -> int:
        """A moment in microseconds since 1970."""
        return (moment - _EPOCH) // timedelta(microseconds=1)

    def set_rate(self, rate: Fraction | int) -> None:
        """From now on let `rate` device seconds pass in each real second."""
        if rate <= 0:
            raise ValueError("the rate of a clock is positive")
        self._anchor_device_us = self.now_us()
        self._anchor_real_us = self._real_us()
        self._rate = Fraction(rate)

    def real_seconds_until(self, device_us: int) -> float:
        """Real seconds until device time reaches `device_us`, at the present rate; never negative."""
        return max(0.0, float(Fraction(device_us - self.now_us()) / self._rate) / 1_000_000)

    async def sleep_until(self, device_us: int) -> None:
        """Return when device time has reached `device_us`."""
        while self.now_us() < device_us:  # noqa: ASYNC110  # time passes by itself: nothing would set an event
            await asyncio.sleep(max(_SHORTEST_NAP_SECONDS, self.real_seconds_until(device_us)))
