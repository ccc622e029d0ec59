"""Names of variables of the OCPP 2.x device model, as callers write them.

    Component.Variable
    Component[instance].Variable[instance]#evse.connector

What stands in brackets may be left out with them, and so may the place, or its connector alone. For example
`OCPPCommCtrlr.HeartbeatInterval`, `OCPPCommCtrlr.MessageTimeout[Default]`, `EVSE.Power#2`,
`Connector.AvailabilityState#1.2`.
"""

import re

from csms.station.v1.device_variable_pb2 import DeviceComponent, DeviceVariableName
from csms.transaction.v1.command_result_pb2 import CommandResult
from csms.transaction.v1.component_variable_pb2 import ComponentVariable
from csms.transaction.v1.variable_monitoring_pb2 import MonitorSetting
from ocpp_edge.commands.results import status_of
from ocpp_edge.rpc.frames import Payload
from services.kernel.errors import invalid

# What says that a variable was set.
CHANGED = frozenset({"Accepted", "RebootRequired"})
_NAME = r"([^\s.\[\]#]+)(?:\[([^\[\]]+)\])?"
_KEY = re.compile(rf"{_NAME}\.{_NAME}(?:#(\d{{1,9}})(?:\.(\d{{1,9}}))?)?")


def variable_of(key: str, field: str) -> Payload:
    """`component` and `variable` of a key (part 2, ComponentType and VariableType).

    Raises: INVALID_FIELD about `field` for what is no such name.
    """
    match = _KEY.fullmatch(key)
    if match is None:
        raise invalid(field, "must be Component.Variable, for example OCPPCommCtrlr.HeartbeatInterval")
    component_name, component_instance, variable_name, variable_instance, evse_id, connector_id = match.groups()
    component: Payload = {"name": component_name}
    if component_instance:
        component["instance"] = component_instance
    if evse_id:
        component["evse"] = {"id": int(evse_id)}
        if connector_id:
            component["evse"]["connectorId"] = int(connector_id)
    variable: Payload = {"name": variable_name}
    if variable_instance:
        variable["instance"] = variable_instance
    return {"component": component, "variable": variable}


def component_variable(requested: ComponentVariable | MonitorSetting) -> Payload:
    """A component, and the variable of it that is wanted, if one is named (part 2, ComponentVariableType)."""
    component: Payload = _named(requested.component)
    if requested.component.evse_id:
        component["evse"] = {"id": requested.component.evse_id}
        if requested.component.connector_id:
            component["evse"]["connectorId"] = requested.component.connector_id
    return {"component": component} | ({"variable": _named(requested.variable)} if requested.variable.name else {})


def key_of(component: Payload, variable: Payload) -> str:
    """How callers write a variable, without its place; empty parts where a station left them out."""
    return ".".join(f"{part.get('name', '')}{_instance(part)}" for part in (component, variable))


def key_at(component: Payload, variable: Payload) -> str:
    """How callers write a variable with its place."""
    evse = component.get("evse") or {}
    place = ".".join(str(evse[name]) for name in ("id", "connectorId") if name in evse)
    return key_of(component, variable) + (f"#{place}" if place else "")


def _named(part: DeviceComponent | DeviceVariableName) -> Payload:
    return {"name": part.name, "instance": part.instance} if part.instance else {"name": part.name}


def _instance(part: Payload) -> str:
    return f"[{part['instance']}]" if part.get("instance") else ""


def by_variable(answer: Payload) -> tuple[bool, str]:
    """The answer to a change of one variable."""
    results = answer["setVariableResult"]
    status = results[0]["attributeStatus"] if results else ""
    return status in CHANGED, status


def variable_result(answer: Payload) -> CommandResult:
    """The same in the words of all versions."""
    results = answer.get("setVariableResult") or [{}]
    return status_of(results[0].get("attributeStatus", ""), results[0].get("attributeStatusInfo"))
