"""Reports in several messages (OCPP 2.0.1 use cases B07, B08, N02): what a part says of its place, and of its time."""

from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_variable_pb2 import ReportPart
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_events import device_event, moment_at
from ocpp_edge.facts.payloads import integer_at
from ocpp_edge.rpc.frames import Payload
from services.rpc.protobuf import read_time, write_time


def part_event(kind: str, payload: Payload, context: ChargerContext) -> DeviceEvent:
    """The event of a part. It is not older than the question."""
    request_id = integer_at(payload, "requestId", context)
    moment = moment_at(payload, "generatedAt", context)
    event = device_event(kind, payload, context, moment, request_id=request_id)
    asked = context.report_asked(request_id)
    if asked is not None and event.HasField("time") and read_time(event.time) < asked:
        write_time(asked, event.time)
    return event


def part_of(payload: Payload, context: ChargerContext, name: str) -> ReportPart | None:
    """Which part of a report it is; None when it does not say so, and when some of the list `name` is lost: that is not
    whole."""
    request_id, seq_no = integer_at(payload, "requestId", context), integer_at(payload, "seqNo", context)
    if request_id is None or seq_no is None or seq_no < 0 or context.has_dropped(name):
        return None
    return ReportPart(request_id=request_id, seq_no=seq_no, last=not payload.get("tbc", False))
