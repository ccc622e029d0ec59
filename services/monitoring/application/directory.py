"""The directory of the platform: who is there, and how they are."""

import asyncio
from collections.abc import Sequence

from services.monitoring.domain.service_info import ServiceInfo, ServicePlace
from services.monitoring.ports import Platform


class Directory:
    """The use case of the directory."""

    def __init__(self, places: Sequence[ServicePlace], platform: Platform) -> None:
        self._places = sorted(places, key=lambda place: place.public_port)
        self._platform = platform

    async def services(self) -> list[ServiceInfo]:
        """Every service by its public port, all asked at once."""
        answers = await asyncio.gather(*(self._platform.health(place.name) for place in self._places))
        return [ServiceInfo(place, health) for place, health in zip(self._places, answers, strict=True)]
