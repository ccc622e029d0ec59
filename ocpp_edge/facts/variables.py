"""Variables of the device model as canonical facts: what is the same however a version tells of them."""

from collections.abc import Iterable
from typing import Any

from csms.station.v1.device_variable_pb2 import (
    DeviceComponent,
    DeviceVariable,
    DeviceVariableName,
    ReportedVariable,
    VariableReport,
)
from ocpp_edge.rpc.frames import Payload

# OCPP 2.0.1 part 2, ReportDataType: what is longer breaks the schema.
_LONGEST_VALUE, _LONGEST_LIST, _LONGEST_NAME = 2500, 1000, 255
_MOST_CONNECTORS = 2**31 - 1
_TYPES = {
    "Actual": DeviceVariable.ACTUAL,
    "Target": DeviceVariable.TARGET,
    "MinSet": DeviceVariable.MIN_SET,
    "MaxSet": DeviceVariable.MAX_SET,
}


def name_of(component: Payload, variable: Payload, attribute_type: str = "Actual") -> ReportedVariable | None:
    """A variable of which nothing is told yet; None for what names none."""
    names = [readable(part.get("name", ""), _LONGEST_NAME) for part in (component, variable)]
    if not all(names):
        return None
    instances = [readable(part.get("instance", ""), _LONGEST_NAME) for part in (component, variable)]
    evse: Payload = component.get("evse", {})
    return ReportedVariable(
        component=DeviceComponent(
            name=names[0], instance=instances[0], evse_id=_number(evse, "id"), connector_id=_number(evse, "connectorId")
        ),
        variable=DeviceVariableName(name=names[1], instance=instances[1]),
        attribute_type=_TYPES.get(attribute_type, DeviceVariable.ACTUAL),
    )


def with_value(variable: ReportedVariable, value: str | None) -> ReportedVariable:
    """The same with its value; None for one that has none."""
    if value is not None:
        variable.value = readable(value, _LONGEST_VALUE)
    return variable


def without_value(variable: ReportedVariable) -> ReportedVariable:
    """The same, with nothing told of its value."""
    variable.value_withheld = True
    return variable


def unknown(variable: ReportedVariable) -> ReportedVariable:
    """The same as one that the charge point does not have."""
    variable.unknown = True
    return variable


def variable_report(variables: Iterable[ReportedVariable], **fields: Any) -> VariableReport | None:
    """What a message tells of variables; None when it tells of nothing. `fields` are those of the contract."""
    report = VariableReport(variables=variables, **fields)
    return report if report.variables or fields.get("part") is not None else None


def values_list(text: str) -> str:
    """Values to choose from, as they are kept."""
    return readable(text, _LONGEST_LIST)


def readable(text: str, longest: int) -> str:
    """A text that can be kept; line ends and tabs are part of some values."""
    text = text[:longest]
    if text.isprintable():
        return text
    return "".join(character for character in text if character.isprintable() or character in "\n\t")


def _number(evse: Payload, name: str) -> int:
    number: int = evse.get(name, 0)
    return number if 0 <= number <= _MOST_CONNECTORS else 0
