"""K: limits and profiles."""

from conformance.station import Station
from conformance.v201.states import booted, charging


async def tc_k_48(station: Station) -> None:
    """A limit that an energy management system has set is acknowledged and shown."""
    await booted(station)
    limit = {"chargingLimitSource": "EMS", "isGridCritical": False}
    await station.acknowledged("NotifyChargingLimit", {"chargingLimit": limit, "evseId": 1})
    await station.event("NotifyChargingLimit", subject="EMS")


async def tc_k_50(station: Station) -> None:
    """That a limit is gone is acknowledged and shown."""
    await booted(station)
    await station.acknowledged("ClearedChargingLimit", {"chargingLimitSource": "EMS", "evseId": 1})
    await station.event("ClearedChargingLimit", subject="EMS")


async def tc_k_51(station: Station) -> None:
    """That a limit is gone while a transaction goes on is acknowledged, as is that its rate changes."""
    await booted(station)
    session = await charging(station, await station.place.card())
    await station.acknowledged("ClearedChargingLimit", {"chargingLimitSource": "EMS", "evseId": 1})
    await session.tell("Updated", "ChargingRateChanged", state="Charging")
    await station.event("ClearedChargingLimit", subject="EMS")
