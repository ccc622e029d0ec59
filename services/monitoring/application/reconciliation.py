"""Reconciliation: asks the owners of what is monitored for how it is, and mends what lost events left wrong."""

from datetime import datetime, timedelta

from services.kernel.clock import Clock
from services.monitoring.application.alerts import forget_hardware, judge
from services.monitoring.application.charge_points import take_in_boot
from services.monitoring.application.stations import refresh, take_in_station
from services.monitoring.application.transactions import take_in_transaction
from services.monitoring.domain.charge_point import Sighting, deleted, sighted
from services.monitoring.domain.rules import offline_verdict
from services.monitoring.domain.station import StationSnapshot
from services.monitoring.ports import Owners, Work, Works

# What the owners tell counts as told so long ago: an event that was on its way meanwhile must not lose against it.
_MARGIN = timedelta(minutes=1)
# Of the transactions those that changed shortly before the latest known one are looked at again.
_OVERLAP = timedelta(hours=1)
# What the first look goes back to, when no transaction is known.
_FIRST_LOOK = timedelta(days=7)


class Reconciliation:
    """Compares with the owners. Idempotent, and harmless beside the events and other replicas."""

    def __init__(self, works: Works, owners: Owners, clock: Clock) -> None:
        self._works = works
        self._owners = owners
        self._clock = clock

    async def run(self) -> None:
        """Compare everything once. Raises: UNAVAILABLE when an owner does not answer."""
        told_time = self._clock.now() - _MARGIN
        await self._stations(told_time)
        await self._charge_points(told_time)
        await self._connections(told_time)
        await self._transactions()

    async def _stations(self, told_time: datetime) -> None:
        seen: set[str] = set()
        async for page in self._owners.stations(told_time):
            for snapshot in page:
                seen.add(snapshot.id)
                async with self._works() as work:
                    await take_in_station(work, snapshot, self._clock)
        async with self._works() as work:
            for station in await work.stations.unheard(told_time, seen):
                gone = StationSnapshot(
                    id=station.id,
                    name=station.name,
                    revision=station.revision,
                    told_time=told_time,
                    deleted=True,
                    charge_points=(),
                    connectors=(),
                )
                await take_in_station(work, gone, self._clock)

    async def _charge_points(self, told_time: datetime) -> None:
        seen: set[str] = set()
        async for page in self._owners.charge_points(told_time):
            seen |= {snapshot.id for snapshot in page}
            async with self._works() as work:
                for snapshot in page:
                    await take_in_boot(work, snapshot)
        async with self._works() as work:
            for charge_point_id in await work.charge_points.unheard(told_time, seen):
                before = await work.charge_points.lock(charge_point_id)
                await work.charge_points.store(deleted(before))
                await forget_hardware(work, before, self._clock)
                await refresh(work, before.station_id, told_time)

    async def _connections(self, time: datetime) -> None:
        seen: set[str] = set()
        async with self._works() as work:
            known = await work.charge_points.online()
        async for page in self._owners.connections(time):
            seen |= {sighting.charge_point_id for sighting in page}
            async with self._works() as work:
                for sighting in page:
                    if known.get(sighting.charge_point_id) != sighting.epoch:
                        await self._sight(work, sighting)
        async with self._works() as work:
            for charge_point_id in sorted(known.keys() - seen):
                epoch = known[charge_point_id]
                gone = Sighting(charge_point_id=charge_point_id, online=False, epoch=epoch, time=time)
                await self._sight(work, gone)

    async def _sight(self, work: Work, sighting: Sighting) -> None:
        before = await work.charge_points.lock(sighting.charge_point_id)
        after = sighted(before, sighting)
        if after is not before:
            await work.charge_points.store(after)
            if after.online:
                await judge(work, [offline_verdict(after, stands=False)], self._clock)
            await refresh(work, after.station_id, sighting.time)

    async def _transactions(self) -> None:
        async with self._works() as work:
            latest = await work.transactions.latest_update()
        since = latest - _OVERLAP if latest is not None else self._clock.now() - _FIRST_LOOK
        async for page in self._owners.transactions_changed_since(since):
            async with self._works() as work:
                for snapshot in page:
                    await take_in_transaction(work, snapshot, self._clock)
