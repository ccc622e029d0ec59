"""E: what transactions end by."""

from conformance.station import Station
from conformance.v201.states import Session, authorized, booted, charging, ended, reading, status
from conformance.verdicts import same

_BAD = ("Invalid", "Unknown")


async def tc_e_07(station: Station) -> None:
    """A stop at the station ends the transaction when the power path opens."""
    await booted(station)
    tag = await station.place.card()
    session = await charging(station, tag)
    await ended(session, "StopAuthorized", "Local", tag=tag)
    await status(station, "Available")


async def tc_e_08(station: Station) -> None:
    """A stop at the station ends the transaction when the transfer of energy stops."""
    await booted(station)
    tag = await station.place.card()
    session = await charging(station, tag)
    await session.tell("Updated", "StopAuthorized", tag=tag, state="Charging")
    await ended(session, "ChargingStateChanged", "Local")


async def tc_e_14(station: Station) -> None:
    """The cable is pulled at the station: the transaction ends by it."""
    await booted(station)
    tag = await station.place.card()
    session = await charging(station, tag)
    await session.tell("Updated", "StopAuthorized", tag=tag, state="EVConnected")
    await ended(session, "EVCommunicationLost", "Local", state="Idle")
    await status(station, "Available")


async def tc_e_15(station: Station) -> None:
    """A stop with the token ends the transaction."""
    await booted(station)
    tag = await station.place.card()
    session = await charging(station, tag)
    await ended(session, "StopAuthorized", "Local", tag=tag)


async def tc_e_16(station: Station) -> None:
    """A token that is not good is told so, and that the transaction is ended for it is acknowledged."""
    await booted(station)
    session = Session(station)
    await status(station, "Occupied")
    await session.tell(
        "Started", "CablePluggedIn", state="EVConnected", meterValue=[reading(1000, "Transaction.Begin")]
    )
    tag = station.place.unknown_tag()
    await session.tell("Updated", "Authorized", tag=tag, state="EVConnected", expected=_BAD)
    await ended(session, "Deauthorized", "DeAuthorized")


async def tc_e_17(station: Station) -> None:
    """A transaction that was suspended for a token that is not good ends when the cable is pulled at the vehicle."""
    await booted(station)
    session = Session(station)
    await status(station, "Occupied")
    await session.tell(
        "Started", "CablePluggedIn", state="EVConnected", meterValue=[reading(1000, "Transaction.Begin")]
    )
    tag = station.place.unknown_tag()
    await session.tell("Updated", "Authorized", tag=tag, state="EVConnected", expected=_BAD)
    await session.tell("Updated", "Deauthorized", state="SuspendedEVSE")
    await ended(session, "EVCommunicationLost", "EVDisconnected", state="Idle")


async def tc_e_19(station: Station) -> None:
    """The vehicle leaves the bay: the transaction ends by it."""
    await booted(station)
    session = await charging(station, await station.place.card())
    await session.tell("Updated", "EVCommunicationLost", state="Idle")
    await ended(session, "EVDeparted", "Local", state="Idle")


async def tc_e_20(station: Station) -> None:
    """The cable is pulled at the vehicle: the transaction ends by it."""
    await booted(station)
    session = await charging(station, await station.place.card())
    await ended(session, "EVCommunicationLost", "EVDisconnected", state="Idle")
    await status(station, "Available")


async def tc_e_21(station: Station) -> None:
    """The operator stops the transaction."""
    await booted(station)
    session = await charging(station, await station.place.card())
    running = await session.is_shown("ACTIVE")
    asked = await station.commanded(
        "remote-stop", {"transactionId": running["id"]}, "RequestStopTransaction", {"status": "Accepted"}
    )
    same("what is asked", asked.payload, {"transactionId": session.id})
    await ended(session, "RemoteStop", "Remote")
    await station.command_is(asked.command, "EFFECTIVE")


async def tc_e_22(station: Station) -> None:
    """The vehicle takes no more: a transaction that lasts as long as energy flows ends by it."""
    await booted(station)
    session = await charging(station, await station.place.card())
    await ended(session, "ChargingStateChanged", "StoppedByEV", state="SuspendedEV")


async def tc_e_39(station: Station) -> None:
    """A token was shown and no cable came: the transaction ends by the timeout."""
    await booted(station)
    tag, session = await station.place.card(), Session(station)
    await authorized(station, tag)
    await session.tell("Started", "Authorized", tag=tag)
    await session.tell("Ended", "EVConnectTimeout", info={"stoppedReason": "Timeout"})
    await session.is_shown("ENDED", stopReason="Timeout")
