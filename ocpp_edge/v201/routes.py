"""What a charging station of OCPP 2.0.1 may ask: action to handler."""

from collections.abc import Mapping

from ocpp_edge import data_transfers, heartbeats
from ocpp_edge.backend.ports import Backend
from ocpp_edge.mending import mend
from ocpp_edge.router import Handler, RouteTable
from ocpp_edge.v201 import (
    authorize,
    boot_notification,
    meter_values,
    notify_report,
    status_notification,
    transaction_event,
)
from ocpp_edge.versions import Version

HANDLERS: Mapping[str, Handler[Backend]] = {
    "Authorize": authorize.handle,
    "BootNotification": boot_notification.handle,
    "DataTransfer": data_transfers.handle,
    "Heartbeat": heartbeats.handle,
    "MeterValues": meter_values.handle,
    "NotifyReport": notify_report.handle,
    "StatusNotification": status_notification.handle,
    "TransactionEvent": transaction_event.handle,
}

# Answered here, from what the edge knows.
_INSTANT = ("DataTransfer", "Heartbeat")


def route_table() -> RouteTable[Backend]:
    """The table of this version, with what real stations get wrong forgiven."""
    return RouteTable(Version.V201, HANDLERS, mend=mend, instant=_INSTANT)
