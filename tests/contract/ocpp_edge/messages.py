"""A message of each kind that is handled, as charge points of each version send and answer them, and what it leaves in
the tables."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from csms.station.v1.connector_pb2 import Connector
from csms.station.v1.device_monitor_pb2 import DeviceMonitor
from csms.transaction.v1.command_pb2 import GetBaseReport
from csms.transaction.v1.file_commands_pb2 import GetLog
from csms.transaction.v1.variable_monitoring_pb2 import SetMonitoringBase
from ocpp_edge.versions import Version
from tests.unit.ocpp_edge.notifications import NOTIFICATIONS

Payload = dict[str, Any]
# A value of the column, or what it has to satisfy.
Found = Mapping[str, Any]

BEGUN = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
# Stands for the charge point's name of the transaction that runs, for a token that nobody else has, and for the moment
# at which the message is sent.
RUNNING, TOKEN, NOW = "<running>", "<token>", "<now>"


class Reported(NamedTuple):
    """A message of a charge point: it sends `before`, then this, and the columns that its effect names hold `found`."""

    action: str
    payload: Payload
    found: Found
    before: Sequence[tuple[str, Payload]] = ()


class Commanded(NamedTuple):
    """A command, the action that carries it, and its answer; what the charge point sends `before` and `after` that; and
    the columns, of which the answer is in all cases."""

    body: Payload
    action: str
    answer: Payload
    found: Found
    before: Sequence[tuple[str, Payload]] = ()
    after: Sequence[tuple[str, Payload]] = ()
    state: str = "ACCEPTED"


def is_there(value: object) -> bool:
    """Whether there is a value."""
    return value is not None


def holding(*parts: str) -> Callable[[object], bool]:
    """Whether a text has these in it."""
    return lambda value: all(part in str(value) for part in parts)


def stamp_of(moment: datetime) -> str:
    """A moment as OCPP writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _at(minutes: int) -> str:
    return stamp_of(BEGUN + timedelta(minutes=minutes))


# ---------------------------------------------------------------- OCPP 1.6

_BOOT_16 = {"chargePointVendor": "V", "chargePointModel": "M", "firmwareVersion": "7.1"}
_START_16 = {"connectorId": 1, "idTag": TOKEN, "meterStart": 1000, "timestamp": _at(0)}
_STOP_16 = {"transactionId": RUNNING, "meterStop": 2500, "timestamp": _at(20), "reason": "EVDisconnected"}
_VALUES_16 = {
    "connectorId": 1,
    "transactionId": RUNNING,
    "meterValue": [{"timestamp": _at(5), "sampledValue": [{"value": "1500"}]}],
}
_STARTED_16 = ("StartTransaction", _START_16)
_BOOTED = {"charge_points.boot_time": is_there, "charge_points.reported_model": "M"}
_STATUS = {"connectors.status": "FAULTED", "connectors.status_time": is_there}
_HEARTBEAT = Reported("Heartbeat", {}, {"connections.last_seen_time": is_there})
_TRANSFER = Reported(
    "DataTransfer",
    {"vendorId": "acme", "data": "seen"},
    {"journal_batches.content": holding('"seen"', "UnknownVendorId")},
)


# These leave more than an event, or are here in one that is published.
_OF_THEIR_OWN = {
    (Version.V16, "SecurityEventNotification"),
    *(
        (version, action)
        for version in (Version.V201, Version.V21)
        for action in ("NotifyEvent", "NotifyMonitoringReport", "NotifyReport")
    ),
}


def _told(fields: Mapping[str, Any]) -> Found:
    return {f"device_events.{name}": value for name, value in fields.items()}


def _notifications(version: Version) -> list[Reported]:
    """Those that are kept as events and nothing else."""
    return [
        Reported(action, payload, {**_told(fields), "file_jobs.status": fields.get("status")})
        for whose, action, payload, _, fields in NOTIFICATIONS
        if whose is version and (version, action) not in _OF_THEIR_OWN
    ]


_REPORTED_16 = [
    Reported("Authorize", {"idTag": TOKEN}, {}),
    Reported("BootNotification", _BOOT_16, {**_BOOTED, "charge_points.firmware_version": "7.1"}),
    _TRANSFER,
    _HEARTBEAT,
    Reported(
        "MeterValues",
        _VALUES_16,
        {"meter_values.energy_wh": 1500},
        [_STARTED_16],
    ),
    Reported(
        "SecurityEventNotification",
        {"type": "TamperDetectionActivated", "timestamp": _at(0)},
        {"device_events.subject": "TamperDetectionActivated"},
    ),
    Reported(
        "StartTransaction",
        _START_16,
        {
            "transactions.state": "ACTIVE",
            "transactions.id_tag": TOKEN,
            "transactions.meter_start_wh": 1000,
            "transaction_events.kind": "STARTED",
        },
    ),
    Reported("StatusNotification", {"connectorId": 1, "errorCode": "GroundFailure", "status": "Faulted"}, _STATUS),
    Reported(
        "StopTransaction",
        _STOP_16,
        {
            "transactions.state": "ENDED",
            "transactions.energy_wh": 1500,
            "transactions.stop_reason": "EVDisconnected",
            "transaction_events.kind": "ENDED",
        },
        [_STARTED_16],
    ),
    *_notifications(Version.V16),
]
_KEY = {"key": "HeartbeatInterval", "readonly": False, "value": "60"}
_KEYS, _KNOWN = {"configurationKey": [_KEY]}, {"device_variables.value": "60"}
_ACCEPTED = {"status": "Accepted"}
_CONFIGURATION = {"component": {"name": "Configuration"}, "variable": {"name": "HeartbeatInterval"}}
# Those that go by the same name in all versions.
_COMMANDED = [
    Commanded(
        {"change_availability": {"availability": Connector.INOPERATIVE, "connector_id": 1}},
        "ChangeAvailability",
        _ACCEPTED,
        {},
    ),
    Commanded({"clear_cache": {}}, "ClearCache", {"status": "Rejected"}, {}, state="REJECTED"),
    Commanded({"transfer_data": {"vendor_id": "acme"}}, "DataTransfer", _ACCEPTED, {}),
    Commanded({"trigger_message": {"message": "Heartbeat"}}, "TriggerMessage", _ACCEPTED, {}),
    Commanded({"unlock": {"connector_id": 1}}, "UnlockConnector", {"status": "Unlocked"}, {}),
]
_FIRMWARE = {"location": "http://192.0.2.1/wall.bin"}
_SIGNED = {**_FIRMWARE, "signing_certificate": "PEM", "signature": "c2lnbmF0dXJl"}
_PUBLISHED = {**_FIRMWARE, "checksum": "d41d8cd98f00b204e9800998ecf8427e"}


def _job(state: str) -> Found:
    return {"file_jobs.state": state, "file_jobs.request_id": is_there}


_COMMANDED_16 = [
    *_COMMANDED,
    Commanded(
        {"trigger_message": {"message": "LogStatusNotification"}},
        "ExtendedTriggerMessage",
        {"status": "Rejected"},
        {},
        state="REJECTED",
    ),
    Commanded(
        {"change_configuration": {"key": "HeartbeatInterval", "value": "60"}}, "ChangeConfiguration", _ACCEPTED, _KNOWN
    ),
    Commanded(
        {"change_settings": {"settings": [{"key": "HeartbeatInterval", "value": "60"}]}},
        "ChangeConfiguration",
        _ACCEPTED,
        _KNOWN,
    ),
    Commanded({"get_base_report": {}}, "GetConfiguration", _KEYS, _KNOWN),
    Commanded(
        {"get_log": {}},
        "GetDiagnostics",
        {"fileName": "diagnostics.zip"},
        _job("RUNNING"),
        after=[("DiagnosticsStatusNotification", {"status": "Uploading"})],
    ),
    Commanded({"get_log": {"type": GetLog.SECURITY}}, "GetLog", {**_ACCEPTED, "filename": "log"}, _job("ASKED")),
    Commanded(
        {"update_firmware": _FIRMWARE},
        "UpdateFirmware",
        {},
        _job("DONE"),
        after=[("FirmwareStatusNotification", {"status": "Installed"})],
    ),
    Commanded(
        {"update_firmware": _SIGNED},
        "SignedUpdateFirmware",
        {"status": "InvalidCertificate"},
        _job("REJECTED"),
        state="REJECTED",
    ),
    Commanded({"get_configuration": {"keys": ["HeartbeatInterval"]}}, "GetConfiguration", _KEYS, _KNOWN),
    Commanded({"get_report": {"component_variables": [_CONFIGURATION]}}, "GetConfiguration", _KEYS, _KNOWN),
    Commanded(
        {"remote_start": {"id_tag": TOKEN, "connector_id": 1}},
        "RemoteStartTransaction",
        _ACCEPTED,
        {"transactions.id_tag": TOKEN},
        after=[("StartTransaction", {**_START_16, "timestamp": NOW})],
        state="EFFECTIVE",
    ),
    Commanded(
        {"remote_stop": {"ocpp_transaction_id": RUNNING}},
        "RemoteStopTransaction",
        _ACCEPTED,
        {"transactions.stop_reason": "Remote"},
        before=[_STARTED_16],
        after=[("StopTransaction", {**_STOP_16, "reason": "Remote"})],
        state="EFFECTIVE",
    ),
    Commanded(
        {"reset": {}},
        "Reset",
        _ACCEPTED,
        {"charge_points.boot_time": is_there},
        after=[("BootNotification", _BOOT_16)],
        state="EFFECTIVE",
    ),
]

# ---------------------------------------------------------------- OCPP 2.0.1 and 2.1

_BOOT_2 = {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M", "firmwareVersion": "7.1"}}
_TOKEN_2 = {"idToken": TOKEN, "type": "ISO14443"}
_EVSE = {"id": 1, "connectorId": 1}


def _event(kind: str, trigger: str, number: int, wh: int, stamp: str = _at(0), **fields: Any) -> tuple[str, Payload]:
    context = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}[kind]
    sample = {"timestamp": stamp, "sampledValue": [{"value": wh, "context": context}]}
    session = {"transactionId": RUNNING, **fields.pop("session", {})}
    return "TransactionEvent", {
        "eventType": kind,
        "triggerReason": trigger,
        "seqNo": number,
        "timestamp": stamp,
        "transactionInfo": session,
        "evse": _EVSE,
        "meterValue": [sample],
        **fields,
    }


_STARTED_2 = _event("Started", "Authorized", 0, 1000, idToken=_TOKEN_2)
_ENDED_2 = _event("Ended", "EVDeparted", 1, 2500, _at(20), session={"stoppedReason": "EVDisconnected"})
_ENDED_ROWS = {"transactions.state": "ENDED", "transactions.id_tag": TOKEN, "transactions.energy_wh": 1500}
_VARIABLE = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
_AVAILABLE = {
    "eventId": 7,
    "timestamp": _at(0),
    "trigger": "Delta",
    "actualValue": "Faulted",
    "eventNotificationType": "HardWiredNotification",
    "component": {"name": "Connector", "evse": _EVSE},
    "variable": {"name": "AvailabilityState"},
}
_HOT = {
    "eventId": 8,
    "timestamp": _at(0),
    "trigger": "Alerting",
    "actualValue": "91",
    "eventNotificationType": "CustomMonitor",
    "variableMonitoringId": 3,
    "component": {"name": "Controller"},
    "variable": {"name": "Temperature"},
}
_MONITOR = {"id": 3, "transaction": False, "value": 80, "type": "UpperThreshold", "severity": 4}


def _monitors(version: Version, stamp: str = _at(0)) -> tuple[str, Payload]:
    monitor = _MONITOR | ({"eventNotificationType": "CustomMonitor"} if version is Version.V21 else {})
    reported = [{"component": _HOT["component"], "variable": _HOT["variable"], "variableMonitoring": [monitor]}]
    return "NotifyMonitoringReport", {"requestId": 1, "generatedAt": stamp, "seqNo": 0, "monitor": reported}


def _reported_2(version: Version, transaction: Reported) -> list[Reported]:
    report = [{**_VARIABLE, "variableAttribute": [{"value": "60"}]}]
    return [
        Reported("Authorize", {"idToken": _TOKEN_2}, {}),
        Reported("BootNotification", _BOOT_2, {**_BOOTED, "charge_points.firmware_version": "7.1"}),
        _TRANSFER,
        _HEARTBEAT,
        Reported(
            "MeterValues",
            {"evseId": 1, "meterValue": [{"timestamp": _at(5), "sampledValue": [{"value": 1500}]}]},
            {"meter_values.energy_wh": 1500},
            [_STARTED_2],
        ),
        Reported(
            "NotifyEvent",
            {"generatedAt": _at(0), "seqNo": 0, "eventData": [_AVAILABLE, _HOT]},
            {
                "device_events.subject": "Connector.AvailabilityState",
                "device_events.status": "Faulted",
                "device_variables.value": "Faulted",
                "connectors.status": "FAULTED",
            },
        ),
        Reported(
            *_monitors(version),
            {"device_monitors.value": 80.0, "monitoring_report_parts.seq_no": 0},
        ),
        Reported(
            "NotifyReport",
            {"requestId": 1, "generatedAt": _at(0), "seqNo": 0, "reportData": report},
            {"device_variables.value": "60", "device_report_parts.seq_no": 0},
        ),
        Reported(
            "StatusNotification",
            {"timestamp": _at(0), "connectorStatus": "Faulted", "evseId": 1, "connectorId": 1},
            _STATUS,
        ),
        transaction,
        *_notifications(version),
    ]


_TRANSACTION_201 = Reported(*_ENDED_2, {**_ENDED_ROWS, "transaction_events.trigger_reason": "EVDeparted"}, [_STARTED_2])
_ENDED_21 = _event("Ended", "CostLimitReached", 1, 2500, _at(20), evseSleep=True, idToken=_TOKEN_2)
_TRANSACTION_21 = Reported(
    *_ENDED_21, {**_ENDED_ROWS, "transaction_events.dropped_json": holding("evseSleep")}, [_STARTED_2]
)
# A SEND, which nothing answers.
STREAM = Reported(
    "NotifyPeriodicEventStream",
    {"id": 7, "pending": 0, "basetime": _at(1), "data": [{"t": 0, "v": "230.1"}]},
    {"device_events.subject": "7"},
)

_GET_2 = {"getVariableResult": [{**_VARIABLE, "attributeStatus": "Accepted", "attributeValue": "60"}]}
_SET_2 = {"setVariableResult": [{**_VARIABLE, "attributeStatus": "Accepted"}]}
_SETTING_2 = {"key": "OCPPCommCtrlr.HeartbeatInterval", "value": "60"}


def _commanded_2(version: Version) -> list[Commanded]:
    setting = {**_VARIABLE, "type": DeviceMonitor.DELTA, "value": 5, "severity": 4}
    return [
        *_COMMANDED_2,
        Commanded(
            {"clear_variable_monitoring": {"monitor_ids": [3]}},
            "ClearVariableMonitoring",
            {"clearMonitoringResult": [{"id": 3, "status": "Accepted"}]},
            {"device_monitors.absent_time": is_there},
            before=[_monitors(version)],
        ),
        Commanded(
            {"get_monitoring_report": {}},
            "GetMonitoringReport",
            _ACCEPTED,
            {"monitoring_reports.command_id": is_there},
        ),
        Commanded(
            {"set_monitoring_base": {"base": SetMonitoringBase.FACTORY_DEFAULT}},
            "SetMonitoringBase",
            _ACCEPTED,
            {"device_variables.value": "FactoryDefault"},
        ),
        Commanded(
            {"set_monitoring_level": {"severity": 5}}, "SetMonitoringLevel", _ACCEPTED, {"device_variables.value": "5"}
        ),
        Commanded(
            {"set_variable_monitoring": {"monitors": [setting]}},
            "SetVariableMonitoring",
            {"setMonitoringResult": [{**_VARIABLE, "id": 9, "type": "Delta", "severity": 4, "status": "Accepted"}]},
            {"device_monitors.value": 5.0},
        ),
    ]


_COMMANDED_2 = [
    *_COMMANDED,
    Commanded({"change_configuration": _SETTING_2}, "SetVariables", _SET_2, _KNOWN),
    Commanded({"change_settings": {"settings": [_SETTING_2]}}, "SetVariables", _SET_2, _KNOWN),
    Commanded(
        {"get_base_report": {"base": GetBaseReport.FULL_INVENTORY}},
        "GetBaseReport",
        _ACCEPTED,
        {"device_reports.command_id": is_there},
    ),
    Commanded({"get_configuration": {"keys": [_SETTING_2["key"]]}}, "GetVariables", _GET_2, _KNOWN),
    Commanded({"get_log": {}}, "GetLog", {"status": "AcceptedCanceled", "filename": "log"}, _job("ASKED")),
    Commanded({"publish_firmware": _PUBLISHED}, "PublishFirmware", _ACCEPTED, _job("ASKED")),
    Commanded(
        {"unpublish_firmware": {"checksum": _PUBLISHED["checksum"]}},
        "UnpublishFirmware",
        {"status": "DownloadOngoing"},
        {},
        state="REJECTED",
    ),
    Commanded(
        {"update_firmware": _SIGNED},
        "UpdateFirmware",
        _ACCEPTED,
        _job("RUNNING"),
        after=[("FirmwareStatusNotification", {"status": "DownloadScheduled"})],
    ),
    Commanded(
        {"get_report": {"component_variables": [_VARIABLE]}},
        "GetReport",
        _ACCEPTED,
        {"device_reports.command_id": is_there},
    ),
    Commanded(
        {"get_transaction_status": {"ocpp_transaction_id": RUNNING}},
        "GetTransactionStatus",
        {"ongoingIndicator": True, "messagesInQueue": False},
        {"transaction_events.kind": "UPDATED"},
        before=[_STARTED_2],
    ),
    Commanded(
        {"update_cost": {"ocpp_transaction_id": RUNNING, "total_cost": {"currency_code": "EUR", "units": 2}}},
        "CostUpdated",
        {},
        {},
        before=[_STARTED_2],
    ),
    Commanded(
        {"remote_start": {"id_tag": TOKEN, "connector_id": 1}},
        "RequestStartTransaction",
        _ACCEPTED,
        {"transactions.id_tag": TOKEN},
        after=[_event("Started", "RemoteStart", 0, 1000, NOW, idToken=_TOKEN_2)],
        state="EFFECTIVE",
    ),
    Commanded(
        {"remote_stop": {"ocpp_transaction_id": RUNNING}},
        "RequestStopTransaction",
        _ACCEPTED,
        {"transactions.stop_reason": "Remote"},
        before=[_STARTED_2],
        after=[_event("Ended", "RemoteStop", 1, 2500, _at(20), session={"stoppedReason": "Remote"})],
        state="EFFECTIVE",
    ),
    Commanded(
        {"reset": {}},
        "Reset",
        _ACCEPTED,
        {"charge_points.boot_time": is_there},
        after=[("BootNotification", _BOOT_2)],
        state="EFFECTIVE",
    ),
]

REPORTED: Mapping[Version, Sequence[Reported]] = {
    Version.V16: _REPORTED_16,
    Version.V201: _reported_2(Version.V201, _TRANSACTION_201),
    Version.V21: [*_reported_2(Version.V21, _TRANSACTION_21), STREAM],
}
COMMANDED: Mapping[Version, Sequence[Commanded]] = {
    Version.V16: _COMMANDED_16,
    Version.V201: _commanded_2(Version.V201),
    Version.V21: _commanded_2(Version.V21),
}
