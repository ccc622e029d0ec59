"""What can be done with tariffs, and what charging would cost."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.billing.application.billing import Biller
from services.billing.application.tariff_choice import tariff_at
from services.billing.domain.pricing import Consumption, Price, checked, price, require_valid
from services.billing.domain.tariff import Connector, Place, Tariff, is_seen_by, next_version, no_longer_default
from services.billing.domain.tariff_checks import validated
from services.billing.domain.taxation import taxed_for
from services.billing.ports import Drivers, Stations, UnitOfWork, UnitsOfWork
from services.kernel.clock import Clock
from services.kernel.errors import not_found
from services.kernel.ids import is_id, new_id
from services.kernel.pagination import Page, PageRequest
from services.kernel.tenancy import owner_of_new


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceQuestion:
    """What a caller wants to know the price of."""

    tariff_id: str
    station_id: str
    charge_point_id: str
    connector_id: int
    driver_id: str
    energy_wh: int
    start: datetime | None
    end: datetime | None
    idle_minutes: int


class Tariffs:
    """The use cases of tariffs. Each method is one unit of work."""

    def __init__(
        self, units_of_work: UnitsOfWork, clock: Clock, biller: Biller, drivers: Drivers, stations: Stations
    ) -> None:
        self._units_of_work = units_of_work
        self._clock = clock
        self._biller = biller
        self._drivers = drivers
        self._stations = stations

    async def page(
        self, station_id: str, include_retired: bool, page: PageRequest, seen_by: str | None = None
    ) -> Page[Tariff]:
        """One page of the newest versions, the newest tariff first; for a driver without those for others."""
        async with self._units_of_work() as work:
            return await work.tariffs.page(station_id, include_retired, page, seen_by)

    async def get(self, tariff_id: str, seen_by: str | None = None) -> Tariff:
        """The newest version. Raises: TARIFF_NOT_FOUND, also for a driver and a tariff for others."""
        async with self._units_of_work() as work:
            return _found(await work.tariffs.find(tariff_id), tariff_id, seen_by)

    async def create(self, fields: Mapping[str, Any], request_id: str) -> Tariff:
        """Make a tariff of `fields`. Idempotent by `request_id`. Raises: INVALID_FIELD."""
        now = self._clock.now()
        tariff = validated(Tariff(id=new_id(), **fields, create_time=now, update_time=now))
        async with self._units_of_work() as work:
            if request_id and (made := await work.remember(request_id, tariff.id)) != tariff.id:
                return _found(await work.tariffs.find(made), made)
            await work.tariffs.lock()
            await _add_version(work, tariff)
        await self._biller.retry_held()
        return tariff

    async def update(self, tariff_id: str, changes: Mapping[str, Any], etag: str) -> Tariff:
        """Make a new version. Raises: TARIFF_NOT_FOUND, INVALID_FIELD, ETAG_MISMATCH."""
        async with self._units_of_work() as work:
            await work.tariffs.lock()
            tariff = _found(await work.tariffs.find(tariff_id), tariff_id)
            tariff = next_version(tariff, changes, etag, self._clock.now())
            await _add_version(work, tariff)
        await self._biller.retry_held()
        return tariff

    async def calculate(self, question: PriceQuestion, seen_by: str | None = None) -> Price:
        """What a session would cost: by a tariff, else by the one that it would have.

        Raises: INVALID_FIELD, TARIFF_NOT_FOUND, TARIFF_NOT_VALID.
        """
        start = question.start or self._clock.now()
        used = checked(
            Consumption(
                energy_wh=question.energy_wh,
                start=start,
                end=question.end or start,
                idle_minutes=question.idle_minutes,
            )
        )
        async with self._units_of_work() as work:
            if question.tariff_id:
                tariff = _found(await work.tariffs.find(question.tariff_id), question.tariff_id, seen_by)
            else:
                where = f"at station {question.station_id}" if question.station_id else "by default"
                applying = await tariff_at(work, owner_of_new(), _place(question), start)
                tariff = _found(applying, f"that applies {where}")
            terms = await work.parties.terms(owner_of_new(), {question.driver_id} if is_id(question.driver_id) else ())
        require_valid(tariff)
        time_zone = await self._stations.time_zone(question.station_id or None)
        tier = await self._drivers.tier(question.driver_id or None)
        treatment = terms.treatment_of(question.driver_id)
        return taxed_for(price(tariff, replace(used, time_zone=time_zone, tier=tier)), treatment)


async def _add_version(work: UnitOfWork, tariff: Tariff) -> None:
    before = await work.tariffs.find_default() if tariff.is_default else None
    if before is not None and before.id != tariff.id:
        await work.tariffs.add_version(no_longer_default(before, tariff.update_time))
    await work.tariffs.add_version(tariff)


def _place(question: PriceQuestion) -> Place:
    connector = Connector(question.charge_point_id, question.connector_id) if question.charge_point_id else None
    return Place(question.station_id or None, connector, question.driver_id or None)


def _found(tariff: Tariff | None, tariff_id: str, seen_by: str | None = None) -> Tariff:
    if tariff is None or not is_seen_by(tariff, seen_by):
        raise not_found("tariff", tariff_id)
    return tariff
