"""What charging stations of OCPP 2.0.1 and 2.1 may ask alike: action to handler."""

from collections.abc import Mapping

from ocpp_edge.backend.ports import Backend
from ocpp_edge.facts import data_transfers, heartbeats
from ocpp_edge.rpc.router import Handler
from ocpp_edge.v2 import (
    authorize,
    boot_notification,
    cleared_charging_limit,
    firmware_status_notification,
    log_status_notification,
    meter_values,
    notify_charging_limit,
    notify_customer_information,
    notify_display_messages,
    notify_event,
    notify_monitoring_report,
    notify_report,
    publish_firmware_status_notification,
    report_charging_profiles,
    reservation_status_update,
    security_event_notification,
    status_notification,
    transaction_event,
)

HANDLERS: Mapping[str, Handler[Backend]] = {
    "Authorize": authorize.handle,
    "BootNotification": boot_notification.handle,
    "ClearedChargingLimit": cleared_charging_limit.handle,
    "DataTransfer": data_transfers.handle,
    "FirmwareStatusNotification": firmware_status_notification.handle,
    "Heartbeat": heartbeats.handle,
    "LogStatusNotification": log_status_notification.handle,
    "MeterValues": meter_values.handle,
    "NotifyChargingLimit": notify_charging_limit.handle,
    "NotifyCustomerInformation": notify_customer_information.handle,
    "NotifyDisplayMessages": notify_display_messages.handle,
    "NotifyEvent": notify_event.handle,
    "NotifyMonitoringReport": notify_monitoring_report.handle,
    "NotifyReport": notify_report.handle,
    "PublishFirmwareStatusNotification": publish_firmware_status_notification.handle,
    "ReportChargingProfiles": report_charging_profiles.handle,
    "ReservationStatusUpdate": reservation_status_update.handle,
    "SecurityEventNotification": security_event_notification.handle,
    "StatusNotification": status_notification.handle,
    "TransactionEvent": transaction_event.handle,
}

# Answered here, from what the edge knows.
INSTANT = ("DataTransfer", "Heartbeat")
