"""When background tasks look for work: at their pace while something is done in their service, seldom at rest.

What there is to do comes of what is committed here; whoever commits says so, and everybody who rests looks. Replicas do
not stir each other: each does what came of its own commits. What one of them has left behind is found by the others at
rest. Knows no task.
"""

import asyncio
from contextlib import suppress
from weakref import WeakSet

from services.process.service_name import service_name

AT_REST_SECONDS = 30.0
"""How long it takes until somebody finds what was left behind: of what is due by itself, tasks say when it is."""

_resting: "WeakSet[Rest]" = WeakSet()


def stir() -> None:
    """Say that something was done of which work may come. Not before it is committed: who looks must find it.

    Tasks of another service that shares the process are left alone.
    """
    name = service_name()
    for rest in tuple(_resting):
        if rest.service == name or not name:
            rest.stir()


class Rest:
    """The pauses of one task, which looks for work, pauses, looks again."""

    def __init__(self) -> None:
        self.service = service_name()
        self._stirred, self._hurried = asyncio.Event(), asyncio.Event()
        _resting.add(self)

    def stir(self) -> None:
        """There may be work: let the pause, or the one to come, end with the pace."""
        self._stirred.set()

    def hurry(self) -> None:
        """There is work: let it end at once."""
        self._stirred.set()
        self._hurried.set()

    async def hurried(self, seconds: float) -> bool:
        """Whether there is work, which is waited for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self._hurried.wait()
        return False

    def begin_look(self) -> None:
        """Call this before each look: what is done from now on may come too late for it."""
        self._stirred.clear()
        self._hurried.clear()

    async def pause(self, seconds: float, pace_seconds: float) -> None:
        """Wait so long; once something is done only until `pace_seconds` are over, if that is less."""
        earliest = asyncio.get_running_loop().time() + min(pace_seconds, seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds) as end:
                await self._stirred.wait()
                end.reschedule(earliest)
                await self._hurried.wait()
