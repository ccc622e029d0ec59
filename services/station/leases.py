"""Closes the connections of edge nodes that died without a word."""

import asyncio
import logging

from services.kernel.errors import DomainError
from services.station.application.connectivity import Connectivity

_PAUSE_SECONDS = 5.0
# While this service or its database was away no node could report: each gets the time to do so first.
_PATIENCE_SECONDS = 30.0

_log = logging.getLogger(__name__)


class LeaseSweeper:
    """Looks every few seconds for connections whose node's lease has run out. Every replica may run one."""

    def __init__(self, connectivity: Connectivity, *, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        self._connectivity = connectivity
        self._patience = patience_seconds

    async def run(self) -> None:
        """Sweep until cancelled; waits out a database that is away."""
        while True:
            await asyncio.sleep(self._patience)
            try:
                await self._sweep()
            except DomainError as error:
                _log.warning("abandoned connections are not looked for now: %s", error.message)

    async def _sweep(self) -> None:
        while True:
            while closed := await self._connectivity.close_abandoned():
                _log.warning("closed %d connections of edge nodes that no longer report", closed)
            await self._connectivity.forget_nodes()
            await asyncio.sleep(_PAUSE_SECONDS)
