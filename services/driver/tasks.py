"""Forgets what is remembered of tries to sign in when it counts for nothing any more."""

from services.driver.application.identity import Identity
from services.process.heartbeats import repeat

_PAUSE_SECONDS = 3600.0
_RETRY_SECONDS = 10.0


class TrySweeper:
    """Looks every hour. Every replica may run it."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    async def run(self) -> None:
        """Look until cancelled."""
        await repeat(self._forget, _RETRY_SECONDS)

    async def _forget(self) -> float:
        await self._identity.forget_tries()
        return _PAUSE_SECONDS
