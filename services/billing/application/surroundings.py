"""What a price depends on besides tariff and session: the tier of the driver and the time zone of the station."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from services.billing.domain.charging_session import ChargingSession
from services.billing.domain.pricing import LONGEST_SESSION, Consumption
from services.billing.domain.tariff import MembershipTier
from services.billing.ports import Drivers, Stations
from services.kernel.clock import Clock
from services.kernel.errors import DomainError

# Stations do not move; that the time zone of one was entered wrongly is put right for all bills from then on.
_ZONE_LIFE = timedelta(minutes=1)
_MOST_ZONES = 10_000
_AT_ONCE = 8

_UTC = "UTC"


class Surroundings:
    """Asks other services, for many sessions at once when there are many."""

    def __init__(self, drivers: Drivers, stations: Stations, clock: Clock) -> None:
        self._drivers = drivers
        self._stations = stations
        self._clock = clock
        self._zones: dict[str, tuple[str, datetime]] = {}

    async def consumption(self, session: ChargingSession, end: datetime) -> Consumption:
        """What a session used until `end`, for the price. Raises: UNAVAILABLE."""
        tier = await self._drivers.tier(session.driver_id)
        return _consumption(session, end, tier, await self._stations.time_zone(session.station_id))

    async def consumptions(
        self, sessions: Sequence[tuple[ChargingSession, datetime]]
    ) -> Sequence[Consumption | DomainError]:
        """The same for many sessions and their ends; for some of them why it cannot be had. Each is asked for once."""
        drivers = {session.driver_id for session, _ in sessions if session.driver_id is not None}
        stations = {session.station_id for session, _ in sessions if session.station_id is not None}
        tiers, zones = await asyncio.gather(self._tiers(drivers), self._time_zones(stations))
        found: list[Consumption | DomainError] = []
        for session, end in sessions:
            tier = MembershipTier.BASIC if session.driver_id is None else tiers[session.driver_id]
            zone = _UTC if session.station_id is None else zones[session.station_id]
            if isinstance(tier, DomainError):
                found.append(tier)
            elif isinstance(zone, DomainError):
                found.append(zone)
            else:
                found.append(_consumption(session, end, tier, zone))
        return found

    async def _tiers(self, driver_ids: Collection[str]) -> Mapping[str, MembershipTier | DomainError]:
        try:
            return await self._drivers.tiers(driver_ids) if driver_ids else {}
        except DomainError as error:
            return dict.fromkeys(driver_ids, error)

    async def _time_zones(self, station_ids: Collection[str]) -> Mapping[str, str | DomainError]:
        now, turns = self._clock.now(), asyncio.Semaphore(_AT_ONCE)
        if len(self._zones) > _MOST_ZONES:
            self._zones.clear()

        async def ask(station_id: str) -> str | DomainError:
            zone, asked_time = self._zones.get(station_id, ("", None))
            if asked_time is not None and now - asked_time < _ZONE_LIFE:
                return zone
            async with turns:
                try:
                    zone = await self._stations.time_zone(station_id)
                except DomainError as error:
                    return error
            self._zones[station_id] = zone, now
            return zone

        found = await asyncio.gather(*map(ask, station_ids))
        return dict(zip(station_ids, found, strict=True))


def _consumption(session: ChargingSession, end: datetime, tier: MembershipTier, time_zone: str) -> Consumption:
    # A clock that ran wild must not price a session by centuries, nor backwards.
    length = min(max(end - session.start_time, timedelta()), LONGEST_SESSION)
    return Consumption(
        energy_wh=session.energy_wh,
        start=session.start_time,
        end=session.start_time + length,
        idle_minutes=session.idle_minutes,
        time_zone=time_zone,
        tier=tier,
    )
