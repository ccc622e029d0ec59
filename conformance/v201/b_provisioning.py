"""B: boots, variables, reports and resets."""

from typing import Any

from conformance.cases import registered_as
from conformance.rest import eventually
from conformance.station import Payload, Station
from conformance.v201.states import (
    all_statuses,
    boot,
    booted,
    boots,
    charging,
    ended,
    named,
    now,
    reboots,
    set_variables,
    status,
    takes,
    values_of,
)
from conformance.verdicts import holds, same

_THRESHOLD, _AUTHORIZE = "OCPPCommCtrlr.OfflineThreshold", "AuthCtrlr.AuthorizeRemoteStart"
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


# ---------------------------------------------------------------- variables


async def tc_b_06(station: Station) -> None:
    """The operator reads one variable."""
    await booted(station)
    asked = await station.commanded(
        "get-configuration", {"keys": [_THRESHOLD]}, "GetVariables", values_of((_THRESHOLD, "60"))
    )
    same("what is asked", asked.payload, {"getVariableData": [named(_THRESHOLD)]})
    [entry] = asked.command["result"]["configuration"]["entries"]
    same("what is shown", (entry["key"], entry["value"]), (_THRESHOLD, "60"))


async def tc_b_07(station: Station) -> None:
    """The operator reads several variables: they go in one request, of a station that has told that it takes them."""
    await booted(station)
    await takes(station, "DeviceDataCtrlr.ItemsPerMessage[GetVariables]", 4)
    keys = [_THRESHOLD, _AUTHORIZE]
    told = values_of((_THRESHOLD, "60"), (_AUTHORIZE, "true"))
    asked = await station.commanded("get-configuration", {"keys": keys}, "GetVariables", told)
    same("what is asked", asked.payload, {"getVariableData": [named(key) for key in keys]})
    entries = asked.command["result"]["configuration"]["entries"]
    same("what is shown", {entry["key"]: entry["value"] for entry in entries}, {_THRESHOLD: "60", _AUTHORIZE: "true"})


async def tc_b_08(station: Station) -> None:
    """No request has more variables than the station takes: five, where it takes four, are four and one."""
    await booted(station)
    await takes(station, "DeviceDataCtrlr.ItemsPerMessage[GetVariables]", 4)
    keys = [f"OCPPCommCtrlr.Variable{number}" for number in range(5)]
    first, rest = values_of(*((key, "1") for key in keys[:4])), values_of((keys[4], "1"))
    asked = await station.commanded("get-configuration", {"keys": keys}, "GetVariables", first, rest)
    same("variables in the first request", len(asked.payload["getVariableData"]), 4)
    same("variables that are shown", len(asked.command["result"]["configuration"]["entries"]), 5)
    same("requests", len(asked.command["calls"]), 2)


async def tc_b_09(station: Station) -> None:
    """The operator sets one variable."""
    await booted(station)
    asked = await set_variables(station, _THRESHOLD, "123")
    same("state of the command", asked.command["state"], "ACCEPTED")


async def tc_b_10(station: Station) -> None:
    """The operator sets several variables: they go in one request, of a station that has told that it takes them."""
    await booted(station)
    await takes(station, "DeviceDataCtrlr.ItemsPerMessage[SetVariables]", 4)
    values = {_THRESHOLD: "123", _AUTHORIZE: "false"}
    body = {"command": {"changeSettings": {"settings": [{"key": key, "value": text} for key, text in values.items()]}}}
    answer = {"setVariableResult": [{**named(key), "attributeStatus": "Accepted"} for key in values]}
    asked = await station.commanded("commands", body, "SetVariables", answer)
    expected = [{**named(key), "attributeValue": text} for key, text in values.items()]
    same("what is asked", asked.payload, {"setVariableData": expected})
    same("state of the command", asked.command["state"], "ACCEPTED")


# ---------------------------------------------------------------- reports


async def tc_b_12(station: Station) -> None:
    """The operator asks for the configuration inventory: all parts of the report are taken in and shown."""
    await _base_report(station, "CONFIGURATION_INVENTORY", "ConfigurationInventory")


async def tc_b_13(station: Station) -> None:
    """The operator asks for the full inventory: all parts of the report are taken in and shown."""
    await _base_report(station, "FULL_INVENTORY", "FullInventory")


async def tc_b_14(station: Station) -> None:
    """The operator asks for the summary inventory: all parts of the report are taken in and shown."""
    await _base_report(station, "SUMMARY_INVENTORY", "SummaryInventory")


async def _base_report(station: Station, base: str, word: str) -> None:
    await booted(station)
    asked = await station.commanded("get-base-report", {"base": base}, "GetBaseReport", {"status": "Accepted"})
    same("report that is asked for", asked.payload["reportBase"], word)
    await _reported(station, asked.payload["requestId"])


async def _reported(station: Station, request_id: int) -> None:
    """Tell a report in two parts, and wait until the operator sees it whole."""
    for number, key in enumerate((_THRESHOLD, _AUTHORIZE)):
        attribute = {"type": "Actual", "value": str(number), "mutability": "ReadWrite"}
        characteristics = {"dataType": "string", "supportsMonitoring": False}
        entry = {**named(key), "variableAttribute": [attribute], "variableCharacteristics": characteristics}
        part: Payload = {"requestId": request_id, "generatedAt": now(), "seqNo": number, "reportData": [entry]}
        await station.acknowledged("NotifyReport", {**part, "tbc": number == 0})
    path = f"/charge-points/{station.identity}"

    async def whole() -> Any:
        reports = await station.operator.get(f"{path}/reports")
        return next((one for one in reports if one["requestId"] == str(request_id) and one.get("reportTime")), None)

    await eventually("the report is whole", whole)

    async def shown() -> bool:
        found = await station.operator.get(f"{path}/variables")
        return {_THRESHOLD: "0", _AUTHORIZE: "1"} == {
            f"{one['component']['name']}.{one['variable']['name']}": one.get("value") for one in found
        }

    await eventually("both variables are shown with their values", shown)


async def tc_b_18(station: Station) -> None:
    """The operator asks for a report by criteria and variables: that there is none is told, then one is taken in."""
    await booted(station)
    wanted = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "OfflineThreshold"}}
    body = {"componentCriteria": ["PROBLEM"], "componentVariables": [wanted]}
    nothing = await station.commanded("get-report", body, "GetReport", {"status": "EmptyResultSet"})
    same("criteria that are asked for", nothing.payload["componentCriteria"], ["Problem"])
    same("variables that are asked for", nothing.payload["componentVariable"], [wanted])
    same("what is shown", nothing.command["result"]["status"]["status"], "EMPTY")
    body = {"componentCriteria": ["ACTIVE"], "componentVariables": [wanted]}
    asked = await station.commanded("get-report", body, "GetReport", {"status": "Accepted"})
    await _reported(station, asked.payload["requestId"])


# ---------------------------------------------------------------- resets


async def _reset(station: Station, kind: str, word: str, answer: str, evse: int = 0) -> Any:
    body = {"type": kind, **({"evseId": evse} if evse else {})}
    expected = {"type": word, **({"evseId": evse} if evse else {})}
    asked = await station.commanded("reset", body, "Reset", {"status": answer})
    same("what is asked", asked.payload, expected)
    same("status of the command", asked.command["status"], answer)
    return asked.command


async def tc_b_20(station: Station) -> None:
    """The operator has an idle station reset; it is welcome after the boot."""
    await booted(station)
    command = await _reset(station, "SOFT", "OnIdle", "Accepted")
    await reboots(station)
    await station.command_is(command, "EFFECTIVE")


async def tc_b_21(station: Station) -> None:
    """A reset while a transaction goes on is scheduled: the transaction ends, then it boots."""
    await booted(station)
    session = await charging(station, await station.place.card())
    command = await _reset(station, "SOFT", "OnIdle", "Scheduled")
    await ended(session, "EVDeparted", "EVDisconnected", state="Idle")
    await reboots(station, "ScheduledReset")
    await station.command_is(command, "EFFECTIVE")


async def tc_b_22(station: Station) -> None:
    """A reset at once ends the transaction, then it boots."""
    await booted(station)
    session = await charging(station, await station.place.card())
    command = await _reset(station, "HARD", "Immediate", "Accepted")
    await ended(session, "ResetCommand", "ImmediateReset")
    await reboots(station, "RemoteReset")
    await station.command_is(command, "EFFECTIVE")


async def tc_b_25(station: Station) -> None:
    """The operator has one idle EVSE reset."""
    await booted(station)
    await _reset(station, "SOFT", "OnIdle", "Accepted", evse=1)
    await status(station, "Unavailable")
    await all_statuses(station, "Available", (1,))


async def tc_b_26(station: Station) -> None:
    """A reset of one EVSE is scheduled while its transaction goes on."""
    await booted(station)
    session = await charging(station, await station.place.card())
    await _reset(station, "SOFT", "OnIdle", "Scheduled", evse=1)
    await ended(session, "EVDeparted", "EVDisconnected", state="Idle")
    await all_statuses(station, "Available", (1,))


async def tc_b_27(station: Station) -> None:
    """A reset of one EVSE at once ends its transaction."""
    await booted(station)
    session = await charging(station, await station.place.card())
    await _reset(station, "HARD", "Immediate", "Accepted", evse=1)
    await ended(session, "ResetCommand", "ImmediateReset")
    await all_statuses(station, "Available", (1,))


async def tc_b_58(station: Station) -> None:
    """A version that nobody speaks is not upgraded; with one that is spoken beside it, that one is echoed."""
    told, _ = await station.knock(offered=("ocpp0.1",))
    holds("the upgrade is refused", told != 101, told)
    await station.connect(offered=("ocpp0.1", f"ocpp{station.version}"))
