"""B: variables that are read and set."""

from conformance.station import Station
from conformance.v201.states import (
    booted,
    named,
    set_variables,
    takes,
    values_of,
)
from conformance.verdicts import same

_THRESHOLD, _AUTHORIZE = "OCPPCommCtrlr.OfflineThreshold", "AuthCtrlr.AuthorizeRemoteStart"


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
    """The operator reads several variables: they go in one request."""
    await booted(station)
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
    """The operator sets several variables: they go in one request."""
    await booted(station)
    values = {_THRESHOLD: "123", _AUTHORIZE: "false"}
    body = {"command": {"changeSettings": {"settings": [{"key": key, "value": text} for key, text in values.items()]}}}
    answer = {"setVariableResult": [{**named(key), "attributeStatus": "Accepted"} for key in values]}
    asked = await station.commanded("commands", body, "SetVariables", answer)
    expected = [{**named(key), "attributeValue": text} for key, text in values.items()]
    same("what is asked", asked.payload, {"setVariableData": expected})
    same("state of the command", asked.command["state"], "ACCEPTED")
