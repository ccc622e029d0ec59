"""I: costs that the station has computed."""

from conformance.station import Station
from conformance.v201.states import booted, charging, now, reading


async def tc_i_122(station: Station) -> None:
    """The details of the costs in the end of a transaction are taken, and it is shown as ended."""
    await booted(station)
    session = await charging(station, await station.place.card())
    total = {"currency": "EUR", "typeOfCost": "NormalCost", "total": {"exclTax": 0.8, "inclTax": 0.95}}
    usage = {"energy": 2, "chargingTime": 600, "idleTime": 0}
    period = {"startPeriod": now(), "dimensions": [{"type": "Energy", "volume": 2}]}
    details = {"totalCost": total, "totalUsage": usage, "chargingPeriods": [period]}
    last = [reading(3000, "Transaction.End")]
    info = {"stoppedReason": "Local"}
    await session.tell("Ended", "StopAuthorized", info=info, meterValue=last, costDetails=details)
    await session.is_shown("ENDED", energyWh="2000")
