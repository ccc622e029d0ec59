"""E: transactions, by where they begin and end, and what is told late."""

from datetime import timedelta
from typing import Any

from conformance.station import Station
from conformance.v201.states import Session, authorized, booted, charging, ended, reading, status
from conformance.verdicts import holds, same

_BAD = ("Invalid", "Unknown")
_MINUTE = timedelta(minutes=1)


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


async def tc_e_26(station: Station) -> None:
    """The cable is pulled at the vehicle, which suspends the transaction; it comes back and goes on."""
    await booted(station)
    session = await charging(station, await station.place.card())
    await session.tell("Updated", "EVCommunicationLost", state="Idle")
    await session.is_shown("ACTIVE", chargingState="Idle")
    await session.tell("Updated", "CablePluggedIn", state="EVConnected")
    await session.tell("Updated", "ChargingStateChanged", state="Charging")
    await session.is_shown("ACTIVE", chargingState="Charging")
    await ended(session, "EVCommunicationLost", "EVDisconnected", state="Idle")


async def _status_of(station: Station, session: Session | None, answer: dict[str, bool]) -> Any:
    body = {"ocppTransactionId": session.id} if session else {}
    asked = await station.commanded("get-transaction-status", body, "GetTransactionStatus", answer)
    same("what is asked", asked.payload, {"transactionId": session.id} if session else {})
    told = asked.command["result"]["transactionStatus"]
    same("whether messages wait, as it is shown", told["hasMessagesInQueue"], answer["messagesInQueue"])
    same("whether it goes on, as it is shown", told.get("isOngoing"), answer.get("ongoingIndicator"))


async def tc_e_29(station: Station) -> None:
    """The operator asks about a transaction that goes on with events that wait: these are taken afterwards."""
    await booted(station)
    session = await charging(station, await station.place.card())
    await station.disconnect()
    await station.connect()
    await _status_of(station, session, {"ongoingIndicator": True, "messagesInQueue": True})
    waited = [reading(1500, "Sample.Periodic", ago=_MINUTE)]
    await session.tell("Updated", "MeterValuePeriodic", state="Charging", offline=True, ago=_MINUTE, meterValue=waited)
    await session.is_shown("ACTIVE", energyWh="500")


async def tc_e_30(station: Station) -> None:
    """The operator asks about a transaction that goes on with nothing that waits."""
    await booted(station)
    session = await charging(station, await station.place.card())
    await _status_of(station, session, {"ongoingIndicator": True, "messagesInQueue": False})
    await session.is_shown("ACTIVE")


async def tc_e_31(station: Station) -> None:
    """The end is there while events from before it wait: these are taken though they come late."""
    await booted(station)
    session = await charging(station, await station.place.card())
    missing = session.skip()
    await ended(session, "StopAuthorized", "Local")
    await _status_of(station, session, {"ongoingIndicator": False, "messagesInQueue": True})
    late = [reading(1500, "Sample.Periodic", ago=_MINUTE)]
    await session.tell(
        "Updated", "MeterValuePeriodic", state="Charging", seq_no=missing, offline=True, ago=_MINUTE, meterValue=late
    )
    await session.is_shown("ENDED", energyWh="2000")


async def tc_e_33(station: Station) -> None:
    """The operator asks, without naming a transaction, whether messages wait: they do."""
    await booted(station)
    await _status_of(station, None, {"messagesInQueue": True})


async def tc_e_34(station: Station) -> None:
    """The operator asks, without naming a transaction, whether messages wait: none do."""
    await booted(station)
    await _status_of(station, None, {"messagesInQueue": False})


async def tc_e_38(station: Station) -> None:
    """The vehicle is not ready: the transaction is suspended by it, and goes on."""
    await booted(station)
    session = await charging(station, await station.place.card())
    await session.tell("Updated", "ChargingStateChanged", state="SuspendedEV")
    await session.is_shown("ACTIVE", chargingState="SuspendedEV")
    await session.tell("Updated", "ChargingStateChanged", state="Charging")
    await session.is_shown("ACTIVE", chargingState="Charging")


async def tc_e_39(station: Station) -> None:
    """A token was shown and no cable came: the transaction ends by the timeout."""
    await booted(station)
    tag, session = await station.place.card(), Session(station)
    await authorized(station, tag)
    await session.tell("Started", "Authorized", tag=tag)
    await session.tell("Ended", "EVConnectTimeout", info={"stoppedReason": "Timeout"})
    await session.is_shown("ENDED", stopReason="Timeout")


async def tc_e_53(station: Station) -> None:
    """Events are counted from 0 in every transaction: both are taken."""
    await booted(station)
    for wh in (1000, 3000):
        session, tag = Session(station), await station.place.card()
        begin, end = [reading(wh, "Transaction.Begin")], [reading(wh + 2000, "Transaction.End")]
        await session.tell("Started", "Authorized", tag=tag, state="Charging", meterValue=begin)
        reason = {"stoppedReason": "Local"}
        await session.tell("Ended", "StopAuthorized", tag=tag, info=reason, meterValue=end)
    seen = await station.operator.get(f"/transactions?chargePointId={station.identity}")
    same("states of the transactions", [one["state"] for one in seen], ["ENDED", "ENDED"])
    holds("nothing is doubtful about them", not any(one["flags"] for one in seen), [one["flags"] for one in seen])
