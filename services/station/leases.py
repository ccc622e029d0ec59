"""Closes the connections of edge nodes that died without a word."""

import asyncio
import logging

from services.kernel.errors import DomainError
from services.station.application.connectivity import Connectivity

_PAUSE_SECONDS = 5.0

_log = logging.getLogger(__name__)


class LeaseSweeper:
    """Looks every few seconds for connections whose node's lease has run out. Every replica may run one."""

    def __init__(self, connectivity: Connectivity) -> None:
        self._connectivity = connectivity

    async def run(self) -> None:
        """Sweep until cancelled; waits out a database that is away."""
        while True:
            try:
                while closed := await self._connectivity.close_abandoned():
                    _log.warning("closed %d connections of edge nodes that no longer report", closed)
            except DomainError as error:
                _log.warning("abandoned connections are not looked for now: %s", error.message)
            await asyncio.sleep(_PAUSE_SECONDS)
