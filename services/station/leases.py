"""Closes the connections of edge nodes that died without a word."""

import asyncio
import logging
from datetime import timedelta

from services.process.heartbeats import repeat
from services.station.application.connectivity import Connectivity

_PAUSE_SECONDS = 5.0

_log = logging.getLogger(__name__)


class LeaseSweeper:
    """Looks every few seconds for connections whose node's lease has run out. Every replica may run one.

    While this service or its database was away no node could report: each gets `patience` to do so first.
    """

    def __init__(self, connectivity: Connectivity, patience: timedelta) -> None:
        self._connectivity = connectivity
        self._patience = patience.total_seconds()

    async def run(self) -> None:
        """Sweep until cancelled; waits out a database that is away."""
        await asyncio.sleep(self._patience)
        await repeat(self._sweep, self._patience)

    async def _sweep(self) -> float:
        while closed := await self._connectivity.close_abandoned():
            _log.warning("closed %d connections of edge nodes that no longer report", closed)
        await self._connectivity.forget_nodes()
        return _PAUSE_SECONDS
