"""E: where transactions begin."""

from conformance.station import Station
from conformance.v201.states import Session, authorized, booted, charging, reading, status


async def tc_e_01(station: Station) -> None:
    """A transaction that begins when the power path closes: its first event has token and charging state."""
    await booted(station)
    tag, session = await station.place.card(), Session(station)
    await status(station, "Occupied")
    await authorized(station, tag)
    await session.tell("Started", "Authorized", tag=tag, state="EVConnected")
    await session.tell("Updated", "ChargingStateChanged", state="Charging")
    await session.is_shown("ACTIVE", idTag=tag, chargingState="Charging")


async def tc_e_02(station: Station) -> None:
    """A transaction that begins with the transfer of energy."""
    await booted(station)
    tag, session = await station.place.card(), Session(station)
    await status(station, "Occupied")
    await authorized(station, tag)
    await session.tell("Started", "ChargingStateChanged", tag=tag, state="Charging")
    await session.is_shown("ACTIVE", idTag=tag, chargingState="Charging")


async def tc_e_03(station: Station) -> None:
    """The cable first, then the token."""
    await booted(station)
    await charging(station, await station.place.card())


async def tc_e_04(station: Station) -> None:
    """The token first, then the cable."""
    await booted(station)
    tag, session = await station.place.card(), Session(station)
    await authorized(station, tag)
    session.begins_at(0)
    await session.tell("Started", "Authorized", tag=tag)
    session.begins_at(1)
    await status(station, "Occupied")
    await session.tell("Updated", "CablePluggedIn", state="EVConnected")
    await session.tell("Updated", "ChargingStateChanged", state="Charging")
    await session.is_shown("ACTIVE", idTag=tag, evseId=1)


async def tc_e_09(station: Station) -> None:
    """A transaction that begins with the cable."""
    await booted(station)
    session = Session(station)
    await status(station, "Occupied")
    await session.tell("Started", "CablePluggedIn", state="EVConnected")
    await session.is_shown("ACTIVE", chargingState="EVConnected")


async def tc_e_10(station: Station) -> None:
    """A transaction that begins with the token."""
    await booted(station)
    tag, session = await station.place.card(), Session(station)
    await authorized(station, tag)
    await session.tell("Started", "Authorized", tag=tag)
    await session.is_shown("ACTIVE", idTag=tag)


async def tc_e_11(station: Station) -> None:
    """A transaction that begins when the meter has signed: the signed values are taken with the first event."""
    await booted(station)
    tag, session = await station.place.card(), Session(station)
    await status(station, "Occupied")
    await authorized(station, tag)
    signed = [reading(1000, "Transaction.Begin", signed=True)]
    await session.tell("Started", "SignedDataReceived", tag=tag, state="EVConnected", meterValue=signed)
    await session.is_shown("ACTIVE", idTag=tag, meterStartWh="1000")


async def tc_e_12(station: Station) -> None:
    """A transaction that begins with a vehicle in the bay."""
    await booted(station)
    session = Session(station)
    session.begins_at(0)
    await session.tell("Started", "EVDetected")
    await session.is_shown("ACTIVE")
    session.begins_at(1)
    await status(station, "Occupied")
    await session.tell("Updated", "CablePluggedIn", state="EVConnected")
    await session.is_shown("ACTIVE", evseId=1)
