"""E: transactions that the station limits."""

from conformance.station import Payload, Station
from conformance.v201.states import Session, booted, charging, ended


async def tc_e_106(station: Station) -> None:
    """A limit of energy that the station has set is acknowledged, as is the end by it."""
    await _limited(station, {"maxEnergy": 2000}, "EnergyLimitReached", "EnergyLimitReached")


async def tc_e_107(station: Station) -> None:
    """A limit of time that the station has set is acknowledged, as is the end by it."""
    await _limited(station, {"maxTime": 3600}, "TimeLimitReached", "TimeLimitReached")


async def tc_e_108(station: Station) -> None:
    """A limit of cost that the station has set is acknowledged, as is the end by it."""
    await _limited(station, {"maxCost": 5}, "CostLimitReached", "LocalOutOfCredit")


async def _limited(station: Station, limit: Payload, trigger: str, reason: str) -> None:
    await booted(station)
    session: Session = await charging(station, await station.place.card())
    await session.tell("Updated", "LimitSet", state="Charging", info={"transactionLimit": limit})
    await session.tell("Updated", trigger, state="SuspendedEVSE")
    await session.is_shown("ACTIVE", chargingState="SuspendedEVSE")
    await ended(session, "EVDeparted", reason, state="Idle")
