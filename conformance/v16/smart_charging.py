"""Charging profiles (profile SmartCharging)."""

from conformance.station import Station
from conformance.v16.states import authorized, booted, starts, status
from conformance.verdicts import holds, same


async def tc_059(station: Station) -> None:
    """The operator starts a transaction with a profile that names no transaction; it starts as usual."""
    await booted(station)
    tag = await station.place.card()
    await status(station, "Preparing")
    profile = {"schedules": [{"unit": "A", "periods": [{"startSeconds": 0, "limit": 6}]}]}
    body = {"idTag": tag, "connectorId": 1, "chargingProfile": profile}
    asked = await station.commanded("remote-start", body, "RemoteStartTransaction", {"status": "Accepted"})
    told = asked.payload["chargingProfile"]
    same("purpose of the profile", told["chargingProfilePurpose"], "TxProfile")
    same("limits", told["chargingSchedule"]["chargingSchedulePeriod"], [{"startPeriod": 0, "limit": 6}])
    holds("it names no transaction", "transactionId" not in told, told)
    await authorized(station, tag)
    await starts(station, tag)
    await status(station, "Charging")
    await station.command_is(asked.command, "EFFECTIVE")
