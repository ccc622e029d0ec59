"""SecurityEventNotification (OCPP 2.0.1 use case A04): something that bears on security has happened."""

from csms.station.v1.device_event_pb2 import DeviceEvent
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_events import device_event, moment_at, recording
from ocpp_edge.rpc.frames import Payload


def to_event(payload: Payload, context: ChargerContext) -> DeviceEvent:
    return device_event(
        "security_event",
        payload,
        context,
        moment_at(payload, "timestamp", context),
        subject=payload.get("type", ""),
        info=payload.get("techInfo", ""),
    )


EFFECT = Effect(rows=("device_events.subject", "device_events.info"), events=("device_event_recorded",))
handle = recording(to_event)
