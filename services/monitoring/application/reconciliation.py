"""Reconciliation: asks the owners of what is monitored for how it is, and mends what lost events left wrong."""

from datetime import datetime, timedelta

from services.kernel.clock import Clock
from services.monitoring.application.charge_points import locked_points, take_in_boots, take_in_sightings
from services.monitoring.application.consequences import consequences
from services.monitoring.application.stations import take_in_stations
from services.monitoring.application.transactions import mend_bills, take_in_transactions
from services.monitoring.domain.charge_point import Sighting, deleted
from services.monitoring.domain.station import Station, StationSnapshot
from services.monitoring.ports import Owners, UnitsOfWork

# What the owners tell counts as told so long ago: an event that was on its way meanwhile must not lose against it.
_MARGIN = timedelta(minutes=1)
# Of the transactions those that changed shortly before the latest known one are looked at again.
_OVERLAP = timedelta(hours=1)
# The same for bills: commits do not become visible in the order of their times.
_BILL_OVERLAP = timedelta(minutes=2)
_BILLS = "bills"
# What the first look goes back to, when no transaction is known.
_FIRST_LOOK = timedelta(days=7)


class Reconciliation:
    """Compares with the owners. Idempotent, and harmless beside the events and other replicas."""

    def __init__(self, units_of_work: UnitsOfWork, owners: Owners, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._owners = owners
        self._clock = clock

    async def run(self) -> None:
        """Compare everything once. Raises: UNAVAILABLE when an owner does not answer."""
        told_time = self._clock.now() - _MARGIN
        await self._stations(told_time)
        await self._charge_points(told_time)
        await self._connections(told_time)
        await self._transactions()
        await self._bills()

    async def _stations(self, told_time: datetime) -> None:
        seen: set[str] = set()
        async for page in self._owners.stations(told_time):
            seen |= {snapshot.id for snapshot in page}
            async with self._units_of_work() as work, consequences(work, self._clock) as follows:
                await take_in_stations(work, page, follows)
        async with self._units_of_work() as work, consequences(work, self._clock) as follows:
            unheard = await work.stations.unheard(told_time, seen)
            await take_in_stations(work, [_gone(station, told_time) for station in unheard], follows)

    async def _charge_points(self, told_time: datetime) -> None:
        seen: set[str] = set()
        async for page in self._owners.charge_points(told_time):
            seen |= {snapshot.id for snapshot in page}
            async with self._units_of_work() as work, consequences(work, self._clock) as follows:
                async with locked_points(work, {snapshot.id for snapshot in page}) as points:
                    take_in_boots(points, page, follows)
        async with self._units_of_work() as work, consequences(work, self._clock) as follows:
            gone = await work.charge_points.lock(await work.charge_points.unheard(told_time, seen))
            await work.charge_points.store([deleted(point) for point in gone.values()])
            follows.forget_hardware(gone.keys())
            follows.changed({point.station_id: told_time for point in gone.values()})

    async def _connections(self, time: datetime) -> None:
        seen: set[str] = set()
        async with self._units_of_work() as work:
            known = await work.charge_points.online()
        async for page in self._owners.connections(time):
            seen |= {sighting.charge_point_id for sighting in page}
            news = [sighting for sighting in page if known.get(sighting.charge_point_id) != sighting.epoch]
            async with self._units_of_work() as work, consequences(work, self._clock) as follows:
                await take_in_sightings(work, news, follows)
        gone = [
            Sighting(charge_point_id=name, online=False, epoch=epoch, time=time)
            for name, epoch in known.items()
            if name not in seen
        ]
        async with self._units_of_work() as work, consequences(work, self._clock) as follows:
            await take_in_sightings(work, gone, follows)

    async def _transactions(self) -> None:
        async with self._units_of_work() as work:
            latest = await work.transactions.latest_update()
        since = latest - _OVERLAP if latest is not None else self._clock.now() - _FIRST_LOOK
        async for page in self._owners.transactions_changed_since(since):
            async with self._units_of_work() as work:
                await take_in_transactions(work, page, self._clock)

    async def _bills(self) -> None:
        async with self._units_of_work() as work:
            until = await work.reconciled_until(_BILLS)
        since = (until or self._clock.now() - _FIRST_LOOK) - _BILL_OVERLAP
        async for bills, changed_time in self._owners.bills_changed_since(since):
            async with self._units_of_work() as work:
                await mend_bills(work, bills)
                await work.note_reconciled(_BILLS, changed_time)


def _gone(station: Station, told_time: datetime) -> StationSnapshot:
    return StationSnapshot(
        id=station.id,
        name=station.name,
        revision=station.revision,
        told_time=told_time,
        deleted=True,
        charge_points=(),
        connectors=(),
        tenant_id=station.tenant_id,
    )
