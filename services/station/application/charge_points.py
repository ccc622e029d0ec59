"""What can be done with charge points."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.kernel.clock import Clock
from services.kernel.errors import conflict, failed_precondition, not_found
from services.kernel.ids import new_id
from services.kernel.pagination import Page, PageRequest
from services.station.application.stations import lock_stations, publish_stations
from services.station.domain.charge_point import ChargePoint, ChargePointFilter, changed, made, staged, withdrawn
from services.station.domain.connector import Connector
from services.station.domain.events import ChargePointChanged
from services.station.domain.quirks import QuirkProfile, Switch, profile_of, switched
from services.station.domain.station import Station
from services.station.ports import RunningTransactions, UnitOfWork, UnitsOfWork


@dataclass(frozen=True, slots=True)
class ChargePointView:
    """A charge point with its connectors."""

    charge_point: ChargePoint
    connectors: Sequence[Connector] = ()


class ChargePoints:
    """The use cases of charge points. Each method is one unit of work."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock, running: RunningTransactions) -> None:
        self._units_of_work = units_of_work
        self._clock = clock
        self._running = running

    async def page(self, narrowing: ChargePointFilter, page: PageRequest) -> Page[ChargePointView]:
        """One page of charge points by identity."""
        async with self._units_of_work.reading() as work:
            found = await work.charge_points.page(narrowing, page)
            views = await _views(work, found.items)
        return Page(views, found.next_token, found.total_size)

    async def get(self, charge_point_id: str) -> ChargePointView:
        """Raises: CHARGE_POINT_NOT_FOUND."""
        async with self._units_of_work.reading() as work:
            return await _view(work, await _found(work, charge_point_id))

    async def create(self, fields: Mapping[str, Any], request_id: str) -> ChargePointView:
        """Make a charge point of `fields`. Idempotent by `request_id`.

        Raises: INVALID_FIELD, CHARGE_POINT_EXISTS, STATION_NOT_FOUND.
        """
        charge_point = made(fields, self._clock.now())
        async with self._units_of_work() as work:
            if request_id and await _made_before(work, request_id):
                return await _view(work, await _found(work, charge_point.id))
            stations = await lock_stations(work, [charge_point.station_id])
            await work.charge_points.add([charge_point])
            await _publish(work, charge_point, stations)
            return ChargePointView(charge_point)

    async def update(self, charge_point_id: str, changes: Mapping[str, Any], etag: str) -> ChargePointView:
        """Raises: CHARGE_POINT_NOT_FOUND, STATION_NOT_FOUND, INVALID_FIELD, ETAG_MISMATCH."""
        async with self._units_of_work() as work:
            before, stations = await _locked(work, charge_point_id, changes.get("station_id"))
            after = changed(before, changes, etag, self._clock.now())
            await work.charge_points.replace(after)
            await _publish(work, after, stations)
            return await _view(work, after)

    async def quirks(self, charge_point_id: str) -> QuirkProfile:
        """What a charge point is forgiven. Raises: CHARGE_POINT_NOT_FOUND."""
        async with self._units_of_work.reading() as work:
            return profile_of(await _found(work, charge_point_id))

    async def switch_quirks(self, charge_point_id: str, switches: Sequence[Switch]) -> QuirkProfile:
        """What a charge point is forgiven after these switches. Raises: CHARGE_POINT_NOT_FOUND, INVALID_FIELD."""
        async with self._units_of_work() as work:
            before, stations = await _locked(work, charge_point_id)
            after = switched(before, switches, self._clock.now())
            await work.charge_points.replace(after)
            await _publish(work, after, stations)
        return profile_of(after)

    async def delete(self, charge_point_id: str) -> None:
        """Raises: CHARGE_POINT_NOT_FOUND, TRANSACTION_RUNNING."""
        await self.get(charge_point_id)
        # Asked outside of the unit of work: no lock is held while another service answers.
        if await self._running.at_charge_point(charge_point_id):
            raise failed_precondition("TRANSACTION_RUNNING", f"a transaction runs at charge point {charge_point_id}")
        async with self._units_of_work() as work:
            charge_point, stations = await _locked(work, charge_point_id)
            await work.charge_points.remove(charge_point_id)
            await _publish(work, charge_point, stations, deleted=True)

    async def stage_password(self, charge_point_id: str, source: str, password: str) -> None:
        """Make a new password valid that is on its way to its charge point. Idempotent.

        Raises: CHARGE_POINT_NOT_FOUND, INVALID_FIELD.
        """
        async with self._units_of_work() as work:
            before = await _found(work, charge_point_id, for_update=True)
            await work.charge_points.replace(staged(before, source, password))

    async def withdraw_password(self, charge_point_id: str, source: str) -> None:
        """Make a new password void that its charge point did not take. Idempotent; nothing where there is none."""
        async with self._units_of_work() as work:
            before = await work.charge_points.find(charge_point_id, for_update=True)
            if before is not None:
                await work.charge_points.replace(withdrawn(before, source))


async def _view(work: UnitOfWork, charge_point: ChargePoint) -> ChargePointView:
    [view] = await _views(work, [charge_point])
    return view


async def _views(work: UnitOfWork, charge_points: Sequence[ChargePoint]) -> list[ChargePointView]:
    plugs: defaultdict[str, list[Connector]] = defaultdict(list)
    for plug in await work.connectors.of_charge_points([point.id for point in charge_points]):
        plugs[plug.charge_point_id].append(plug)
    return [ChargePointView(point, plugs[point.id]) for point in charge_points]


async def _publish(
    work: UnitOfWork, charge_point: ChargePoint, stations: Sequence[Station], *, deleted: bool = False
) -> None:
    await work.publish([ChargePointChanged(charge_point=charge_point, deleted=deleted)])
    await publish_stations(work, stations)


async def _made_before(work: UnitOfWork, request_id: str) -> bool:
    """Whether the same request has made its charge point; its identity is the caller's, so it tells nothing."""
    attempt = new_id()
    return await work.remember(request_id, attempt) != attempt


async def _locked(
    work: UnitOfWork, charge_point_id: str, new_station_id: str | None = None
) -> tuple[ChargePoint, list[Station]]:
    """The charge point, and the stations that a change of it concerns; all locked."""
    seen = await _found(work, charge_point_id)
    stations = await lock_stations(work, [seen.station_id, new_station_id])
    charge_point = await _found(work, charge_point_id, for_update=True)
    if charge_point.station_id != seen.station_id:
        raise conflict("ETAG_MISMATCH", f"charge point {charge_point_id} is being changed by somebody else")
    return charge_point, stations


async def _found(work: UnitOfWork, charge_point_id: str, *, for_update: bool = False) -> ChargePoint:
    charge_point = await work.charge_points.find(charge_point_id, for_update=for_update)
    if charge_point is None:
        raise not_found("charge point", charge_point_id)
    return charge_point
