"""NotifyReport (OCPP 2.0.1 use cases B07, B08): a part of the device model."""

from csms.station.v1.device_event_pb2 import DeviceEvent
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_events import recording
from ocpp_edge.facts.redaction import without_secrets
from ocpp_edge.facts.variables import variable_report
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v2.device_model import reported_variables
from ocpp_edge.v2.report_parts import part_event, part_of


def to_event(payload: Payload, context: ChargerContext) -> DeviceEvent:
    event = part_event("report", payload, context)
    variables = reported_variables(without_secrets(payload).get("reportData", ()))
    report = variable_report(variables, part=part_of(payload, context, "reportData"))
    if report is not None:
        event.variable_report.CopyFrom(report)
    return event


EFFECT = Effect(rows=("device_variables.value", "device_report_parts.seq_no"))
handle = recording(to_event)
