"""What the billing service does by the clock: it bills sessions whose end was taken in."""

from services.billing.application.billing import Biller
from services.kernel.errors import unavailable
from services.process.heartbeats import repeat
from services.process.stirring import AT_REST_SECONDS

_SETTLE_SECONDS = 0.5
_SETTLE_AGAIN_SECONDS = 2.0


class Settler:
    """Bills sessions soon after their end was taken in, by whichever replica.

    Apart from the events: these are handled many in one transaction, which must not wait for other services nor keep
    the counter of invoices.
    """

    def __init__(self, biller: Biller) -> None:
        self._biller = biller

    async def run(self) -> None:
        """Bill until cancelled; waits out what is away."""
        await repeat(self._settle, _SETTLE_AGAIN_SECONDS, _SETTLE_SECONDS)

    async def _settle(self) -> float:
        if left := await self._biller.settle_all():
            raise unavailable(f"{left} sessions cannot be billed now")
        return AT_REST_SECONDS
