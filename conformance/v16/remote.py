"""What the operator starts, stops, unlocks and triggers from afar (profiles Core and RemoteTrigger)."""

from conformance.station import Asked, Payload, Station
from conformance.v16.states import (
    BOOT,
    authorized,
    booted,
    charging,
    now,
    starts,
    status,
    stops,
    unplugged,
)
from conformance.verdicts import same

_TAKEN: Payload = {"status": "Accepted"}


async def _remote_start(station: Station, tag: str, answer: str = "Accepted") -> Asked:
    body = {"idTag": tag, "connectorId": 1}
    asked = await station.commanded("remote-start", body, "RemoteStartTransaction", {"status": answer})
    same("what is asked", asked.payload, {"idTag": tag, "connectorId": 1})
    return asked


async def tc_010(station: Station) -> None:
    """The operator starts a transaction where a cable is plugged in already."""
    await booted(station)
    tag = await station.place.card()
    await status(station, "Preparing")
    asked = await _remote_start(station, tag)
    await authorized(station, tag)
    await starts(station, tag)
    await status(station, "Charging")
    await station.command_is(asked.command, "EFFECTIVE")
    await station.transaction(state="ACTIVE", idTag=tag)


async def tc_011_1(station: Station) -> None:
    """The operator starts a transaction before the cable is plugged in."""
    await booted(station)
    tag = await station.place.card()
    asked = await _remote_start(station, tag)
    await authorized(station, tag)
    await status(station, "Preparing")
    await starts(station, tag)
    await status(station, "Charging")
    await station.command_is(asked.command, "EFFECTIVE")


async def tc_011_2(station: Station) -> None:
    """A remote start to which nobody plugs in leaves no transaction behind."""
    await booted(station)
    tag = await station.place.card()
    await _remote_start(station, tag)
    await authorized(station, tag)
    await status(station, "Preparing")
    await status(station, "Available")
    await station.connector_is("AVAILABLE")
    await station.no_transaction()


async def tc_012(station: Station) -> None:
    """The operator stops the running transaction by its number."""
    await booted(station)
    number = await charging(station, await station.place.card())
    running = await station.transaction(state="ACTIVE")
    asked = await station.commanded("remote-stop", {"transactionId": running["id"]}, "RemoteStopTransaction", _TAKEN)
    same("what is asked", asked.payload, {"transactionId": number})
    await stops(station, number, reason="Remote")
    await unplugged(station)
    await station.command_is(asked.command, "EFFECTIVE")


async def tc_026(station: Station) -> None:
    """A remote start that is refused is told as such, and leaves nothing behind."""
    await booted(station)
    asked = await _remote_start(station, await station.place.card(), "Rejected")
    same("state of the command", asked.command["state"], "REJECTED")
    await station.no_transaction()


async def tc_028(station: Station) -> None:
    """A remote stop that is refused is told as such, and the transaction goes on."""
    await booted(station)
    await charging(station, await station.place.card())
    running = await station.transaction(state="ACTIVE")
    asked = await station.commanded(
        "remote-stop", {"transactionId": running["id"]}, "RemoteStopTransaction", {"status": "Rejected"}
    )
    same("state of the command", asked.command["state"], "REJECTED")
    await station.transaction(state="ACTIVE")


async def _unlocked(station: Station, answer: str, shown: str, connector: int = 1) -> None:
    asked = await station.commanded("unlock", {"connectorId": connector}, "UnlockConnector", {"status": answer})
    same("what is asked", asked.payload, {"connectorId": connector})
    same("what is shown", asked.command["result"]["unlock"]["status"], shown)


async def tc_017_1(station: Station) -> None:
    """The operator unlocks a connector."""
    await booted(station)
    await _unlocked(station, "Unlocked", "UNLOCKED")


async def tc_017_2(station: Station) -> None:
    """That a fixed cable cannot be unlocked is told as such."""
    await booted(station)
    await _unlocked(station, "NotSupported", "NOT_SUPPORTED")


async def tc_018_1(station: Station) -> None:
    """The operator unlocks a connector where a transaction goes on: it ends by it."""
    await booted(station)
    number = await charging(station, await station.place.card())
    await _unlocked(station, "Unlocked", "UNLOCKED")
    await stops(station, number, reason="UnlockCommand")
    await unplugged(station)


async def tc_030(station: Station) -> None:
    """That a connector could not be unlocked is told as such."""
    await booted(station)
    await _unlocked(station, "UnlockFailed", "UNLOCK_FAILED")


async def tc_031(station: Station) -> None:
    """The operator may ask for a connector that there is not, and is told so."""
    await booted(station)
    await _unlocked(station, "NotSupported", "NOT_SUPPORTED", connector=9)


async def tc_054(station: Station) -> None:
    """The operator triggers each message that can be, and what comes of it is answered."""
    await booted(station)
    sample = {"value": "1000", "measurand": "Energy.Active.Import.Register", "context": "Trigger"}
    reading = {"connectorId": 1, "meterValue": [{"timestamp": now(), "sampledValue": [sample]}]}
    await _triggered(station, "MeterValues", 1)
    await station.acknowledged("MeterValues", reading)
    await _triggered(station, "Heartbeat")
    await station.call("Heartbeat", {})
    await _triggered(station, "StatusNotification", 1)
    await status(station, "Available")
    for message in ("DiagnosticsStatusNotification", "FirmwareStatusNotification"):
        await _triggered(station, message)
        await station.acknowledged(message, {"status": "Idle"})
    await _triggered(station, "BootNotification")
    same("status of the boot", (await station.call("BootNotification", BOOT))["status"], "Accepted")


async def _triggered(station: Station, message: str, connector: int = 0, answer: str = "Accepted") -> Asked:
    body: Payload = {"message": message, **({"connectorId": connector} if connector else {})}
    expected: Payload = {"requestedMessage": message, **({"connectorId": connector} if connector else {})}
    asked = await station.commanded("trigger-message", body, "TriggerMessage", {"status": answer})
    same("what is asked", asked.payload, expected)
    return asked


async def tc_055(station: Station) -> None:
    """A trigger that is refused is told as such."""
    await booted(station)
    asked = await _triggered(station, "MeterValues", 1, "Rejected")
    same("state of the command", asked.command["state"], "REJECTED")
