"""E: what happens between, and what is told late."""

from datetime import timedelta
from typing import Any

from conformance.station import Station
from conformance.v201.states import Session, booted, charging, ended, reading
from conformance.verdicts import holds, same

_MINUTE = timedelta(minutes=1)


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
