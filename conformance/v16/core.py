"""Booting, charging with a card, offline, configuration and resets (profile Core)."""

from datetime import UTC, datetime, timedelta

from conformance.station import Payload, Station
from conformance.v16.states import (
    authorized,
    booted,
    charging,
    reboots,
    same_time,
    starts,
    status,
    stops,
    unplugged,
)
from conformance.verdicts import holds, same

_HOUR = timedelta(hours=1)
_KEYS: list[Payload] = [
    {"key": "SupportedFeatureProfiles", "readonly": True, "value": "Core,RemoteTrigger"},
    {"key": "MeterValueSampleInterval", "readonly": False, "value": "300"},
    {"key": "HeartbeatInterval", "readonly": False, "value": "60"},
]


async def tc_001(station: Station) -> None:
    """A cold boot is accepted with the time and an interval, the statuses are acknowledged, heartbeats are answered."""
    await booted(station)
    for _ in range(2):
        same_time((await station.call("Heartbeat", {}))["currentTime"])
    await station.connector_is("AVAILABLE", 1)
    await station.connector_is("AVAILABLE", 2)


async def tc_003(station: Station) -> None:
    """A session where the cable comes first: status, card and start are taken, and the start gets a number."""
    await booted(station)
    await charging(station, await station.place.card())
    await station.connector_is("CHARGING")


async def tc_004_1(station: Station) -> None:
    """A session where the card comes first is taken as well."""
    await booted(station)
    tag = await station.place.card()
    await authorized(station, tag)
    await status(station, "Preparing")
    await starts(station, tag)
    await status(station, "Charging")
    await station.transaction(state="ACTIVE", idTag=tag)


async def tc_004_2(station: Station) -> None:
    """A card that was shown without a cable leaves no transaction behind."""
    await booted(station)
    await authorized(station, await station.place.card())
    await status(station, "Preparing")
    await status(station, "Available")
    await station.connector_is("AVAILABLE")
    await station.no_transaction()


async def tc_005_1(station: Station) -> None:
    """The cable is pulled at the vehicle: the transaction ends by it."""
    await booted(station)
    number = await charging(station, await station.place.card())
    await status(station, "SuspendedEV")
    await stops(station, number, reason="EVDisconnected")
    await unplugged(station)


async def tc_007(station: Station) -> None:
    """A start without a question about the card before, of a charge point that remembers it, is accepted."""
    await booted(station)
    tag = await station.place.card()
    await status(station, "Preparing")
    await starts(station, tag)
    await status(station, "Charging")
    await station.transaction(state="ACTIVE", idTag=tag)


async def tc_013(station: Station) -> None:
    """The operator has it reset hard; it is welcome after the boot."""
    await _reset(station, "HARD", "Hard")


async def tc_014(station: Station) -> None:
    """The operator has it reset softly; it is welcome after the boot."""
    await _reset(station, "SOFT", "Soft")


async def _reset(station: Station, kind: str, word: str) -> None:
    await booted(station)
    asked = await station.commanded("reset", {"type": kind}, "Reset", {"status": "Accepted"})
    same("type of the reset", asked.payload, {"type": word})
    same("status of the command", asked.command["status"], "Accepted")
    await reboots(station)
    await station.command_is(asked.command, "EFFECTIVE")


async def tc_019_1(station: Station) -> None:
    """The operator reads the whole configuration: no keys are named, and all that is told is shown."""
    await booted(station)
    answer: Payload = {"configurationKey": _KEYS}
    asked = await station.commanded("get-configuration", {}, "GetConfiguration", answer)
    same("keys that are named", asked.payload.get("key", []), [])
    entries = asked.command["result"]["configuration"]["entries"]
    same("keys that are shown", [entry["key"] for entry in entries], [entry["key"] for entry in _KEYS])


async def tc_019_2(station: Station) -> None:
    """The operator reads one key."""
    await booted(station)
    body, answer = {"keys": ["SupportedFeatureProfiles"]}, {"configurationKey": _KEYS[:1]}
    asked = await station.commanded("get-configuration", body, "GetConfiguration", answer)
    same("keys that are named", asked.payload, {"key": ["SupportedFeatureProfiles"]})
    [entry] = asked.command["result"]["configuration"]["entries"]
    same("value that is shown", entry["value"], "Core,RemoteTrigger")


async def tc_021(station: Station) -> None:
    """The operator changes a key."""
    await _changes(station, "60", "Accepted", "ACCEPTED")


async def tc_040_1(station: Station) -> None:
    """A key that the charge point does not have is told as such."""
    await _changes(station, "60", "NotSupported", "REJECTED")


async def tc_040_2(station: Station) -> None:
    """A value that the charge point refuses is told as such."""
    await _changes(station, "-1", "Rejected", "REJECTED")


async def _changes(station: Station, value: str, answer: str, state: str) -> None:
    await booted(station)
    body = {"key": "MeterValueSampleInterval", "value": value}
    asked = await station.commanded("change-configuration", body, "ChangeConfiguration", {"status": answer})
    same("what is asked", asked.payload, body)
    same("state and status of the command", (asked.command["state"], asked.command["status"]), (state, answer))


async def tc_023_1(station: Station) -> None:
    """A card that nobody knows is invalid."""
    await booted(station)
    await authorized(station, station.place.unknown_tag(), "Invalid")


async def tc_023_2(station: Station) -> None:
    """A card that has expired is told as such."""
    await booted(station)
    await authorized(station, await station.place.card(expired=True), "Expired")


async def tc_023_3(station: Station) -> None:
    """A card that is blocked is told as such."""
    await booted(station)
    await authorized(station, await station.place.card(status="BLOCKED"), "Blocked")


async def tc_024(station: Station) -> None:
    """A lock that fails is a fault of the connector, and no session."""
    await booted(station)
    await status(station, "Preparing")
    await status(station, "Faulted", error="ConnectorLockFailure")
    await station.connector_is("FAULTED")
    await station.no_transaction()


async def tc_032_1(station: Station) -> None:
    """After a loss of power the transaction from before the boot is ended late."""
    await booted(station)
    number = await charging(station, await station.place.card())
    await reboots(station)
    await stops(station, number, reason="PowerLoss", ago=timedelta(minutes=1))
    await unplugged(station)


async def tc_037_1(station: Station) -> None:
    """A session that began offline with a good card is accepted, at the time when it began."""
    await booted(station)
    tag = await station.place.card()
    await station.disconnect()
    await station.connect()
    before = datetime.now(UTC) - _HOUR
    await starts(station, tag, ago=_HOUR)
    await status(station, "Charging")
    seen = await station.transaction(state="ACTIVE", idTag=tag)
    began = datetime.fromisoformat(seen["startTime"])
    holds("it began when it was said to", abs(began - before) < timedelta(minutes=1), seen["startTime"])


async def tc_037_3(station: Station) -> None:
    """A session that began offline with a bad card gets its number and the news; that it is ended for it is taken."""
    await booted(station)
    await station.disconnect()
    await station.connect()
    number = await starts(station, station.place.unknown_tag(), ago=_HOUR, expected="Invalid")
    await stops(station, number, reason="DeAuthorized")
    await station.transaction(authorization="INVALID")


async def tc_039(station: Station) -> None:
    """A session that was all offline is told afterwards, and both ends of it are taken."""
    await booted(station)
    tag = await station.place.card()
    await station.disconnect()
    await station.connect()
    number = await starts(station, tag, ago=2 * _HOUR)
    await stops(station, number, tag, ago=_HOUR)


async def tc_061(station: Station) -> None:
    """The operator has the authorization cache emptied."""
    await booted(station)
    asked = await station.commanded("clear-cache", {}, "ClearCache", {"status": "Accepted"})
    same("state of the command", asked.command["state"], "ACCEPTED")


async def tc_064(station: Station) -> None:
    """A message of a vendor that the CSMS does not know is not taken for one that it does."""
    await booted(station)
    body = {"vendorId": "org.example.conformance", "messageId": "Nothing", "data": "42"}
    answer = await station.call("DataTransfer", body)
    holds("it is refused", answer["status"] in ("UnknownVendorId", "UnknownMessageId", "Rejected"), answer)
