"""StatusNotification (OCPP 2.0.1 use case G01): what a connector of an EVSE is doing."""

from csms.station.v1.connectivity_service_pb2 import StatusReport
from csms.station.v1.connector_pb2 import Connector
from ocpp_edge.backend.ports import Backend
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.payloads import connector_at, word_at
from ocpp_edge.facts.places import place
from ocpp_edge.rpc.errors import CallRefused, Fault
from ocpp_edge.rpc.frames import Payload
from services.rpc.protobuf import write_time

STATUSES = {
    "Available": Connector.AVAILABLE,
    "Occupied": Connector.OCCUPIED,
    "Reserved": Connector.RESERVED,
    "Unavailable": Connector.UNAVAILABLE,
    "Faulted": Connector.FAULTED,
}


def to_report(payload: Payload, context: ChargerContext) -> StatusReport:
    """The status, at the corrected time of the device. One of the vendor's own is unknown, and kept as said.

    Raises CallRefused for a report without a status.
    """
    said = word_at(payload, "connectorStatus", context)
    if not said:
        raise CallRefused(Fault.OCCURRENCE, "connectorStatus: is missing")
    status = STATUSES.get(said, Connector.STATUS_UNSPECIFIED)
    moment = context.clock.moment(payload.get("timestamp", ""), context.received_time)
    report = StatusReport(
        charge_point_id=context.charge_point_id,
        epoch=context.epoch,
        evse=place(connector_at(payload, "evseId", context), connector_at(payload, "connectorId", context)),
        status=status,
        reported_status="" if status else said,
    )
    if moment.is_dated:
        write_time(moment.corrected_time, report.device_time)
    write_time(context.received_time, report.received_time)
    return report


EFFECT = Effect(rows=("connectors.status", "connectors.status_time"), events=("connector_status_changed",))


async def handle(payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
    await backend.report_status(to_report(payload, context))
    return {}
