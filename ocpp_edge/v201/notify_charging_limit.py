"""NotifyChargingLimit (OCPP 2.0.1 use case K12): somebody else limits the charging."""

from csms.station.v1.device_event_pb2 import DeviceEvent
from ocpp_edge.context import ChargerContext
from ocpp_edge.device_events import device_event, recording
from ocpp_edge.frames import Payload
from ocpp_edge.payloads import number_at


def to_event(payload: Payload, context: ChargerContext) -> DeviceEvent:
    return device_event(
        "charging_limit",
        payload,
        context,
        subject=payload.get("chargingLimit", {}).get("chargingLimitSource", ""),
        evse_id=number_at(payload, "evseId", context),
    )


handle = recording(to_event)
