"""One of each notification whose answer is empty, as charge points send them."""

from typing import Any

from ocpp_edge.versions import Version

STAMP = "2026-03-01T11:59:30Z"
DEVICE_MODEL = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
EVENT = {
    "eventId": 7,
    "timestamp": STAMP,
    "trigger": "Alerting",
    "actualValue": "71.5",
    "eventNotificationType": "HardWiredMonitor",
    "component": {"name": "Controller", "instance": "a", "evse": {"id": 2, "connectorId": 1}},
    "variable": {"name": "Temperature", "instance": "cpu"},
    "techCode": "T1",
    "techInfo": "hot",
}
SCHEDULE = {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}]}
PROFILE = {
    "id": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": [SCHEDULE],
}
MESSAGE = {"id": 1, "priority": "AlwaysFront", "message": {"format": "UTF8", "content": "Hello"}}
_Case = tuple[Version, str, dict[str, Any], str, dict[str, Any]]
_OF_EACH: list[_Case] = [
    (
        Version.V16,
        "SecurityEventNotification",
        {"type": "StartupOfTheDevice", "timestamp": STAMP},
        "security_event",
        {"subject": "StartupOfTheDevice"},
    ),
    (
        Version.V16,
        "FirmwareStatusNotification",
        {"status": "Downloading"},
        "firmware_status",
        {"status": "Downloading"},
    ),
    (
        Version.V16,
        "SignedFirmwareStatusNotification",
        {"status": "InvalidSignature", "requestId": 3},
        "firmware_status",
        {"status": "InvalidSignature", "request_id": 3},
    ),
    (Version.V16, "DiagnosticsStatusNotification", {"status": "Uploading"}, "log_status", {"status": "Uploading"}),
    (
        Version.V16,
        "LogStatusNotification",
        {"status": "Uploaded", "requestId": 4},
        "log_status",
        {"status": "Uploaded", "request_id": 4},
    ),
    (
        Version.V201,
        "SecurityEventNotification",
        {"type": "TamperDetectionActivated", "timestamp": STAMP, "techInfo": "door"},
        "security_event",
        {"subject": "TamperDetectionActivated", "info": "door"},
    ),
    (
        Version.V201,
        "FirmwareStatusNotification",
        {"status": "Installed", "requestId": 5},
        "firmware_status",
        {"status": "Installed", "request_id": 5},
    ),
    (
        Version.V201,
        "LogStatusNotification",
        {"status": "Uploading"},
        "log_status",
        {"status": "Uploading"},
    ),
    (
        Version.V201,
        "PublishFirmwareStatusNotification",
        {"status": "Published", "location": ["http://a", "ftp://b"], "requestId": 6},
        "firmware_publication",
        {"status": "Published", "info": "http://a, ftp://b", "request_id": 6},
    ),
    (
        Version.V201,
        "NotifyEvent",
        {"generatedAt": STAMP, "seqNo": 0, "eventData": [EVENT]},
        "variable",
        {
            "subject": "Controller[a].Temperature[cpu]",
            "status": "71.5",
            "info": "T1, hot",
            "evse_id": 2,
            "connector_id": 1,
        },
    ),
    (
        Version.V201,
        "NotifyMonitoringReport",
        {"requestId": 8, "seqNo": 0, "generatedAt": STAMP, "monitor": [{**DEVICE_MODEL, "variableMonitoring": []}]},
        "monitoring_report",
        {"request_id": 8},
    ),
    (
        Version.V201,
        "NotifyCustomerInformation",
        {"data": "nothing", "seqNo": 0, "generatedAt": STAMP, "requestId": 9},
        "customer_information",
        {"request_id": 9},
    ),
    (
        Version.V201,
        "NotifyReport",
        {"requestId": 1, "generatedAt": STAMP, "seqNo": 0, "tbc": False},
        "report",
        {"request_id": 1},
    ),
    (
        Version.V201,
        "NotifyDisplayMessages",
        {"requestId": 10, "messageInfo": [MESSAGE]},
        "display_messages",
        {"request_id": 10},
    ),
    (
        Version.V201,
        "NotifyChargingLimit",
        {"evseId": 1, "chargingLimit": {"chargingLimitSource": "EMS"}, "chargingSchedule": [SCHEDULE]},
        "charging_limit",
        {"subject": "EMS", "evse_id": 1},
    ),
    (
        Version.V201,
        "ClearedChargingLimit",
        {"chargingLimitSource": "EMS", "evseId": 1},
        "charging_limit_cleared",
        {"subject": "EMS", "evse_id": 1},
    ),
    (
        Version.V201,
        "ReportChargingProfiles",
        {"requestId": 11, "chargingLimitSource": "CSO", "evseId": 1, "chargingProfile": [PROFILE]},
        "charging_profiles",
        {"subject": "CSO", "evse_id": 1, "request_id": 11},
    ),
    (
        Version.V201,
        "ReservationStatusUpdate",
        {"reservationId": 12, "reservationUpdateStatus": "Expired"},
        "reservation_status",
        {"subject": "12", "status": "Expired"},
    ),
]
# Version, action, payload; kind of the fact, and what of it is told in fields of its own. OCPP 2.1 has those of 2.0.1.
NOTIFICATIONS: list[_Case] = [
    *_OF_EACH,
    *((Version.V21, *reported[1:]) for reported in _OF_EACH if reported[0] is Version.V201),
]
