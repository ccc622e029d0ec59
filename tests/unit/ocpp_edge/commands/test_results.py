"""What charge points answer to commands, in words that are the same for every version"""

from typing import Any

import pytest
from google.protobuf import json_format

from csms.transaction.v1.command_pb2 import CommandBody
from ocpp_edge.served import SERVED
from ocpp_edge.versions import Version

V16, V201 = Version.V16, Version.V201
_SETTING = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
_AT_EVSE = {"component": {"name": "EVSE", "evse": {"id": 2, "connectorId": 1}}, "variable": {"name": "Power"}}


def _status(word: str, **more: str) -> dict[str, Any]:
    return {"status": {"status": word, **more}}


@pytest.mark.parametrize(
    ("kind", "version", "answer", "result"),
    [
        ("clear_cache", V16, {"status": "Accepted"}, _status("ACCEPTED")),
        ("clear_cache", V201, {"status": "Accepted"}, _status("ACCEPTED")),
        ("change_availability", V16, {"status": "Scheduled"}, _status("SCHEDULED")),
        ("trigger_message", V201, {"status": "NotImplemented"}, _status("NOT_SUPPORTED")),
        (
            "reset",
            V201,
            {"status": "Rejected", "statusInfo": {"reasonCode": "TxInProgress", "additionalInfo": "later"}},
            _status("REJECTED", reason_code="TxInProgress", details="later"),
        ),
        ("get_report", V201, {"status": "EmptyResultSet"}, _status("EMPTY")),
        ("get_report", V16, {"configurationKey": []}, _status("ACCEPTED")),
        ("get_base_report", V16, {"configurationKey": []}, _status("ACCEPTED")),
        ("change_configuration", V16, {"status": "NotSupported"}, _status("UNKNOWN_KEY")),
        ("change_configuration", V16, {"status": "RebootRequired"}, _status("REBOOT_REQUIRED")),
        (
            "change_configuration",
            V201,
            {"setVariableResult": [{"attributeStatus": "UnknownVariable", **_SETTING}]},
            _status("UNKNOWN_KEY"),
        ),
        ("rotate_password", V201, {"setVariableResult": [{"attributeStatus": "Accepted"}]}, _status("ACCEPTED")),
        ("rotate_password", V201, {"setVariableResult": []}, {"status": {}}),
        ("clear_cache", V16, {"status": "Perhaps"}, {"status": {}}),
        ("clear_cache", V16, {}, {"status": {}}),
        ("unlock", V16, {"status": "UnlockFailed"}, {"unlock": {"status": "UNLOCK_FAILED"}}),
        (
            "unlock",
            V201,
            {"status": "OngoingAuthorizedTransaction"},
            {"unlock": {"status": "ONGOING_TRANSACTION"}},
        ),
        (
            "transfer_data",
            V16,
            {"status": "Accepted", "data": "x"},
            {"data_transfer": {"status": "ACCEPTED", "data": "x"}},
        ),
        (
            "transfer_data",
            V201,
            {"status": "UnknownVendorId", "data": {"a": [1]}},
            {"data_transfer": {"status": "UNKNOWN_VENDOR_ID", "data": '{"a": [1]}'}},
        ),
        (
            "get_configuration",
            V16,
            {
                "configurationKey": [
                    {"key": "HeartbeatInterval", "readonly": False, "value": "60"},
                    {"key": "NumberOfConnectors", "readonly": True},
                ],
                "unknownKey": ["Nonsense"],
            },
            {
                "configuration": {
                    "entries": [
                        {"key": "HeartbeatInterval", "readonly": False, "value": "60"},
                        {"key": "NumberOfConnectors", "readonly": True},
                    ],
                    "unknown_keys": ["Nonsense"],
                }
            },
        ),
        (
            "get_configuration",
            V201,
            {
                "getVariableResult": [
                    {"attributeStatus": "Accepted", "attributeValue": "60", **_SETTING},
                    {"attributeStatus": "UnknownVariable", **_AT_EVSE},
                    {"attributeStatus": "Rejected", **_SETTING},
                ]
            },
            {
                "configuration": {
                    "entries": [{"key": "OCPPCommCtrlr.HeartbeatInterval", "value": "60"}],
                    "unknown_keys": ["EVSE.Power#2.1"],
                    "refused_keys": ["OCPPCommCtrlr.HeartbeatInterval"],
                }
            },
        ),
        (
            "get_transaction_status",
            V201,
            {"ongoingIndicator": False, "messagesInQueue": True},
            {"transaction_status": {"is_ongoing": False, "has_messages_in_queue": True}},
        ),
        ("get_transaction_status", V201, {"messagesInQueue": False}, {"transaction_status": {}}),
    ],
)
def test_an_answer_says_the_same_in_every_version(
    kind: str, version: Version, answer: dict[str, Any], result: dict[str, Any]
) -> None:
    reported = SERVED[version].dialect[kind].result(answer)
    assert json_format.MessageToDict(reported, preserving_proto_field_name=True) == result


@pytest.mark.parametrize("kind", [field.name for field in CommandBody.DESCRIPTOR.fields])
def test_a_kind_has_one_kind_of_result_whatever_is_left_of_the_answer(kind: str) -> None:
    dialects = [served.dialect[kind] for served in SERVED.values() if kind in served.dialect]
    assert len({dialect.result_of({}, {}).WhichOneof("result") for dialect in dialects} - {None}) == 1
