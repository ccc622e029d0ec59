"""ReservationStatusUpdate (OCPP 2.0.1 use cases H01, H04): a reservation has ended."""

from csms.station.v1.device_event_pb2 import DeviceEvent
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_events import device_event, recording
from ocpp_edge.facts.payloads import word_at
from ocpp_edge.rpc.frames import Payload


def to_event(payload: Payload, context: ChargerContext) -> DeviceEvent:
    return device_event(
        "reservation_status",
        payload,
        context,
        status=word_at(payload, "reservationUpdateStatus", context),
        subject=str(payload.get("reservationId", "")),
    )


EFFECT = Effect(rows=("device_events.subject", "device_events.status"))
handle = recording(to_event)
