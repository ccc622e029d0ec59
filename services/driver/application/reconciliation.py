"""Compares usage with the owners of its facts, so that none of it hangs on an event that got lost."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from services.driver.application.usage import record_costs, record_sessions
from services.driver.ports.drivers import Dated, Owners, UnitOfWork, UnitsOfWork
from services.kernel.clock import Clock

_Fact = TypeVar("_Fact")
_Ask = Callable[[datetime, str], Awaitable[tuple[Sequence[Dated[_Fact]], str]]]
_Record = Callable[[UnitOfWork, Sequence[_Fact]], Awaitable[None]]

_SESSIONS, _COSTS = "transactions", "bills"
# Commits do not become visible in the order of their times: look back further than any of them takes.
_OVERLAP = timedelta(minutes=2)
_FIRST_LOOK_BACK = timedelta(days=30)


class Reconciliation:
    """Takes in every session, and the cost of every one, that changed since the last look. Idempotent."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock, owners: Owners) -> None:
        self._units_of_work = units_of_work
        self._clock = clock
        self._owners = owners

    async def run_once(self) -> int:
        """Compare, page by page; how many facts were looked at. Raises: UNAVAILABLE when an owner does not answer."""
        sessions = await self._compare(_SESSIONS, self._owners.sessions_changed_since, record_sessions)
        return sessions + await self._compare(_COSTS, self._owners.costs_changed_since, record_costs)

    async def _compare(self, name: str, ask: _Ask[_Fact], record: _Record[_Fact]) -> int:
        async with self._units_of_work() as work:
            until = await work.reconciled_until(name)
        since = (until or self._clock.now() - _FIRST_LOOK_BACK) - _OVERLAP
        looked_at, token = 0, ""
        while True:
            found, token = await ask(since, token)
            if found:
                async with self._units_of_work() as work:
                    await record(work, [fact for fact, _ in found])
                    await work.note_reconciled(name, found[-1][1])
            looked_at += len(found)
            if not token:
                return looked_at
