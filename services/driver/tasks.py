"""Forgets what is remembered of tries to sign in when it counts for nothing any more."""

from services.driver.application.identity.sign_ins import SignIns
from services.process.heartbeats import every

_PAUSE_SECONDS = 3600.0
_RETRY_SECONDS = 10.0


class TrySweeper:
    """Looks every hour. Every replica may run it."""

    def __init__(self, sign_ins: SignIns) -> None:
        self._sign_ins = sign_ins

    async def run(self) -> None:
        """Look until cancelled."""
        await every(_PAUSE_SECONDS, self._sign_ins.forget_tries, _RETRY_SECONDS)
