"""Commands in the words of OCPP 1.6: every one a valid request, every answer understood."""

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from csms.station.v1.connector_pb2 import Connector
from csms.station.v1.device_variable_pb2 import DeviceComponent, DeviceVariableName
from csms.transaction.v1.command_pb2 import (
    ChangeAvailability,
    ChangeConfiguration,
    ClearCache,
    CommandBody,
    GetBaseReport,
    GetConfiguration,
    GetReport,
    RemoteStart,
    RemoteStop,
    Reset,
    RotatePassword,
    TransferData,
    TriggerMessage,
    Unlock,
)
from csms.transaction.v1.component_variable_pb2 import ComponentVariable
from csms.transaction.v1.file_commands_pb2 import GetLog, UpdateFirmware
from ocpp_edge.rpc.outbound import check_call
from ocpp_edge.rpc.schemas import load
from ocpp_edge.v16.commands import DIALECT
from ocpp_edge.versions import Version
from services.kernel.errors import DomainError
from services.kernel.ids import request_number

TIME, STAMP = Timestamp(seconds=1_800_000_000), "2027-01-15T08:00:00.000Z"
SCHEMAS = load(Version.V16)
INOPERATIVE, OPERATIVE = Connector.INOPERATIVE, Connector.OPERATIVE


def keys(*names: str, component: str = "Configuration") -> GetReport:
    return GetReport(
        component_variables=[
            ComponentVariable(component=DeviceComponent(name=component), variable=DeviceVariableName(name=name))
            for name in names
        ]
    )


# What OCPP 1.6 has no words for.
OF_NEWER_VERSIONS = {
    "clear_variable_monitoring",
    "get_monitoring_report",
    "get_transaction_status",
    "publish_firmware",
    "set_monitoring_base",
    "set_monitoring_level",
    "set_variable_monitoring",
    "unpublish_firmware",
    "update_cost",
}


def test_every_kind_of_command_is_spoken_that_this_version_has() -> None:
    kinds = {field.name for field in CommandBody.DESCRIPTOR.oneofs_by_name["body"].fields}
    assert set(DIALECT) == kinds - OF_NEWER_VERSIONS


@pytest.mark.parametrize(
    ("kind", "body", "action", "payload"),
    [
        ("remote_start", RemoteStart(id_tag="CARD"), "RemoteStartTransaction", {"idTag": "CARD"}),
        (
            "remote_start",
            RemoteStart(id_tag="CARD", connector_id=2),
            "RemoteStartTransaction",
            {"idTag": "CARD", "connectorId": 2},
        ),
        ("remote_stop", RemoteStop(ocpp_transaction_id="42"), "RemoteStopTransaction", {"transactionId": 42}),
        ("reset", Reset(), "Reset", {"type": "Soft"}),
        ("get_log", GetLog(location="ftp://a/"), "GetDiagnostics", {"location": "ftp://a/"}),
        (
            "get_log",
            GetLog(location="http://a/", oldest_time=TIME, latest_time=TIME, retries=2, retry_interval_seconds=60),
            "GetDiagnostics",
            {"location": "http://a/", "startTime": STAMP, "stopTime": STAMP, "retries": 2, "retryInterval": 60},
        ),
        (
            "get_log",
            GetLog(location="http://a/", type=GetLog.SECURITY, oldest_time=TIME),
            "GetLog",
            {
                "log": {"remoteLocation": "http://a/", "oldestTimestamp": STAMP},
                "logType": "SecurityLog",
                "requestId": request_number("c1"),
            },
        ),
        (
            "update_firmware",
            UpdateFirmware(location="http://a/b", retrieve_time=TIME, retries=3),
            "UpdateFirmware",
            {"location": "http://a/b", "retrieveDate": STAMP, "retries": 3},
        ),
        (
            "update_firmware",
            UpdateFirmware(
                location="http://a/b", retrieve_time=TIME, install_time=TIME, signature="S", signing_certificate="C"
            ),
            "SignedUpdateFirmware",
            {
                "requestId": request_number("c1"),
                "firmware": {
                    "location": "http://a/b",
                    "retrieveDateTime": STAMP,
                    "installDateTime": STAMP,
                    "signature": "S",
                    "signingCertificate": "C",
                },
            },
        ),
        ("reset", Reset(type=Reset.SOFT), "Reset", {"type": "Soft"}),
        ("reset", Reset(type=Reset.HARD), "Reset", {"type": "Hard"}),
        ("unlock", Unlock(connector_id=2), "UnlockConnector", {"connectorId": 2}),
        (
            "change_availability",
            ChangeAvailability(availability=INOPERATIVE, connector_id=2, evse_id=2),
            "ChangeAvailability",
            {"connectorId": 2, "type": "Inoperative"},
        ),
        (
            "change_availability",
            ChangeAvailability(availability=OPERATIVE),
            "ChangeAvailability",
            {"connectorId": 0, "type": "Operative"},
        ),
        ("get_configuration", GetConfiguration(), "GetConfiguration", {}),
        ("get_base_report", GetBaseReport(base=GetBaseReport.CONFIGURATION_INVENTORY), "GetConfiguration", {}),
        ("get_report", keys("A", "b.C"), "GetConfiguration", {"key": ["A", "b.C"]}),
        ("get_report", keys("A", ""), "GetConfiguration", {}),
        ("get_configuration", GetConfiguration(keys=["A", "B"]), "GetConfiguration", {"key": ["A", "B"]}),
        (
            "change_configuration",
            ChangeConfiguration(key="MeterValueSampleInterval", value="60"),
            "ChangeConfiguration",
            {"key": "MeterValueSampleInterval", "value": "60"},
        ),
        (
            "rotate_password",
            RotatePassword(password="sixteen letters."),
            "ChangeConfiguration",
            {"key": "AuthorizationKey", "value": "sixteen letters."},
        ),
        ("trigger_message", TriggerMessage(message="Heartbeat"), "TriggerMessage", {"requestedMessage": "Heartbeat"}),
        (
            "trigger_message",
            TriggerMessage(message="MeterValues", connector_id=1),
            "TriggerMessage",
            {"requestedMessage": "MeterValues", "connectorId": 1},
        ),
        (
            "trigger_message",
            TriggerMessage(message="SignChargePointCertificate"),
            "ExtendedTriggerMessage",
            {"requestedMessage": "SignChargePointCertificate"},
        ),
        ("clear_cache", ClearCache(), "ClearCache", {}),
        ("transfer_data", TransferData(vendor_id="acme"), "DataTransfer", {"vendorId": "acme"}),
        (
            "transfer_data",
            TransferData(vendor_id="acme", message_id="m", data="d"),
            "DataTransfer",
            {"vendorId": "acme", "messageId": "m", "data": "d"},
        ),
    ],
    ids=str,
)
def test_a_command_becomes_a_valid_request(kind: str, body: Any, action: str, payload: dict[str, Any]) -> None:
    assert DIALECT[kind].ask(body, "c1") == (action, payload)
    assert action in DIALECT[kind].effects
    assert not SCHEMAS.requests[action].violations(payload)


@pytest.mark.field_case("B5")
@pytest.mark.parametrize("number", [0, -1, -2063592449, 2**31, 2**62, -(2**63), 2**64 - 1])
def test_a_transaction_is_stopped_by_whatever_number_its_charge_point_gave_it(number: int) -> None:
    action, payload = DIALECT["remote_stop"].ask(RemoteStop(ocpp_transaction_id=str(number)), "c1")
    assert (action, payload) == ("RemoteStopTransaction", {"transactionId": number})
    check_call(SCHEMAS, action, payload)


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("remote_stop", RemoteStop(ocpp_transaction_id="T1"), "INVALID_FIELD"),
        ("remote_stop", RemoteStop(ocpp_transaction_id="--1"), "INVALID_FIELD"),
        ("remote_stop", RemoteStop(ocpp_transaction_id="-" + "9" * 20), "INVALID_FIELD"),
        ("remote_stop", RemoteStop(ocpp_transaction_id=str(2**64)), "INVALID_FIELD"),
        ("remote_stop", RemoteStop(ocpp_transaction_id="\u0663"), "INVALID_FIELD"),
        ("reset", Reset(evse_id=1), "NOT_SUPPORTED_BY_CHARGE_POINT"),
        ("update_firmware", UpdateFirmware(location="http://a", install_time=TIME), "NOT_SUPPORTED_BY_CHARGE_POINT"),
        (
            "get_base_report",
            GetBaseReport(base=GetBaseReport.SUMMARY_INVENTORY),
            "NOT_SUPPORTED_BY_CHARGE_POINT",
        ),
        ("get_report", GetReport(component_criteria=[GetReport.PROBLEM]), "NOT_SUPPORTED_BY_CHARGE_POINT"),
        ("get_report", keys("A", component="OCPPCommCtrlr"), "INVALID_FIELD"),
    ],
    ids=str,
)
def test_what_cannot_be_said_is_refused(kind: str, body: Any, reason: str) -> None:
    with pytest.raises(DomainError) as refused:
        DIALECT[kind].ask(body, "c1")
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("kind", "action", "good", "bad"),
    [
        ("remote_start", "RemoteStartTransaction", ["Accepted"], ["Rejected"]),
        ("remote_stop", "RemoteStopTransaction", ["Accepted"], ["Rejected"]),
        ("reset", "Reset", ["Accepted"], ["Rejected"]),
        ("unlock", "UnlockConnector", ["Unlocked"], ["UnlockFailed", "NotSupported"]),
        ("change_availability", "ChangeAvailability", ["Accepted", "Scheduled"], ["Rejected"]),
        ("change_configuration", "ChangeConfiguration", ["Accepted", "RebootRequired"], ["Rejected", "NotSupported"]),
        ("rotate_password", "ChangeConfiguration", ["Accepted", "RebootRequired"], ["Rejected", "NotSupported"]),
        ("trigger_message", "TriggerMessage", ["Accepted"], ["Rejected", "NotImplemented"]),
        ("clear_cache", "ClearCache", ["Accepted"], ["Rejected"]),
        ("transfer_data", "DataTransfer", ["Accepted"], ["Rejected", "UnknownMessageId", "UnknownVendorId"]),
    ],
)
def test_an_answer_says_whether_the_command_was_taken(kind: str, action: str, good: list[str], bad: list[str]) -> None:
    for status in (*good, *bad):
        answer = {"status": status}
        assert not SCHEMAS.responses[action].violations(answer)
        assert DIALECT[kind].reply(answer) == (status in good, status)


@pytest.mark.field_case("E3")
@pytest.mark.parametrize(
    ("password", "digits"),
    [
        ("sixteen letters.", "7369787465656e206c6574746572732e"),
        ("this are 20 letters.", "746869732061726520323020 6c6574746572732e".replace(" ", "")),
        ("these are 21 letters.", None),
        ("00112233445566778899aabbccddeeff00112233", None),
        ("0123456789ABCDEF", None),
    ],
)
def test_a_password_goes_as_text_and_otherwise_as_digits(password: str, digits: str | None) -> None:
    otherwise = DIALECT["rotate_password"].otherwise
    assert otherwise is not None
    asked = otherwise(RotatePassword(password=password))
    assert asked == (digits and ("ChangeConfiguration", {"key": "AuthorizationKey", "value": digits}))
    if asked is not None:
        check_call(SCHEMAS, *asked)


def test_a_list_of_settings_has_no_status() -> None:
    answer = {"configurationKey": [{"key": "A", "readonly": False, "value": "1"}], "unknownKey": ["B"]}
    assert DIALECT["get_configuration"].reply(answer) == (True, "")


@pytest.mark.parametrize(
    ("kind", "action", "answer", "replied"),
    [
        ("get_log", "GetDiagnostics", {}, (True, "")),
        ("get_log", "GetDiagnostics", {"fileName": "a"}, (True, "")),
        ("get_log", "GetLog", {"status": "AcceptedCanceled"}, (True, "AcceptedCanceled")),
        ("get_log", "GetLog", {"status": "Rejected"}, (False, "Rejected")),
        ("update_firmware", "UpdateFirmware", {}, (True, "")),
        ("update_firmware", "SignedUpdateFirmware", {"status": "Accepted"}, (True, "Accepted")),
        ("update_firmware", "SignedUpdateFirmware", {"status": "RevokedCertificate"}, (False, "RevokedCertificate")),
    ],
)
def test_to_be_answered_is_to_be_taken_where_an_answer_has_no_status(
    kind: str, action: str, answer: dict[str, Any], replied: tuple[bool, str]
) -> None:
    assert not SCHEMAS.responses[action].violations(answer)
    assert DIALECT[kind].reply(answer) == replied
