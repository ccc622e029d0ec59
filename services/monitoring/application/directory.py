"""The directory of the platform: who is there, and how they are."""

import asyncio
from collections.abc import Sequence

from services.kernel.clock import Clock
from services.monitoring.application.alerts import judge
from services.monitoring.domain.rules import task_verdicts
from services.monitoring.domain.service_info import ServiceInfo, ServicePlace
from services.monitoring.ports import Platform, UnitsOfWork


class Directory:
    """The use case of the directory."""

    def __init__(self, places: Sequence[ServicePlace], platform: Platform) -> None:
        self._places = sorted(places, key=lambda place: place.public_port)
        self._platform = platform

    async def services(self) -> list[ServiceInfo]:
        """Every service by its public port, all asked at once."""
        answers = await asyncio.gather(*(self._platform.health(place.name) for place in self._places))
        return [ServiceInfo(place, health) for place, health in zip(self._places, answers, strict=True)]


class TaskWatch:
    """Raises an alert for each background task of the platform that does not get on, and clears it."""

    def __init__(self, directory: Directory, units_of_work: UnitsOfWork, clock: Clock) -> None:
        self._directory = directory
        self._units_of_work = units_of_work
        self._clock = clock
        # What the database knows: the first look says everything, later ones what has changed.
        self._known: dict[str, bool] = {}

    async def look(self) -> None:
        """Ask all services, and raise and clear alerts."""
        found = task_verdicts(await self._directory.services())
        news = [verdict for verdict in found if self._known.get(verdict.subject) is not verdict.stands]
        if news:
            async with self._units_of_work() as work:
                await judge(work, news, self._clock.now())
            self._known.update((verdict.subject, verdict.stands) for verdict in news)
