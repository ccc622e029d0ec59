"""What a charge point of OCPP 1.6 may ask: action to handler."""

from collections.abc import Mapping

from ocpp_edge.backend.ports import Backend
from ocpp_edge.facts import data_transfers, heartbeats
from ocpp_edge.leniency.repair import mend
from ocpp_edge.rpc.router import Handler, RouteTable
from ocpp_edge.v16 import (
    authorize,
    boot_notification,
    diagnostics_status_notification,
    firmware_status_notification,
    log_status_notification,
    meter_values,
    security_event_notification,
    signed_firmware_status_notification,
    start_transaction,
    status_notification,
    stop_transaction,
)
from ocpp_edge.versions import Version

HANDLERS: Mapping[str, Handler[Backend]] = {
    "Authorize": authorize.handle,
    "BootNotification": boot_notification.handle,
    "DataTransfer": data_transfers.handle,
    "DiagnosticsStatusNotification": diagnostics_status_notification.handle,
    "FirmwareStatusNotification": firmware_status_notification.handle,
    "Heartbeat": heartbeats.handle,
    "LogStatusNotification": log_status_notification.handle,
    "MeterValues": meter_values.handle,
    "SecurityEventNotification": security_event_notification.handle,
    "SignedFirmwareStatusNotification": signed_firmware_status_notification.handle,
    "StartTransaction": start_transaction.handle,
    "StatusNotification": status_notification.handle,
    "StopTransaction": stop_transaction.handle,
}

# Answered here, from what the edge knows.
_INSTANT = ("DataTransfer", "Heartbeat")


def route_table() -> RouteTable[Backend]:
    """The table of this version, with what real charge points get wrong forgiven."""
    return RouteTable(Version.V16, HANDLERS, mend=mend, instant=_INSTANT)
