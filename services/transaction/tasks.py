"""What the transaction service does by the clock beside its deliveries: takes command campaigns further, and sorts the
journal."""

from services.process.heartbeats import repeat
from services.process.stirring import AT_REST_SECONDS
from services.transaction.application.campaign_steps import CampaignSteps
from services.transaction.application.journal import Sorter

# Often enough for the fastest pace to be even.
_SECONDS = 0.5
_RETRY_SECONDS = 2.0
# Little comes in when it is not worth sorting earlier, and a day of it is much for a list to look through.
SORTED_EVERY_SECONDS = 3600.0
_SORT_AGAIN_SECONDS = 30.0


class CampaignRunner:
    """Takes every open campaign further. Every replica runs one."""

    def __init__(self, steps: CampaignSteps) -> None:
        self._steps = steps

    async def run(self) -> None:
        """Go on until cancelled; waits out a database, or a station service, that is away."""
        await repeat(self._step, _RETRY_SECONDS, _SECONDS)

    async def _step(self) -> float:
        return _SECONDS if await self._steps.step() else AT_REST_SECONDS


class JournalSorter:
    """Sorts the journal by charge point. Every replica runs one; they take turns."""

    def __init__(self, sorter: Sorter) -> None:
        self._sorter = sorter

    async def run(self) -> None:
        """Sort what an earlier process left, then what comes, until cancelled; waits out a database that is away."""
        await repeat(self._step, _SORT_AGAIN_SECONDS, SORTED_EVERY_SECONDS, self._sorter.rest)

    async def _step(self) -> float:
        await self._sorter.sort()
        return SORTED_EVERY_SECONDS
