"""PublishFirmwareStatusNotification (OCPP 2.0.1 use case L03): how far a firmware is made available to others."""

from csms.station.v1.device_event_pb2 import DeviceEvent
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_events import device_event, recording
from ocpp_edge.facts.payloads import integer_at, word_at
from ocpp_edge.rpc.frames import Payload


def to_event(payload: Payload, context: ChargerContext) -> DeviceEvent:
    return device_event(
        "firmware_publication",
        payload,
        context,
        status=word_at(payload, "status", context),
        request_id=integer_at(payload, "requestId", context),
        info=", ".join(payload.get("location", ())),
    )


EFFECT = Effect(rows=("device_events.status", "device_events.info", "file_jobs.status"))
handle = recording(to_event)
