"""States that many cases of 1.6 begin in, and the messages that they are made of."""

from datetime import UTC, datetime, timedelta
from typing import Any

from conformance.place import iso
from conformance.station import Payload, Station
from conformance.verdicts import holds, same

BOOT: Payload = {"chargePointVendor": "Conformance", "chargePointModel": "Script 1.6", "firmwareVersion": "1.0"}


def now(ago: timedelta = timedelta()) -> str:
    """A stamp."""
    return iso(datetime.now(UTC) - ago)


async def boots(station: Station) -> None:
    """Say that it has booted, and what its connectors do; the CSMS has to welcome it."""
    answer = await station.call("BootNotification", BOOT)
    same("status of the boot", answer["status"], "Accepted")
    holds("the interval is greater than 0", answer["interval"] > 0, answer["interval"])
    same_time(answer["currentTime"])
    for connector in (0, 1, 2):
        await status(station, "Available", connector)


def same_time(text: str) -> None:
    """Raises Failed unless this is the time, to the minute."""
    told = datetime.fromisoformat(text)
    holds("the time is that of now", abs(datetime.now(UTC) - told) < timedelta(minutes=1), text)


async def booted(station: Station, **credentials: Any) -> None:
    """Connected, welcome, all connectors available."""
    await station.connect(**credentials)
    await boots(station)


async def reboots(station: Station, **credentials: Any) -> None:
    """Gone, and back after a boot."""
    await station.disconnect()
    await booted(station, **credentials)


async def status(station: Station, word: str, connector: int = 1, error: str = "NoError") -> None:
    """Say what a connector does."""
    body = {"connectorId": connector, "errorCode": error, "status": word, "timestamp": now()}
    await station.acknowledged("StatusNotification", body)


async def authorized(station: Station, tag: str, expected: str = "Accepted") -> Payload:
    """Ask about a card. Returns what is told about it."""
    info: Payload = (await station.call("Authorize", {"idTag": tag}))["idTagInfo"]
    same("status of the card", info["status"], expected)
    return info


async def starts(
    station: Station,
    tag: str,
    *,
    connector: int = 1,
    ago: timedelta = timedelta(),
    expected: str = "Accepted",
    **more: Any,
) -> int:
    """Say that a transaction has begun. Returns its number."""
    body = {"connectorId": connector, "idTag": tag, "meterStart": 1000, "timestamp": now(ago), **more}
    answer = await station.call("StartTransaction", body)
    same("status of the card at the start", answer["idTagInfo"]["status"], expected)
    holds("the transaction has a number", answer["transactionId"], answer)
    return int(answer["transactionId"])


async def stops(
    station: Station, number: int, tag: str = "", reason: str = "Local", ago: timedelta = timedelta()
) -> None:
    """Say that a transaction has ended; with a card that ended it, the CSMS has to say what it thinks of it."""
    body: Payload = {"transactionId": number, "meterStop": 3000, "timestamp": now(ago), "reason": reason}
    if tag:
        body["idTag"] = tag
    answer = await station.call("StopTransaction", body)
    if tag:
        same("status of the card at the end", answer.get("idTagInfo", {}).get("status"), "Accepted")
    await station.transaction(state="ENDED", stopReason=reason, energyWh="2000")


async def charging(station: Station, tag: str, connector: int = 1) -> int:
    """A transaction that goes on, begun with a card. Returns its number."""
    await status(station, "Preparing", connector)
    await authorized(station, tag)
    number = await starts(station, tag, connector=connector)
    await status(station, "Charging", connector)
    await station.transaction(state="ACTIVE", idTag=tag)
    return number


async def unplugged(station: Station, connector: int = 1) -> None:
    """The cable is pulled after a transaction."""
    await status(station, "Finishing", connector)
    await status(station, "Available", connector)
    await station.connector_is("AVAILABLE", connector)
