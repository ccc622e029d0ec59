"""NotifyMonitoringReport (OCPP 2.0.1 use case N02): a part of what a station monitors."""

from csms.station.v1.device_event_pb2 import DeviceEvent
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_events import recording
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v2.monitors import report_of, reported_monitors
from ocpp_edge.v2.report_parts import part_event, part_of


def to_event(payload: Payload, context: ChargerContext) -> DeviceEvent:
    event = part_event("monitoring_report", payload, context)
    report = report_of(reported_monitors(payload.get("monitor", ())), part_of(payload, context, "monitor"))
    if report is not None:
        event.monitor_report.CopyFrom(report)
    return event


EFFECT = Effect(rows=("device_monitors.value", "monitoring_report_parts.seq_no"))
handle = recording(to_event)
