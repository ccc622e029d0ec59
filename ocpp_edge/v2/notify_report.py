"""NotifyReport (OCPP 2.0.1 use cases B07, B08): a part of the device model."""

from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_variable_pb2 import ReportPart
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_events import device_event, moment_at, recording
from ocpp_edge.facts.payloads import integer_at
from ocpp_edge.facts.variables import variable_report
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v2.device_model import reported_variables
from services.rpc.protobuf import read_time, write_time


def to_event(payload: Payload, context: ChargerContext) -> DeviceEvent:
    request_id = integer_at(payload, "requestId", context)
    moment = moment_at(payload, "generatedAt", context)
    event = device_event("report", payload, context, moment, request_id=request_id)
    asked = context.report_asked(request_id)
    if asked is not None and event.HasField("time") and read_time(event.time) < asked:
        write_time(asked, event.time)
    report = variable_report(reported_variables(payload.get("reportData", ())), part=_part(payload, context))
    if report is not None:
        event.variable_report.CopyFrom(report)
    return event


def _part(payload: Payload, context: ChargerContext) -> ReportPart | None:
    """Which part of a report it is; None when it does not say so, and when some of it is lost: that is not whole."""
    request_id, seq_no = integer_at(payload, "requestId", context), integer_at(payload, "seqNo", context)
    if request_id is None or seq_no is None or seq_no < 0 or context.has_dropped("reportData"):
        return None
    return ReportPart(request_id=request_id, seq_no=seq_no, last=not payload.get("tbc", False))


EFFECT = Effect(rows=("device_variables.value", "device_report_parts.seq_no"))
handle = recording(to_event)
