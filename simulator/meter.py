"""An energy meter: an exact lifetime register that integrates power over device time.

Integers only (watt-microseconds), so that the sum of the sessions equals the register to the Wh.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

_WATT_US_PER_WH = 3_600_000_000


@dataclass(frozen=True)
class Reading:
    """What the meter shows at one moment. Energy is the lifetime register."""

    time: datetime
    energy_wh: int
    power_w: int
    current_ma: int
    voltage_mv: int
    soc_percent: int | None = None


class Meter:
    """Energy register of one connector.

    `time_us` gives device time in microseconds. Power flows between `begin` and `end`; with a
    limit it stops by itself when the vehicle has taken that much energy.
    """

    def __init__(self, time_us: Callable[[], int], initial_wh: int = 0) -> None:
        self._time_us = time_us
        self._settled = initial_wh * _WATT_US_PER_WH
        self._since_us = time_us()
        self._power_w = 0
        self._ceiling: int | None = None

    @property
    def energy_wh(self) -> int:
        """The register in whole Wh, rounded down as registers do."""
        return self._total() // _WATT_US_PER_WH

    @property
    def power_w(self) -> int:
        """Power at this moment: nothing once the vehicle is full."""
        return 0 if self.full else self._power_w

    @property
    def full(self) -> bool:
        """Whether the vehicle has taken all the energy that it wanted."""
        return self._ceiling is not None and self._total() >= self._ceiling

    @property
    def full_at_us(self) -> int | None:
        """Device time at which the vehicle will be full at the present power, if it ever will."""
        if self._ceiling is None or not self._power_w:
            return None
        missing = max(0, self._ceiling - self._settled)
        return self._since_us + -(-missing // self._power_w)

    def begin(self, power_w: int, limit_wh: int | None = None) -> None:
        """Let power flow, at most `limit_wh` counted from the whole Wh the register shows now."""
        if power_w < 0:
            raise ValueError("power_w is not negative")
        self.end()
        self._power_w = power_w
        if limit_wh is not None:
            self._ceiling = (self.energy_wh + limit_wh) * _WATT_US_PER_WH

    def set_power(self, power_w: int) -> None:
        """Change the power, keeping the limit."""
        if power_w != self._power_w:
            self._settle()
            self._power_w = power_w

    def end(self) -> None:
        """Stop the flow."""
        self._settle()
        self._power_w = 0
        self._ceiling = None

    def _total(self, now_us: int | None = None) -> int:
        elapsed = max(0, (self._time_us() if now_us is None else now_us) - self._since_us)
        total = self._settled + self._power_w * elapsed
        return total if self._ceiling is None else min(total, self._ceiling)

    def _settle(self) -> None:
        # One look at the clock: what flows between two would be lost each time.
        now_us = self._time_us()
        self._settled = self._total(now_us)
        self._since_us = now_us
