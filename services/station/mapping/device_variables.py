"""The device model: what the edge tells of it, and what operators see."""

from csms.station.v1 import device_model_service_pb2 as service_pb
from csms.station.v1 import device_variable_pb2 as variable_pb
from services.kernel.errors import invalid
from services.kernel.identity import composed
from services.kernel.ids import is_id
from services.kernel.validation import search_text
from services.rpc.protobuf import enum_of, time_of, timestamp, told_enum
from services.station.domain.device_report import ReportPart, ReportRequest, Scope, SeenReport, VariableReport
from services.station.domain.device_variable import (
    AttributeType,
    Description,
    DeviceVariableFilter,
    Mutability,
    Place,
    ReportedVariable,
    SeenVariable,
    VariableChange,
    VariableChangeFilter,
)

_TYPES = variable_pb.DeviceVariable.AttributeType
_KNOWN_TYPES = frozenset(_TYPES.values())
_MUTABILITIES = variable_pb.DeviceVariable.Mutability


def variable_report(message: variable_pb.VariableReport) -> VariableReport:
    """What one message tells of variables. Values of an attribute that only a newer edge knows are in the event's
    payload alone: they are none of those that we keep. Raises: INVALID_FIELD."""
    part = message.part
    return VariableReport(
        variables=[_reported(one) for one in message.variables if one.attribute_type in _KNOWN_TYPES],
        part=ReportPart(part.request_id, part.seq_no, part.last) if message.HasField("part") else None,
        is_whole_inventory=message.whole_inventory,
    )


def report_request(message: variable_pb.ReportRequest) -> ReportRequest:
    """That a report was asked for. Raises: INVALID_FIELD."""
    ask_time = time_of(message, "ask_time")
    if ask_time is None:
        raise invalid("events.reportRequest.askTime", "must be set")
    scope = told_enum(Scope, variable_pb.ReportRequest.Scope, message.scope) or Scope.SELECTION
    return ReportRequest(message.request_id, scope, message.command_id, ask_time)


def device_variable_filter(request: service_pb.ListDeviceVariablesRequest) -> DeviceVariableFilter:
    """What a list request asks for. Raises: INVALID_FIELD."""
    return DeviceVariableFilter(
        charge_point_id=composed(request.charge_point_id),
        component=request.component,
        variable=request.variable,
        text=search_text(request.text),
        attribute_type=enum_of(AttributeType, _TYPES, request.attribute_type),
        changed_since=time_of(request, "changed_since"),
        evse_id=request.evse_id,
        gone=request.gone if request.HasField("gone") else None,
    )


def variable_change_filter(request: service_pb.ListDeviceVariableChangesRequest) -> VariableChangeFilter:
    """What a list request asks for. Raises: INVALID_FIELD."""
    if not is_id(request.variable_id):
        raise invalid("variableId", "must be the id of a variable")
    return VariableChangeFilter(
        charge_point_id=composed(request.charge_point_id),
        variable_id=request.variable_id,
        time_from=time_of(request, "time_from"),
        time_to=time_of(request, "time_to"),
    )


def variable_change_to_proto(change: VariableChange) -> variable_pb.DeviceVariableChange:
    """The resource as callers see it."""
    return variable_pb.DeviceVariableChange(
        charge_point_id=change.charge_point_id,
        variable_id=change.variable_id,
        time=timestamp(change.telling.time),
        previous_value=change.previous_value,
        value=change.value,
        action=change.action,
        event_id=change.telling.event_id,
    )


def device_variable_to_proto(seen: SeenVariable) -> variable_pb.DeviceVariable:
    """The resource as callers see it."""
    variable, place, description = seen.variable, seen.variable.place, seen.variable.description
    telling, previous = variable.value_telling, variable.previous_telling
    return variable_pb.DeviceVariable(
        id=variable.id,
        charge_point_id=variable.charge_point_id,
        component=variable_pb.DeviceComponent(
            name=place.component,
            instance=place.component_instance,
            evse_id=place.evse_id,
            connector_id=place.connector_id,
        ),
        variable=variable_pb.DeviceVariableName(name=place.variable, instance=place.variable_instance),
        attribute_type=_TYPES.Value(place.attribute_type),
        value=variable.value,
        mutability=_MUTABILITIES.Value(description.mutability or "MUTABILITY_UNSPECIFIED"),
        persistent=description.persistent,
        constant=description.constant,
        characteristics=_characteristics_to_proto(description),
        first_seen_time=timestamp(variable.first_seen_time),
        reported_time=timestamp(variable.reported_time),
        changed_time=timestamp(variable.changed_time),
        previous_value=variable.previous_value,
        previous_time=timestamp(previous.time if previous else None),
        action=variable.action,
        event_id=telling.event_id if telling else "",
        gone_time=timestamp(seen.gone_time),
    )


def device_report_to_proto(seen: SeenReport) -> variable_pb.DeviceReport:
    """The resource as callers see it."""
    report = seen.report
    return variable_pb.DeviceReport(
        charge_point_id=report.charge_point_id,
        request_id=report.request.request_id,
        scope=variable_pb.ReportRequest.Scope.Value(report.request.scope),
        command_id=report.request.command_id,
        ask_time=timestamp(report.request.ask_time),
        report_time=timestamp(report.time),
        state=variable_pb.DeviceReport.State.Value(seen.state),
        missing_parts=seen.missing_parts,
        again_command_id=report.again_command_id,
    )


def _reported(message: variable_pb.ReportedVariable) -> ReportedVariable:
    component, variable = message.component, message.variable
    if not component.name or not variable.name:
        raise invalid("events.variableReport.variables", "must have a component and a variable with a name")
    return ReportedVariable(
        place=Place(
            component.name,
            component.instance,
            component.evse_id,
            component.connector_id,
            variable.name,
            variable.instance,
            told_enum(AttributeType, _TYPES, message.attribute_type) or AttributeType.ACTUAL,
        ),
        value=message.value if message.HasField("value") else None,
        tells_value=message.HasField("value") or not message.value_withheld,
        is_unknown=message.unknown,
        description=_description(message),
    )


def _description(message: variable_pb.ReportedVariable) -> Description | None:
    """What is told beside the value; None when nothing is."""
    mutability = told_enum(Mutability, _MUTABILITIES, message.mutability)
    has_characteristics = message.HasField("characteristics")
    has_persistent, has_constant = message.HasField("persistent"), message.HasField("constant")
    if mutability is None and not (has_characteristics or has_persistent or has_constant):
        return None
    characteristics = message.characteristics
    return Description(
        mutability=mutability,
        persistent=message.persistent if has_persistent else None,
        constant=message.constant if has_constant else None,
        unit=characteristics.unit,
        data_type=characteristics.data_type,
        min_limit=characteristics.min_limit if characteristics.HasField("min_limit") else None,
        max_limit=characteristics.max_limit if characteristics.HasField("max_limit") else None,
        values_list=characteristics.values_list,
        supports_monitoring=characteristics.supports_monitoring if has_characteristics else None,
    )


def _characteristics_to_proto(description: Description) -> variable_pb.VariableCharacteristics | None:
    if description.supports_monitoring is None:
        return None
    return variable_pb.VariableCharacteristics(
        unit=description.unit,
        data_type=description.data_type,
        min_limit=description.min_limit,
        max_limit=description.max_limit,
        values_list=description.values_list,
        supports_monitoring=description.supports_monitoring,
    )
