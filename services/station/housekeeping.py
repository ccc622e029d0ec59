"""Forgets who was refused long ago, and strangers that never came again: anybody can make more of both."""

from services.process.heartbeats import repeat
from services.station.application.refusals import Refusals

# Often enough that what is beyond the bounds never becomes much.
_PAUSE_SECONDS = 60.0


class RefusalSweeper:
    """Keeps what is known of refusals within its bounds. Every replica may run one."""

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals

    async def run(self) -> None:
        """Sweep until cancelled; waits out a database that is away."""
        await repeat(self._sweep, _PAUSE_SECONDS)

    async def _sweep(self) -> float:
        await self._refusals.forget()
        return _PAUSE_SECONDS
