"""BootNotification (OCPP 2.0.1 use cases B01 to B03): the station has started and asks whether it is welcome."""

from csms.station.v1.connectivity_service_pb2 import BootReport
from ocpp_edge.backend.ports import Backend
from ocpp_edge.effects import Effect
from ocpp_edge.facts import boots
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.rpc.frames import Payload
from services.rpc.protobuf import write_time


def to_report(payload: Payload, context: ChargerContext) -> BootReport:
    """The boot."""
    station: Payload = payload.get("chargingStation", {})
    modem: Payload = station.get("modem", {})
    report = BootReport(
        charge_point_id=context.charge_point_id,
        epoch=context.epoch,
        vendor=station.get("vendorName", ""),
        model=station.get("model", ""),
        serial_number=station.get("serialNumber", ""),
        firmware_version=station.get("firmwareVersion", ""),
        reason=payload.get("reason", ""),
        iccid=modem.get("iccid", ""),
        imsi=modem.get("imsi", ""),
    )
    write_time(context.received_time, report.received_time)
    return report


EFFECT = Effect(
    rows=("charge_points.boot_time", "charge_points.reported_model", "charge_points.firmware_version"),
    events=("charge_point_booted",),
)


async def handle(payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
    report = to_report(payload, context)
    answer = await backend.report_boot(report)
    return boots.answered(report, answer, context, backend.clock.now())
