"""NotifyMonitoringReport (OCPP 2.0.1 use case N02): a part of what a station monitors."""

from csms.station.v1.device_event_pb2 import DeviceEvent
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_events import device_event, moment_at, recording
from ocpp_edge.facts.payloads import integer_at
from ocpp_edge.rpc.frames import Payload


def to_event(payload: Payload, context: ChargerContext) -> DeviceEvent:
    return device_event(
        "monitoring_report",
        payload,
        context,
        moment_at(payload, "generatedAt", context),
        request_id=integer_at(payload, "requestId", context),
    )


EFFECT = Effect(rows=("device_events.request_id",))
handle = recording(to_event)
