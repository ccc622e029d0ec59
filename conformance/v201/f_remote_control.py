"""F: what the operator starts, unlocks and triggers from afar."""

from conformance.station import Asked, Payload, Station
from conformance.v201.states import Session, authorized, booted, charging, reading, status
from conformance.verdicts import holds, same


async def _remote_start(station: Station, tag: str) -> Asked:
    body = {"idTag": tag, "connectorId": 1}
    asked = await station.commanded("remote-start", body, "RequestStartTransaction", {"status": "Accepted"})
    same("token that is asked for", asked.payload["idToken"], {"idToken": tag, "type": "ISO14443"})
    same("EVSE that is asked for", asked.payload["evseId"], 1)
    return asked


def _number(asked: Asked) -> Payload:
    return {"remoteStartId": asked.payload["remoteStartId"]}


async def tc_f_01(station: Station) -> None:
    """The operator starts a transaction where the cable is plugged in already."""
    await booted(station)
    tag, session = await station.place.card(), Session(station)
    await status(station, "Occupied")
    await session.tell("Started", "CablePluggedIn", state="EVConnected")
    asked = await _remote_start(station, tag)
    await session.tell("Updated", "RemoteStart", tag=tag, state="Charging", info=_number(asked))
    await station.command_is(asked.command, "EFFECTIVE")
    await session.is_shown("ACTIVE", idTag=tag)


async def tc_f_02(station: Station) -> None:
    """The operator starts a transaction; the station asks about the token first."""
    await booted(station)
    tag, session = await station.place.card(), Session(station)
    asked = await _remote_start(station, tag)
    await authorized(station, tag)
    await _begins(session, asked, tag)


async def tc_f_03(station: Station) -> None:
    """The operator starts a transaction; the station does not ask about the token."""
    await booted(station)
    tag, session = await station.place.card(), Session(station)
    asked = await _remote_start(station, tag)
    await _begins(session, asked, tag)


async def _begins(session: Session, asked: Asked, tag: str) -> None:
    await session.tell("Started", "RemoteStart", tag=tag, info=_number(asked))
    await status(session.station, "Occupied")
    await session.tell("Updated", "CablePluggedIn", state="EVConnected")
    await session.tell("Updated", "ChargingStateChanged", state="Charging")
    await session.station.command_is(asked.command, "EFFECTIVE")
    await session.is_shown("ACTIVE", idTag=tag, chargingState="Charging")


async def tc_f_04(station: Station) -> None:
    """A remote start to which nobody plugs in: that its time is over is acknowledged."""
    await booted(station)
    tag, session = await station.place.card(), Session(station)
    asked = await _remote_start(station, tag)
    await authorized(station, tag)
    await session.tell("Started", "RemoteStart", tag=tag, info=_number(asked))
    await session.tell("Ended", "EVConnectTimeout", info={"stoppedReason": "Timeout"})
    await session.is_shown("ENDED", stopReason="Timeout")


async def tc_f_06(station: Station) -> None:
    """The operator unlocks a connector."""
    await booted(station)
    body = {"evseId": 1, "connectorId": 1}
    asked = await station.commanded("unlock", body, "UnlockConnector", {"status": "Unlocked"})
    same("what is asked", asked.payload, body)
    same("what is shown", asked.command["result"]["unlock"]["status"], "UNLOCKED")


async def _triggered(station: Station, message: str, evse: Payload | None = None, answer: str = "Accepted") -> Asked:
    body = {"message": message, **({"connectorId": evse["id"]} if evse else {})}
    asked = await station.commanded("trigger-message", body, "TriggerMessage", {"status": answer})
    same("what is asked", asked.payload, {"requestedMessage": message, **({"evse": evse} if evse else {})})
    same("status of the command", asked.command["status"], answer)
    return asked


async def _meter_values(station: Station, evse: int) -> None:
    body = {"evseId": evse, "meterValue": [reading(1000, "Trigger")]}
    await station.acknowledged("MeterValues", body)


async def tc_f_11(station: Station) -> None:
    """The operator triggers the meter values of one EVSE."""
    await booted(station)
    await _triggered(station, "MeterValues", {"id": 1})
    await _meter_values(station, 1)


async def tc_f_12(station: Station) -> None:
    """The operator triggers the meter values of all EVSEs."""
    await booted(station)
    await _triggered(station, "MeterValues")
    for evse in (1, 2):
        await _meter_values(station, evse)


async def tc_f_13(station: Station) -> None:
    """The operator triggers the state of the transaction at one EVSE."""
    await booted(station)
    session = await charging(station, await station.place.card())
    await _triggered(station, "TransactionEvent", {"id": 1})
    await session.tell("Updated", "Trigger", state="Charging", meterValue=[reading(1500, "Trigger")])
    await session.is_shown("ACTIVE", energyWh="500")


async def tc_f_14(station: Station) -> None:
    """The operator triggers the state of the transactions at all EVSEs."""
    await booted(station)
    session = await charging(station, await station.place.card())
    await _triggered(station, "TransactionEvent")
    await session.tell("Updated", "Trigger", state="Charging", meterValue=[reading(1500, "Trigger")])
    await session.is_shown("ACTIVE", energyWh="500")


async def tc_f_15(station: Station) -> None:
    """The operator triggers how the upload of a log stands."""
    await booted(station)
    await _triggered(station, "LogStatusNotification")
    await station.acknowledged("LogStatusNotification", {"status": "Idle"})
    await station.event("LogStatusNotification", status="Idle")


async def tc_f_18(station: Station) -> None:
    """The operator triggers how the update of the firmware stands."""
    await booted(station)
    await _triggered(station, "FirmwareStatusNotification")
    await station.acknowledged("FirmwareStatusNotification", {"status": "Idle"})
    await station.event("FirmwareStatusNotification", status="Idle")


async def tc_f_20(station: Station) -> None:
    """The operator triggers a heartbeat."""
    await booted(station)
    await _triggered(station, "Heartbeat")
    answer = await station.call("Heartbeat", {})
    holds("the time is told", answer["currentTime"], answer)


async def tc_f_23(station: Station) -> None:
    """The operator triggers the status of a connector that is available."""
    await _triggered_status(station, "Available")


async def tc_f_24(station: Station) -> None:
    """The operator triggers the status of a connector that is occupied."""
    await _triggered_status(station, "Occupied")


async def _triggered_status(station: Station, word: str) -> None:
    await booted(station)
    await _triggered(station, "StatusNotification", {"id": 1, "connectorId": 1})
    await status(station, word)
    await station.connector_is(word.upper(), 1, 1)


async def tc_f_27(station: Station) -> None:
    """That the station has no such message to trigger is told as such."""
    await booted(station)
    asked = await _triggered(station, "SignCombinedCertificate", answer="NotImplemented")
    same("state of the command", asked.command["state"], "REJECTED")
