"""NotifyChargingLimit (OCPP 2.0.1 use case K12): somebody else limits the charging."""

from csms.station.v1.device_event_pb2 import DeviceEvent
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_events import device_event, recording
from ocpp_edge.facts.payloads import number_at
from ocpp_edge.rpc.frames import Payload


def to_event(payload: Payload, context: ChargerContext) -> DeviceEvent:
    return device_event(
        "charging_limit",
        payload,
        context,
        subject=payload.get("chargingLimit", {}).get("chargingLimitSource", ""),
        evse_id=number_at(payload, "evseId", context),
    )


EFFECT = Effect(rows=("device_events.subject", "device_events.evse_id"))
handle = recording(to_event)
