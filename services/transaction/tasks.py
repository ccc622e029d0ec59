"""What the transaction service does by the clock beside its deliveries: takes command campaigns further."""

from services.process.heartbeats import repeat
from services.process.stirring import AT_REST_SECONDS
from services.transaction.application.campaign_steps import CampaignSteps

# Often enough for the fastest pace to be even.
_SECONDS = 0.5
_RETRY_SECONDS = 2.0


class CampaignRunner:
    """Takes every open campaign further. Every replica runs one."""

    def __init__(self, steps: CampaignSteps) -> None:
        self._steps = steps

    async def run(self) -> None:
        """Go on until cancelled; waits out a database, or a station service, that is away."""
        await repeat(self._step, _RETRY_SECONDS, _SECONDS)

    async def _step(self) -> float:
        return _SECONDS if await self._steps.step() else AT_REST_SECONDS
