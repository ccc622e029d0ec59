"""B: boots, and stations that wait for the operator."""

from conformance.cases import registered_as
from conformance.station import Station
from conformance.v201.states import (
    boot,
    booted,
    boots,
    now,
)
from conformance.verdicts import holds, same

_BOOT = "BootNotification"


async def tc_b_01(station: Station) -> None:
    """A cold boot is accepted with the time and an interval; statuses, also by NotifyEvent, are acknowledged."""
    await booted(station)
    entry = {
        "eventId": 1,
        "timestamp": now(),
        "trigger": "Delta",
        "actualValue": "Available",
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": "Connector", "evse": {"id": 1, "connectorId": 1}},
        "variable": {"name": "AvailabilityState"},
    }
    await station.acknowledged("NotifyEvent", {"generatedAt": now(), "seqNo": 0, "eventData": [entry]})
    await station.connector_is("AVAILABLE", 1, 1)
    await station.call("Heartbeat", {})


@registered_as("PENDING")
async def tc_b_02(station: Station) -> None:
    """A station that waits for the operator is told Pending and when to ask again; once accepted it is welcome."""
    await station.connect()
    answer = await station.call(_BOOT, boot())
    same("status of the boot", answer["status"], "Pending")
    holds("the interval is not negative", answer["interval"] >= 0, answer)
    await _accept(station)
    await boots(station)


async def _accept(station: Station) -> None:
    seen = await station.operator.call("PATCH", f"/charge-points/{station.identity}", {"state": "ACCEPTED"})
    same("state of the charge point", seen.data["state"], "ACCEPTED")


@registered_as("PENDING")
async def tc_b_30(station: Station) -> None:
    """While it is pending or rejected, whatever else it sends is answered by SecurityError."""
    for state, word in (("PENDING", "Pending"), ("REJECTED", "Rejected")):
        _ = (await station.operator.call("PATCH", f"/charge-points/{station.identity}", {"state": state})).data
        await station.connect()
        same("status of the boot", (await station.call(_BOOT, boot()))["status"], word)
        body = {"timestamp": now(), "connectorStatus": "Available", "evseId": 1, "connectorId": 1}
        await station.refused("StatusNotification", body, "SecurityError")
        token = {"idToken": station.place.unknown_tag(), "type": "ISO14443"}
        await station.refused("Authorize", {"idToken": token}, "SecurityError")
        await station.refused("Heartbeat", {}, "SecurityError")
        await station.disconnect()


@registered_as("PENDING")
async def tc_b_31(station: Station) -> None:
    """Before it is accepted, the CSMS may trigger its boot; that one is accepted."""
    await station.connect()
    same("status of the boot", (await station.call(_BOOT, boot()))["status"], "Pending")
    await _accept(station)
    asked = await station.commanded("trigger-message", {"message": _BOOT}, "TriggerMessage", {"status": "Accepted"})
    same("what is asked", asked.payload, {"requestedMessage": _BOOT})
    await boots(station, "Triggered")


async def tc_b_58(station: Station) -> None:
    """A version that nobody speaks is not upgraded; with one that is spoken beside it, that one is echoed."""
    told, _ = await station.knock(offered=("ocpp0.1",))
    holds("the upgrade is refused", told != 101, told)
    await station.connect(offered=("ocpp0.1", f"ocpp{station.version}"))
