"""J: meter values, by the clock and by the transaction."""

from conformance.station import Station
from conformance.v201.states import Session, authorized, booted, charging, ended, event, reading, status


async def tc_j_01(station: Station) -> None:
    """Values by the clock without a transaction, of an EVSE and of the main meter, are acknowledged."""
    await booted(station)
    for evse in (0, 1, 2):
        await station.acknowledged("MeterValues", {"evseId": evse, "meterValue": [reading(1000, "Sample.Clock")]})
    await event(station, "FiscalMetering", "EnergyActiveImportRegister", "1000", trigger="Periodic")


async def tc_j_02(station: Station) -> None:
    """Values by the clock while a transaction goes on count for it."""
    await booted(station)
    session = await charging(station, await station.place.card())
    await session.tell("Updated", "MeterValueClock", state="Charging", meterValue=[reading(1400, "Sample.Clock")])
    await session.is_shown("ACTIVE", energyWh="400")


async def tc_j_03(station: Station) -> None:
    """A series of values by the clock in the end of a transaction is taken in."""
    await _series(station, "Sample.Clock")


async def tc_j_04(station: Station) -> None:
    """The same with values that the meter has signed."""
    await _series(station, "Sample.Clock", signed=True)


async def tc_j_07(station: Station) -> None:
    """The first event tells the register, at an EVSE that is known."""
    await booted(station)
    tag, session = await station.place.card(), Session(station)
    await status(station, "Occupied")
    await authorized(station, tag)
    begin = [reading(1000, "Transaction.Begin")]
    await session.tell("Started", "Authorized", tag=tag, state="Charging", meterValue=begin)
    await session.is_shown("ACTIVE", meterStartWh="1000")


async def tc_j_08(station: Station) -> None:
    """The register at the begin is told once the EVSE is known."""
    await booted(station)
    tag, session = await station.place.card(), Session(station)
    session.begins_at(0)
    await session.tell("Started", "Authorized", tag=tag)
    session.begins_at(1)
    begin = [reading(1000, "Transaction.Begin")]
    await session.tell("Updated", "CablePluggedIn", state="EVConnected", meterValue=begin)
    await session.is_shown("ACTIVE", evseId=1)
    await ended(session, "StopAuthorized", "Local", tag=tag)


async def tc_j_09(station: Station) -> None:
    """Values at intervals while a transaction goes on count for it."""
    await booted(station)
    session = await charging(station, await station.place.card())
    for wh in (1200, 1400):
        sample = [reading(wh, "Sample.Periodic")]
        await session.tell("Updated", "MeterValuePeriodic", state="Charging", meterValue=sample)
    await session.is_shown("ACTIVE", energyWh="400")


async def tc_j_10(station: Station) -> None:
    """A series of values at intervals in the end of a transaction is taken in."""
    await _series(station, "Sample.Periodic")


async def tc_j_11(station: Station) -> None:
    """The same with values that the meter has signed."""
    await _series(station, "Sample.Periodic", signed=True)


async def _series(station: Station, context: str, *, signed: bool = False) -> None:
    await booted(station)
    tag = await station.place.card()
    session = await charging(station, tag)
    middle = [reading(wh, context, signed=signed) for wh in (1500, 2000, 2500)]
    last = reading(3000, "Transaction.End", signed=signed)
    await session.tell("Ended", "StopAuthorized", tag=tag, info={"stoppedReason": "Local"}, meterValue=[*middle, last])
    await session.is_shown("ENDED", energyWh="2000", meterStopWh="3000")
