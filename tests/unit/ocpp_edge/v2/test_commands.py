"""Commands in the words of OCPP 2.x: every one a valid request by both versions, every answer understood."""

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

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
    GetTransactionStatus,
    RemoteStart,
    RemoteStop,
    Reset,
    RotatePassword,
    TransferData,
    TriggerMessage,
    Unlock,
)
from csms.transaction.v1.component_variable_pb2 import ComponentVariable
from csms.transaction.v1.file_commands_pb2 import GetLog, PublishFirmware, UnpublishFirmware, UpdateFirmware
from csms.transaction.v1.update_cost_pb2 import UpdateCost
from ocpp_edge.rpc.outbound import check_call
from ocpp_edge.rpc.schemas import load
from ocpp_edge.v2.commands import DIALECT
from ocpp_edge.v2.variables import variable_of
from ocpp_edge.versions import Version
from services.kernel.errors import DomainError
from services.kernel.ids import request_number

SCHEMAS, SCHEMAS_21 = load(Version.V201), load(Version.V21)
INOPERATIVE, OPERATIVE = Connector.INOPERATIVE, Connector.OPERATIVE
TOKEN = {"idToken": "CARD", "type": "ISO14443"}
TIME, STAMP = Timestamp(seconds=1_800_000_000), "2027-01-15T08:00:00.000Z"
NUMBER = request_number("c1")


def test_every_kind_of_command_is_spoken() -> None:
    assert set(DIALECT) == {field.name for field in CommandBody.DESCRIPTOR.oneofs_by_name["body"].fields}


@pytest.mark.parametrize(
    ("kind", "body", "action", "payload"),
    [
        (
            "remote_start",
            RemoteStart(id_tag="CARD"),
            "RequestStartTransaction",
            {"idToken": TOKEN, "remoteStartId": request_number("c1")},
        ),
        (
            "remote_start",
            RemoteStart(id_tag="CARD", connector_id=2),
            "RequestStartTransaction",
            {"idToken": TOKEN, "remoteStartId": request_number("c1"), "evseId": 2},
        ),
        ("get_base_report", GetBaseReport(), "GetBaseReport", {"requestId": NUMBER, "reportBase": "FullInventory"}),
        (
            "get_base_report",
            GetBaseReport(base=GetBaseReport.SUMMARY_INVENTORY),
            "GetBaseReport",
            {"requestId": NUMBER, "reportBase": "SummaryInventory"},
        ),
        (
            "get_report",
            GetReport(component_criteria=[GetReport.PROBLEM, GetReport.ACTIVE]),
            "GetReport",
            {"requestId": NUMBER, "componentCriteria": ["Problem", "Active"]},
        ),
        (
            "get_report",
            GetReport(
                component_variables=[
                    ComponentVariable(component=DeviceComponent(name="EVSE", evse_id=2)),
                    ComponentVariable(
                        component=DeviceComponent(name="Connector", instance="a", evse_id=1, connector_id=2),
                        variable=DeviceVariableName(name="Power", instance="L1"),
                    ),
                ]
            ),
            "GetReport",
            {
                "requestId": NUMBER,
                "componentVariable": [
                    {"component": {"name": "EVSE", "evse": {"id": 2}}},
                    {
                        "component": {"name": "Connector", "instance": "a", "evse": {"id": 1, "connectorId": 2}},
                        "variable": {"name": "Power", "instance": "L1"},
                    },
                ],
            },
        ),
        ("remote_stop", RemoteStop(ocpp_transaction_id="T1"), "RequestStopTransaction", {"transactionId": "T1"}),
        ("reset", Reset(), "Reset", {"type": "OnIdle"}),
        ("reset", Reset(type=Reset.HARD, evse_id=1), "Reset", {"type": "Immediate", "evseId": 1}),
        ("unlock", Unlock(connector_id=2), "UnlockConnector", {"evseId": 2, "connectorId": 1}),
        ("unlock", Unlock(connector_id=2, evse_id=1), "UnlockConnector", {"evseId": 1, "connectorId": 2}),
        (
            "change_availability",
            ChangeAvailability(availability=OPERATIVE),
            "ChangeAvailability",
            {"operationalStatus": "Operative"},
        ),
        (
            "change_availability",
            ChangeAvailability(availability=INOPERATIVE, evse_id=1),
            "ChangeAvailability",
            {"operationalStatus": "Inoperative", "evse": {"id": 1}},
        ),
        (
            "change_availability",
            ChangeAvailability(availability=INOPERATIVE, connector_id=2),
            "ChangeAvailability",
            {"operationalStatus": "Inoperative", "evse": {"id": 2}},
        ),
        (
            "change_availability",
            ChangeAvailability(availability=INOPERATIVE, evse_id=1, connector_id=2),
            "ChangeAvailability",
            {"operationalStatus": "Inoperative", "evse": {"id": 1, "connectorId": 2}},
        ),
        (
            "get_configuration",
            GetConfiguration(keys=["OCPPCommCtrlr.OfflineThreshold", "EVSE.Power#1"]),
            "GetVariables",
            {
                "getVariableData": [
                    {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "OfflineThreshold"}},
                    {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}},
                ]
            },
        ),
        (
            "rotate_password",
            RotatePassword(password="sixteen letters."),
            "SetVariables",
            {
                "setVariableData": [
                    {
                        "component": {"name": "SecurityCtrlr"},
                        "variable": {"name": "BasicAuthPassword"},
                        "attributeValue": "sixteen letters.",
                    }
                ]
            },
        ),
        (
            "change_configuration",
            ChangeConfiguration(key="OCPPCommCtrlr.OfflineThreshold", value="123"),
            "SetVariables",
            {
                "setVariableData": [
                    {
                        "component": {"name": "OCPPCommCtrlr"},
                        "variable": {"name": "OfflineThreshold"},
                        "attributeValue": "123",
                    }
                ]
            },
        ),
        (
            "trigger_message",
            TriggerMessage(message="BootNotification"),
            "TriggerMessage",
            {"requestedMessage": "BootNotification"},
        ),
        (
            "trigger_message",
            TriggerMessage(message="MeterValues", connector_id=2),
            "TriggerMessage",
            {"requestedMessage": "MeterValues", "evse": {"id": 2}},
        ),
        (
            "trigger_message",
            TriggerMessage(message="StatusNotification", connector_id=2),
            "TriggerMessage",
            {"requestedMessage": "StatusNotification", "evse": {"id": 2, "connectorId": 1}},
        ),
        ("clear_cache", ClearCache(), "ClearCache", {}),
        (
            "get_log",
            GetLog(location="http://a/", latest_time=TIME, retries=2, retry_interval_seconds=60),
            "GetLog",
            {
                "log": {"remoteLocation": "http://a/", "latestTimestamp": STAMP},
                "logType": "DiagnosticsLog",
                "requestId": NUMBER,
                "retries": 2,
                "retryInterval": 60,
            },
        ),
        (
            "update_firmware",
            UpdateFirmware(location="http://a/b", retrieve_time=TIME, signature="S", signing_certificate="C"),
            "UpdateFirmware",
            {
                "requestId": NUMBER,
                "firmware": {
                    "location": "http://a/b",
                    "retrieveDateTime": STAMP,
                    "signature": "S",
                    "signingCertificate": "C",
                },
            },
        ),
        (
            "publish_firmware",
            PublishFirmware(location="http://a/b", checksum="0" * 32),
            "PublishFirmware",
            {"location": "http://a/b", "checksum": "0" * 32, "requestId": NUMBER},
        ),
        ("unpublish_firmware", UnpublishFirmware(checksum="0" * 32), "UnpublishFirmware", {"checksum": "0" * 32}),
        (
            "get_transaction_status",
            GetTransactionStatus(ocpp_transaction_id="T-1"),
            "GetTransactionStatus",
            {"transactionId": "T-1"},
        ),
        ("get_transaction_status", GetTransactionStatus(), "GetTransactionStatus", {}),
        (
            "update_cost",
            UpdateCost(ocpp_transaction_id="T-1", total_cost=Money(currency_code="EUR", units=2, nanos=340_000_000)),
            "CostUpdated",
            {"transactionId": "T-1", "totalCost": 2.34},
        ),
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
    for schemas in (SCHEMAS, SCHEMAS_21):
        assert not schemas.requests[action].violations(payload)


@pytest.mark.field_case("B5")
@pytest.mark.parametrize("name", ["-5", "0", "T" * 36, "T" * 200])
def test_a_transaction_is_stopped_by_whatever_its_station_calls_it(name: str) -> None:
    action, payload = DIALECT["remote_stop"].ask(RemoteStop(ocpp_transaction_id=name), "c1")
    assert (action, payload) == ("RequestStopTransaction", {"transactionId": name})
    check_call(SCHEMAS, action, payload)


def test_what_a_caller_says_too_long_is_still_refused() -> None:
    long, free = {"idToken": "x" * 40, "type": "Central"}, {"idToken": "x", "type": "AcmePass"}
    for token, field in ((long, "payload.idToken.idToken"), (free, "payload.idToken.type")):
        payload = {"idToken": token, "remoteStartId": 1}
        with pytest.raises(DomainError) as refused:
            check_call(SCHEMAS, "RequestStartTransaction", payload)
        assert refused.value.violations[0].field == field
        # By 2.1 a token is longer, and its type any text.
        check_call(SCHEMAS_21, "RequestStartTransaction", payload)


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("get_configuration", GetConfiguration(), "NOT_SUPPORTED_BY_CHARGE_POINT"),
        ("get_configuration", GetConfiguration(keys=["HeartbeatInterval"]), "INVALID_FIELD"),
        ("change_configuration", ChangeConfiguration(key="A.B.C"), "INVALID_FIELD"),
    ],
    ids=str,
)
def test_what_cannot_be_said_is_refused(kind: str, body: Any, reason: str) -> None:
    with pytest.raises(DomainError) as refused:
        DIALECT[kind].ask(body, "c1")
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("key", "component", "variable"),
    [
        ("C.V", {"name": "C"}, {"name": "V"}),
        ("C[i].V[j]", {"name": "C", "instance": "i"}, {"name": "V", "instance": "j"}),
        ("C.V#2", {"name": "C", "evse": {"id": 2}}, {"name": "V"}),
        ("C[a.b].V#2.1", {"name": "C", "instance": "a.b", "evse": {"id": 2, "connectorId": 1}}, {"name": "V"}),
    ],
)
def test_variables_are_named_by_component_instance_and_place(key: str, component: Any, variable: Any) -> None:
    assert variable_of(key, "key") == {"component": component, "variable": variable}


@pytest.mark.parametrize(
    "key", ["", "C", "C.", ".V", "C.V#", "C.V#x", "C.V#1.2.3", "C[].V", "C .V", "C.V[i", "C.V#1234567890"]
)
def test_what_names_no_variable_is_refused(key: str) -> None:
    with pytest.raises(DomainError) as refused:
        variable_of(key, "keys[3]")
    assert refused.value.violations[0].field == "keys[3]"


@pytest.mark.parametrize(
    ("kind", "action", "good", "bad"),
    [
        ("remote_start", "RequestStartTransaction", ["Accepted"], ["Rejected"]),
        ("remote_stop", "RequestStopTransaction", ["Accepted"], ["Rejected"]),
        ("reset", "Reset", ["Accepted", "Scheduled"], ["Rejected"]),
        (
            "unlock",
            "UnlockConnector",
            ["Unlocked"],
            ["UnlockFailed", "OngoingAuthorizedTransaction", "UnknownConnector"],
        ),
        ("change_availability", "ChangeAvailability", ["Accepted", "Scheduled"], ["Rejected"]),
        ("trigger_message", "TriggerMessage", ["Accepted"], ["Rejected", "NotImplemented"]),
        ("clear_cache", "ClearCache", ["Accepted"], ["Rejected"]),
        ("get_log", "GetLog", ["Accepted", "AcceptedCanceled"], ["Rejected"]),
        (
            "update_firmware",
            "UpdateFirmware",
            ["Accepted", "AcceptedCanceled"],
            ["Rejected", "InvalidCertificate", "RevokedCertificate"],
        ),
        ("publish_firmware", "PublishFirmware", ["Accepted"], ["Rejected"]),
        ("unpublish_firmware", "UnpublishFirmware", ["Unpublished", "NoFirmware"], ["DownloadOngoing"]),
        ("get_base_report", "GetBaseReport", ["Accepted"], ["Rejected", "NotSupported", "EmptyResultSet"]),
        ("get_report", "GetReport", ["Accepted", "EmptyResultSet"], ["Rejected", "NotSupported"]),
        ("transfer_data", "DataTransfer", ["Accepted"], ["Rejected", "UnknownMessageId", "UnknownVendorId"]),
    ],
)
def test_an_answer_says_whether_the_command_was_taken(kind: str, action: str, good: list[str], bad: list[str]) -> None:
    for status in (*good, *bad):
        answer = {"status": status}
        for schemas in (SCHEMAS, SCHEMAS_21):
            assert not schemas.responses[action].violations(answer)
        assert DIALECT[kind].reply(answer) == (status in good, status)


@pytest.mark.parametrize(
    ("status", "accepted"),
    [
        ("Accepted", True),
        ("RebootRequired", True),
        ("Rejected", False),
        ("UnknownComponent", False),
        ("UnknownVariable", False),
        ("NotSupportedAttributeType", False),
    ],
)
def test_a_changed_variable_has_a_status_of_its_own(status: str, accepted: bool) -> None:
    answer = {"setVariableResult": [{"attributeStatus": status, "component": {"name": "C"}, "variable": {"name": "V"}}]}
    assert not SCHEMAS.responses["SetVariables"].violations(answer)
    assert DIALECT["change_configuration"].reply(answer) == (accepted, status)
    assert DIALECT["rotate_password"].reply(answer) == (accepted, status)


def test_an_answer_about_no_variable_is_no_acceptance() -> None:
    assert DIALECT["change_configuration"].reply({"setVariableResult": []}) == (False, "")


def test_a_list_of_variables_has_no_status() -> None:
    assert DIALECT["get_configuration"].reply({"getVariableResult": []}) == (True, "")


def test_a_remote_start_keeps_its_number_and_shares_it_with_no_other() -> None:
    numbers = {request_number(f"command {number}") for number in range(1000)}
    assert len(numbers) == 1000
    assert all(0 <= number < 2**31 for number in numbers)
    assert request_number("command 1") == request_number("command 1")


@pytest.mark.field_case("B1")
@pytest.mark.parametrize(("asked", "sent"), [("", "ISO14443"), ("central", "Central"), ("acme:badge", "acme:badge")])
def test_a_token_is_presented_to_the_station_as_the_type_it_is(asked: str, sent: str) -> None:
    body = RemoteStart(id_tag="T", token_type=asked)
    _, payload = DIALECT["remote_start"].ask(body, "id")
    assert payload["idToken"] == {"idToken": "T", "type": sent}
