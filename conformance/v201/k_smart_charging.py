"""K: limits and profiles."""

from conformance.station import Station
from conformance.v201.states import Session, authorized, booted, charging, status
from conformance.verdicts import holds, same


async def tc_k_37(station: Station) -> None:
    """The operator starts a transaction with a profile for it, which names no transaction."""
    await booted(station)
    tag, session = await station.place.card(), Session(station)
    profile = {"schedules": [{"unit": "A", "periods": [{"startSeconds": 0, "limit": 6}]}]}
    body = {"idTag": tag, "connectorId": 1, "chargingProfile": profile}
    asked = await station.commanded("remote-start", body, "RequestStartTransaction", {"status": "Accepted"})
    told = asked.payload["chargingProfile"]
    same("purpose of the profile", told["chargingProfilePurpose"], "TxProfile")
    [schedule] = told["chargingSchedule"]
    same("limits", schedule["chargingSchedulePeriod"], [{"startPeriod": 0, "limit": 6}])
    holds("it names no transaction", "transactionId" not in told, told)
    await authorized(station, tag)
    begun = {"remoteStartId": asked.payload["remoteStartId"]}
    await status(station, "Occupied")
    await session.tell("Started", "RemoteStart", tag=tag, state="Charging", info=begun)
    await station.command_is(asked.command, "EFFECTIVE")


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
