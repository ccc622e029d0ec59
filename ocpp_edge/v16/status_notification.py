"""StatusNotification (OCPP 1.6 section 4.9): what a connector, or the charge point as a whole, is doing."""

from csms.station.v1.connectivity_service_pb2 import StatusReport
from csms.station.v1.connector_pb2 import Connector
from ocpp_edge.backend.ports import Backend
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.payloads import connector_at, word_at
from ocpp_edge.facts.places import place_of_connector
from ocpp_edge.rpc.errors import CallRefused, Fault
from ocpp_edge.rpc.frames import Payload
from services.rpc.protobuf import write_time

_STATUSES = {
    "Available": Connector.AVAILABLE,
    "Preparing": Connector.PREPARING,
    "Charging": Connector.CHARGING,
    "SuspendedEVSE": Connector.SUSPENDED_EVSE,
    "SuspendedEV": Connector.SUSPENDED_EV,
    "Finishing": Connector.FINISHING,
    "Reserved": Connector.RESERVED,
    "Unavailable": Connector.UNAVAILABLE,
    "Faulted": Connector.FAULTED,
}
_NO_ERROR = "NoError"
# More of it is in the code of the vendor (OCPP 1.6 section 7.6).
_OTHER_ERROR = "OtherError"


def to_report(payload: Payload, context: ChargerContext) -> StatusReport:
    """The status, at the corrected time of the device.

    A status of the vendor's own is unknown, and kept as said; without a connector it is that of the charge point.
    Raises CallRefused for a report of neither a status nor an error.
    """
    said, error_code = word_at(payload, "status", context), word_at(payload, "errorCode", context)
    if not said and not error_code and payload.get("vendorErrorCode"):
        error_code = _OTHER_ERROR
    error_code = error_code or _NO_ERROR
    if not said and error_code == _NO_ERROR:
        raise CallRefused(Fault.OCCURRENCE, "status: is missing")
    status = _STATUSES.get(said, Connector.STATUS_UNSPECIFIED)
    connector_id = connector_at(payload, "connectorId", context)
    report = StatusReport(
        charge_point_id=context.charge_point_id,
        epoch=context.epoch,
        evse=place_of_connector(connector_id),
        status=status,
        reported_status="" if status else said,
        error_code=error_code,
        info=payload.get("info", ""),
        vendor_error_code=payload.get("vendorErrorCode", ""),
    )
    write_time(context.received_time, report.received_time)
    moment = context.clock.moment(payload.get("timestamp", ""), context.received_time)
    if moment.is_dated:
        write_time(moment.corrected_time, report.device_time)
    return report


EFFECT = Effect(rows=("connectors.status", "connectors.status_time"), events=("connector_status_changed",))


async def handle(payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
    await backend.report_status(to_report(payload, context))
    return {}
