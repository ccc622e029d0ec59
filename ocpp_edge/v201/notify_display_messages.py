"""NotifyDisplayMessages (OCPP 2.0.1 use case O03): some of the messages that a station shows."""

from csms.station.v1.device_event_pb2 import DeviceEvent
from ocpp_edge.context import ChargerContext
from ocpp_edge.device_events import device_event, recording
from ocpp_edge.frames import Payload
from ocpp_edge.payloads import integer_at


def to_event(payload: Payload, context: ChargerContext) -> DeviceEvent:
    return device_event("display_messages", payload, context, request_id=integer_at(payload, "requestId", context))


handle = recording(to_event)
