"""B: reports of variables."""

from typing import Any

from conformance.rest import eventually
from conformance.station import Payload, Station
from conformance.v201.states import (
    booted,
    named,
    now,
)
from conformance.verdicts import same

_THRESHOLD, _AUTHORIZE = "OCPPCommCtrlr.OfflineThreshold", "AuthCtrlr.AuthorizeRemoteStart"


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
