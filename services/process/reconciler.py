"""Compares with the owners of facts, at start and every few minutes: what hangs on events must not be lost with them.

Does not know what is compared; how far it came is noted by reconciliations.py.
"""

import logging
from collections.abc import Awaitable, Callable

from services.process.heartbeats import repeat
from services.process.stirring import stir

_SECONDS = 300.0
_RETRY_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Reconciler:
    """Runs `compare` again and again. It tells how many facts it has looked at; `what` names them in the log."""

    def __init__(self, what: str, compare: Callable[[], Awaitable[int]], *, at_least_every: float = _SECONDS) -> None:
        self._what = what
        self._compare = compare
        self._pause_seconds = min(at_least_every, _SECONDS)

    async def run(self) -> None:
        """Compare until cancelled; waits out what is away."""
        await repeat(self._compare_once, _RETRY_SECONDS)

    async def _compare_once(self) -> float:
        _log.info("compared %d %s", await self._compare(), self._what)
        # What it has put right may be of consequence.
        stir()
        return self._pause_seconds
