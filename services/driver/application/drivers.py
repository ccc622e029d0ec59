"""What can be done with drivers."""

from collections.abc import Mapping
from typing import Any

from services.driver.domain import rfid_card
from services.driver.domain.driver import Driver, DriverFilter, changed, validated
from services.driver.domain.events import TokenChanged
from services.driver.ports.drivers import UnitsOfWork
from services.kernel.clock import Clock
from services.kernel.errors import failed_precondition, not_found
from services.kernel.ids import new_id
from services.kernel.pagination import Page, PageRequest


class Drivers:
    """The use cases of drivers. Each method is one unit of work."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._clock = clock

    async def page(self, narrowing: DriverFilter, page: PageRequest) -> Page[Driver]:
        """One page of drivers, the newest first."""
        async with self._units_of_work() as work:
            return await work.drivers.page(narrowing, page)

    async def get(self, driver_id: str) -> Driver:
        """Raises: DRIVER_NOT_FOUND."""
        async with self._units_of_work() as work:
            return _found(await work.drivers.find(driver_id), driver_id)

    async def create(self, fields: Mapping[str, Any], request_id: str) -> Driver:
        """Make a driver of `fields`. Idempotent by `request_id`. Raises: INVALID_FIELD, DRIVER_EXISTS."""
        now = self._clock.now()
        driver = validated(Driver(id=new_id(), **fields, create_time=now, update_time=now))
        async with self._units_of_work() as work:
            if request_id and (made := await work.remember(request_id, driver.id)) != driver.id:
                return _found(await work.drivers.find(made), made)
            await work.drivers.add(driver)
            return driver

    async def update(self, driver_id: str, changes: Mapping[str, Any], etag: str) -> Driver:
        """Raises: DRIVER_NOT_FOUND, INVALID_FIELD, ETAG_MISMATCH, DRIVER_EXISTS."""
        async with self._units_of_work() as work:
            driver = _found(await work.drivers.find(driver_id, for_update=True), driver_id)
            driver = changed(driver, changes, etag, self._clock.now())
            await work.drivers.replace(driver)
            if "status" in changes:
                cards = await work.cards.of_driver(driver_id)
                await work.publish([TokenChanged(card.id_tag, card.token_type, card.id) for card in cards])
            return driver

    async def delete(self, driver_id: str) -> None:
        """Raises: DRIVER_NOT_FOUND, DRIVER_IN_USE."""
        async with self._units_of_work() as work:
            _found(await work.drivers.find(driver_id, for_update=True), driver_id)
            if await work.usage.has_running(driver_id):
                raise failed_precondition("DRIVER_IN_USE", f"a session of driver {driver_id} runs")
            cards = await work.cards.of_driver(driver_id, for_update=True)
            for card in cards:
                await work.cards.replace(rfid_card.changed(card, {"driver_id": None}, "", self._clock.now()))
            await work.drivers.remove(driver_id)
            await work.publish([TokenChanged(card.id_tag, card.token_type, card.id) for card in cards])


def _found(driver: Driver | None, driver_id: str) -> Driver:
    if driver is None:
        raise not_found("driver", driver_id)
    return driver
