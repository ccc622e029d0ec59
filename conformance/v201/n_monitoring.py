"""N: monitors of variables, set, reported and cleared."""

from typing import Any

from conformance.rest import eventually
from conformance.station import Asked, Payload, Station
from conformance.v201.states import booted, named, now, takes
from conformance.verdicts import same

_STATE, _POWER = "EVSE.AvailabilityState", "EVSE.Power"
# What the operator writes and what OCPP says for it.
_CRITERIA = {"THRESHOLD": "ThresholdMonitoring", "DELTA": "DeltaMonitoring", "PERIODIC": "PeriodicMonitoring"}


async def _asked(station: Station, kind: str, body: Payload, action: str, answer: Payload, *more: Payload) -> Asked:
    return await station.commanded("commands", {"command": {kind: body}}, action, answer, *more)


# ---------------------------------------------------------------- reports


async def _report(station: Station, criteria: tuple[str, ...], keys: tuple[str, ...], answer: str) -> Asked:
    body: Payload = {"criteria": list(criteria), "componentVariables": [named(key) for key in keys]}
    asked = await _asked(station, "getMonitoringReport", body, "GetMonitoringReport", {"status": answer})
    same(
        "criteria that are asked for", asked.payload.get("monitoringCriteria", []), [_CRITERIA[one] for one in criteria]
    )
    same("variables that are asked for", asked.payload.get("componentVariable", []), [named(key) for key in keys])
    same("status of the command", asked.command["status"], answer)
    return asked


async def _told(station: Station, asked: Asked, *keys: str) -> None:
    """Tell a monitor of each of the variables, in parts, and wait until the operator sees them."""
    for number, key in enumerate(keys):
        monitor: Payload = {"id": number + 1, "transaction": False, "value": 10, "type": "Delta", "severity": 8}
        if station.version == "2.1":
            monitor["eventNotificationType"] = "CustomMonitor"
        part = {"requestId": asked.payload["requestId"], "generatedAt": now(), "seqNo": number}
        entry = {**named(key), "variableMonitoring": [monitor]}
        await station.acknowledged(
            "NotifyMonitoringReport", {**part, "tbc": number < len(keys) - 1, "monitor": [entry]}
        )
    await _shown(station, {number + 1: 8 for number in range(len(keys))})

    async def whole() -> bool:
        reports = await station.operator.get(f"/charge-points/{station.identity}/monitoring-reports")
        return any(one["commandId"] == asked.command["id"] and one.get("reportTime") for one in reports)

    await eventually("the report is whole", whole)


async def _shown(station: Station, severities: dict[int, int]) -> None:
    async def shown() -> bool:
        found: Any = await station.operator.get(f"/charge-points/{station.identity}/monitors")
        return severities == {int(one["monitorId"]): one["severity"] for one in found if not one.get("goneTime")}

    await eventually(f"the monitors {severities} are shown", shown)


async def tc_n_01(station: Station) -> None:
    """The operator asks for monitors by criteria: that there are none is told, then a report is taken in."""
    await booted(station)
    await _report(station, ("THRESHOLD",), (), "EmptyResultSet")
    await _told(station, await _report(station, ("DELTA",), (), "Accepted"), _STATE)


async def tc_n_02(station: Station) -> None:
    """The operator asks for the monitors of a variable."""
    await booted(station)
    await _told(station, await _report(station, (), (_STATE,), "Accepted"), _STATE)


async def tc_n_03(station: Station) -> None:
    """The operator asks for the monitors of a variable by criteria."""
    await booted(station)
    await _told(station, await _report(station, ("DELTA", "PERIODIC"), (_STATE,), "Accepted"), _STATE)


async def tc_n_47(station: Station) -> None:
    """The operator asks for all monitors: all parts of the report are taken in."""
    await booted(station)
    await _told(station, await _report(station, (), (), "Accepted"), _STATE, _POWER)


async def tc_n_60(station: Station) -> None:
    """The operator asks for the monitors of several variables by criteria, in one request."""
    await booted(station)
    await _told(station, await _report(station, ("DELTA",), (_STATE, _POWER), "Accepted"), _STATE, _POWER)


# ---------------------------------------------------------------- base and level


async def tc_n_05(station: Station) -> None:
    """The operator says which monitors of the factory count: all, those alone, or those that are fixed."""
    await booted(station)
    for base, word in (("ALL", "All"), ("FACTORY_DEFAULT", "FactoryDefault"), ("HARD_WIRED_ONLY", "HardWiredOnly")):
        asked = await _asked(station, "setMonitoringBase", {"base": base}, "SetMonitoringBase", {"status": "Accepted"})
        same("what is asked", asked.payload, {"monitoringBase": word})
        same("state of the command", asked.command["state"], "ACCEPTED")


async def tc_n_16(station: Station) -> None:
    """The operator says how bad an event has to be."""
    await _level(station, "Accepted", "ACCEPTED")


async def tc_n_17(station: Station) -> None:
    """A level that the station refuses is told as such."""
    await _level(station, "Rejected", "REJECTED")


async def _level(station: Station, answer: str, state: str) -> None:
    await booted(station)
    asked = await _asked(station, "setMonitoringLevel", {"severity": 4}, "SetMonitoringLevel", {"status": answer})
    same("what is asked", asked.payload, {"severity": 4})
    same("state of the command", asked.command["state"], state)


# ---------------------------------------------------------------- set and cleared


async def _set(station: Station, *keys: str) -> None:
    body = {"monitors": [{**named(key), "type": "DELTA", "value": 1, "severity": 8} for key in keys]}
    result = {"status": "Accepted", "type": "Delta", "severity": 8}
    told = [{**named(key), **result, "id": number + 1} for number, key in enumerate(keys)]
    asked = await _asked(station, "setVariableMonitoring", body, "SetVariableMonitoring", {"setMonitoringResult": told})
    expected = [{**named(key), "type": "Delta", "value": 1, "severity": 8} for key in keys]
    same("what is asked", asked.payload, {"setMonitoringData": expected})
    same("state of the command", asked.command["state"], "ACCEPTED")
    await _shown(station, {number + 1: 8 for number in range(len(keys))})


async def tc_n_08(station: Station) -> None:
    """The operator has one variable watched."""
    await booted(station)
    await _set(station, _STATE)


async def tc_n_09(station: Station) -> None:
    """The operator has two variables watched, by one request."""
    await booted(station)
    await _set(station, _STATE, _POWER)


async def tc_n_18(station: Station) -> None:
    """No request clears more monitors than the station takes: three, where it takes two, are two and one."""
    await booted(station)
    await takes(station, "MonitoringCtrlr.ItemsPerMessage[ClearVariableMonitoring]", 2)
    first, rest = _cleared("Accepted", 1, 2), _cleared("Accepted", 3)
    asked = await _asked(
        station, "clearVariableMonitoring", {"monitorIds": [1, 2, 3]}, "ClearVariableMonitoring", first, rest
    )
    same("what is asked first", asked.payload, {"id": [1, 2]})
    same("state of the command", asked.command["state"], "ACCEPTED")
    same("requests", len(asked.command["calls"]), 2)


async def tc_n_44(station: Station) -> None:
    """That a monitor is not cleared is told as such."""
    await booted(station)
    asked = await _asked(
        station, "clearVariableMonitoring", {"monitorIds": [1]}, "ClearVariableMonitoring", _cleared("Rejected", 1)
    )
    same("what is asked", asked.payload, {"id": [1]})
    same("state of the command", asked.command["state"], "REJECTED")


def _cleared(answer: str, *ids: int) -> Payload:
    return {"clearMonitoringResult": [{"status": answer, "id": number} for number in ids]}
