"""What drivers used: keeping what other services tell, and summing it up."""

from collections.abc import Iterable
from datetime import datetime

from services.driver.domain.usage import DriverUsage, SessionCost, SessionUsage, period, summed
from services.driver.ports.drivers import UnitOfWork, UnitsOfWork
from services.kernel.clock import Clock
from services.kernel.errors import not_found

_SESSIONS_SHOWN = 100


class Usage:
    """The use cases of usage."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._clock = clock

    async def of_driver(self, driver_id: str, start: datetime | None, end: datetime | None) -> DriverUsage:
        """Raises: DRIVER_NOT_FOUND, INVALID_FIELD."""
        start, end = period(start, end, self._clock.now())
        async with self._units_of_work() as work:
            if await work.drivers.find(driver_id) is None:
                raise not_found("driver", driver_id)
            ended = await work.usage.ended(driver_id, start, end)
            latest = await work.usage.latest(driver_id, start, end, _SESSIONS_SHOWN)
        return summed(driver_id, ended, latest)


async def record_sessions(work: UnitOfWork, sessions: Iterable[SessionUsage]) -> None:
    """Keep what the transaction service told of sessions. Idempotent, and of any order: the newest snapshot counts."""
    newest: dict[str, SessionUsage] = {}
    for session in sessions:
        known = newest.get(session.transaction_id)
        if known is None or session.revision > known.revision:
            newest[session.transaction_id] = session
    await work.usage.record(list(newest.values()))


async def record_costs(work: UnitOfWork, costs: Iterable[SessionCost]) -> None:
    """Keep what billing told of sessions. Idempotent, and of any order: the cost with the highest rank counts."""
    latest: dict[str, SessionCost] = {}
    for cost in costs:
        known = latest.get(cost.transaction_id)
        if known is None or cost.rank >= known.rank:
            latest[cost.transaction_id] = cost
    await work.usage.record_costs(list(latest.values()))
