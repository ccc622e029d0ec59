"""The device model of OCPP 2.x (part 1 chapter 4, part 2 block B): what reports and answers tell of variables. Pure."""

from collections.abc import Iterable, Iterator
from typing import Any

from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_variable_pb2 import DeviceVariable, ReportedVariable, ReportRequest, VariableCharacteristics
from ocpp_edge.facts.exchange import Answers, Exchange, answer_event, recording_answer
from ocpp_edge.facts.variables import (
    name_of,
    readable,
    unknown,
    values_list,
    variable_report,
    with_value,
    without_value,
)
from ocpp_edge.rpc.frames import Payload
from services.kernel.redaction import redacted
from services.rpc.protobuf import write_time

_ACCEPTED = "Accepted"
# The station says that there is no such thing.
_UNKNOWN = frozenset({"UnknownComponent", "UnknownVariable", "NotSupportedAttributeType"})
# Left out in VariableAttributeType, it is this.
_USUAL_MUTABILITY = "ReadWrite"
_MUTABILITIES = {
    "ReadOnly": DeviceVariable.READ_ONLY,
    "WriteOnly": DeviceVariable.WRITE_ONLY,
    "ReadWrite": DeviceVariable.READ_WRITE,
}
_SCOPES = {
    "ConfigurationInventory": ReportRequest.CONFIGURATION_INVENTORY,
    "FullInventory": ReportRequest.FULL_INVENTORY,
    "SummaryInventory": ReportRequest.SUMMARY_INVENTORY,
}
_LONGEST_UNIT, _LONGEST_TYPE = 50, 50


def reported_variables(entries: Iterable[Payload]) -> Iterator[ReportedVariable]:
    """What the entries of a report (ReportDataType), in which secrets are masked, tell: one for each attribute."""
    for kept in entries:
        characteristics = _characteristics(kept.get("variableCharacteristics"))
        for attribute in kept.get("variableAttribute", ()):
            variable = name_of(kept.get("component", {}), kept.get("variable", {}), attribute.get("type", "Actual"))
            if variable is not None:
                yield _described(variable, attribute, characteristics)


def read_variables(exchange: Exchange) -> DeviceEvent | None:
    """What GetVariables was answered (B06)."""
    return _event(exchange, _read(exchange.answer.get("getVariableResult", ())))


def set_variables(exchange: Exchange) -> DeviceEvent | None:
    """What SetVariables was answered (B05): what was taken is the value from now on. What needs a restart is not."""
    return _event(exchange, _set(exchange))


def requested_report(exchange: Exchange) -> DeviceEvent | None:
    """That a station will send a report (B07, B08)."""
    request_id = exchange.asked.get("requestId")
    if exchange.answer.get("status") != _ACCEPTED or not isinstance(request_id, int):
        return None
    event = answer_event("report_request", exchange)
    event.request_id = request_id
    scope = _SCOPES.get(str(exchange.asked.get("reportBase")), ReportRequest.SELECTION)
    request = ReportRequest(request_id=request_id, scope=scope, command_id=exchange.command_id)
    write_time(exchange.ask_time, request.ask_time)
    event.report_request.CopyFrom(request)
    return event


ANSWERS: Answers = {
    "GetVariables": recording_answer(read_variables),
    "SetVariables": recording_answer(set_variables),
    "GetBaseReport": recording_answer(requested_report),
    "GetReport": recording_answer(requested_report),
}


def _event(exchange: Exchange, variables: Iterable[ReportedVariable]) -> DeviceEvent | None:
    report = variable_report(variables)
    if report is None:
        return None
    event = answer_event("variables", exchange)
    event.variable_report.CopyFrom(report)
    return event


def _read(results: Iterable[Payload]) -> Iterator[ReportedVariable]:
    for result in redacted(list(results)):
        variable, status = _named(result), result.get("attributeStatus")
        if variable is None:
            continue
        if status == _ACCEPTED:
            yield with_value(variable, result.get("attributeValue"))
        elif status in _UNKNOWN:
            yield unknown(variable)


def _set(exchange: Exchange) -> Iterator[ReportedVariable]:
    values: dict[Any, Any] = {}
    for entry in redacted(exchange.asked.get("setVariableData", ())):
        if (variable := _named(entry)) is not None:
            values[_key(variable)] = entry.get("attributeValue")
    for result in exchange.answer.get("setVariableResult", ()):
        variable, status = _named(result), result.get("attributeStatus")
        if variable is None:
            continue
        if status == _ACCEPTED and _key(variable) in values:
            yield with_value(variable, values[_key(variable)])
        elif status in _UNKNOWN:
            yield unknown(variable)


def _named(entry: Payload) -> ReportedVariable | None:
    return name_of(entry.get("component", {}), entry.get("variable", {}), entry.get("attributeType", "Actual"))


def _key(variable: ReportedVariable) -> bytes:
    """What two of the same variable have in common, however they are written."""
    return variable.SerializeToString(deterministic=True).lower()


def _described(
    variable: ReportedVariable, attribute: Payload, characteristics: VariableCharacteristics | None
) -> ReportedVariable:
    mutability = attribute.get("mutability", _USUAL_MUTABILITY)
    variable.mutability = _MUTABILITIES.get(mutability, DeviceVariable.MUTABILITY_UNSPECIFIED)
    variable.persistent = attribute.get("persistent", False)
    variable.constant = attribute.get("constant", False)
    if characteristics is not None:
        variable.characteristics.CopyFrom(characteristics)
    if "value" not in attribute and mutability == "WriteOnly":
        return without_value(variable)
    return with_value(variable, attribute.get("value"))


def _characteristics(reported: Payload | None) -> VariableCharacteristics | None:
    if reported is None:
        return None
    return VariableCharacteristics(
        unit=readable(reported.get("unit", ""), _LONGEST_UNIT),
        data_type=readable(reported.get("dataType", ""), _LONGEST_TYPE),
        min_limit=reported.get("minLimit"),
        max_limit=reported.get("maxLimit"),
        values_list=values_list(reported.get("valuesList", "")),
        supports_monitoring=reported.get("supportsMonitoring", False),
    )
