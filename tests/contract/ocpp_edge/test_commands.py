"""Commands and raw requests over gRPC to charge points on real sockets, here and on another node."""

import asyncio
import json
import math
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration

from csms.edge.v1 import edge_service_pb2 as edge_pb
from csms.edge.v1.edge_service_pb2_grpc import EdgeServiceStub
from csms.station.v1.charge_point_pb2 import ChargePoint
from csms.station.v1.device_variable_pb2 import DeviceComponent, DeviceVariable
from csms.transaction.v1.command_pb2 import (
    ChangeConfiguration,
    CommandBody,
    GetBaseReport,
    GetConfiguration,
    GetTransactionStatus,
    RemoteStart,
    Reset,
    RotatePassword,
    TriggerMessage,
)
from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge.commands.nodes import FORWARDED_KEY
from ocpp_edge.facts.structs import payload_of, struct_of
from ocpp_edge.versions import Version
from services.rpc.channels import channel
from services.rpc.service_identity import ServiceIdentity
from tests.contract.ocpp_edge.edge import until
from tests.contract.ocpp_edge.node import Node, Starter
from tests.contract.ocpp_edge.platform import Platform
from tests.fixtures.calls import refusal
from tests.fixtures.tokens import Tokens

START = CommandBody(remote_start=RemoteStart(id_tag="CARD", connector_id=1))
SET_VARIABLE = CommandBody(change_configuration=ChangeConfiguration(key="OCPPCommCtrlr.HeartbeatInterval", value="60"))
GET_VARIABLES = {
    "getVariableData": [{"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}]
}


def command(body: CommandBody, seconds: int = 5, charge_point_id: str = "CP1") -> edge_pb.DeliverCommandRequest:
    return edge_pb.DeliverCommandRequest(
        command_id="c1", charge_point_id=charge_point_id, body=body, timeout=Duration(seconds=seconds)
    )


def raw(action: str, payload: dict[str, Any], seconds: int = 30) -> edge_pb.SendOcppCallRequest:
    return edge_pb.SendOcppCallRequest(
        charge_point_id="CP1", action=action, payload=struct_of(payload), timeout=Duration(seconds=seconds)
    )


@pytest.mark.parametrize(
    ("version", "action"), [(Version.V16, "RemoteStartTransaction"), (Version.V201, "RequestStartTransaction")]
)
async def test_a_command_is_spoken_in_the_version_of_the_charge_point(
    node: Node, version: Version, action: str
) -> None:
    service = await node.service()
    async with node.charger(version=version) as charger:
        delivering = asyncio.ensure_future(service.DeliverCommand(command(START)))
        asked = await charger.answer({"status": "Accepted"}, action)
        answer = await delivering
    assert (answer.accepted, answer.status, payload_of(answer.answer)) == (True, "Accepted", {"status": "Accepted"})
    assert "CARD" in str(asked)


async def test_a_refusal_is_no_error(node: Node) -> None:
    service = await node.service()
    async with node.charger() as charger:
        delivering = asyncio.ensure_future(service.DeliverCommand(command(START)))
        await charger.answer({"status": "Rejected"}, "RemoteStartTransaction")
        answer = await delivering
    assert (answer.accepted, answer.status) == (False, "Rejected")


async def test_what_was_answered_is_told_again_to_whom_it_was_not_stored(node: Node, tokens: Tokens) -> None:
    identity = ServiceIdentity("transaction", tokens.settings("transaction"))
    async with channel(node.address, "edge", identity) as to_edge, node.charger() as charger:
        service = EdgeServiceStub(to_edge)
        asked = edge_pb.RecallCommandRequest(command_id="c1", charge_point_id="CP1")
        assert (await refusal(service.RecallCommand(asked))).reason == "COMMAND_NOT_FOUND"
        # The charge point was not connected here, or not for so long.
        for charge_point_id in ("CP1", "CP2"):
            aged = edge_pb.RecallCommandRequest(command_id="c1", charge_point_id=charge_point_id)
            aged.age.FromSeconds(60)
            assert (await refusal(service.RecallCommand(aged))).reason == "COMMAND_NOT_FOUND"
        for outcome in ("Accepted", "Rejected"):
            delivering = asyncio.ensure_future(service.DeliverCommand(command(START)))
            await charger.answer({"status": outcome}, "RemoteStartTransaction")
            answer = await delivering
            assert (await service.RecallCommand(asked)).delivered == answer
        delivering = asyncio.ensure_future(service.DeliverCommand(command(START)))
        await charger.refuse("InternalError", "no")
        assert (await refusal(delivering)).reason == "OCPP_CALL_ERROR"
        assert (await refusal(service.RecallCommand(asked))).reason == "OCPP_CALL_ERROR"


async def test_what_is_answered_too_late_fills_the_device_model_and_goes_to_its_command(
    node: Node, platform: Platform
) -> None:
    service = await node.service()
    body = CommandBody(get_configuration=GetConfiguration(keys=["HeartbeatInterval"]))
    settings = {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "60"}]}
    async with node.charger() as charger:
        error = await refusal(service.DeliverCommand(command(body, seconds=1)))
        assert error.reason == "CHARGE_POINT_TIMEOUT"
        assert await charger.answer(settings, "GetConfiguration") == {"key": ["HeartbeatInterval"]}
        await until(lambda: platform.late_answers)
        # A raw call is part of no command, and what it tells counts as well.
        late = await refusal(service.SendOcppCall(raw("GetConfiguration", {}, seconds=1)))
        assert late.reason == "CHARGE_POINT_TIMEOUT"
        await charger.answer({"configurationKey": [{"key": "Late", "readonly": True}]}, "GetConfiguration")
        await until(lambda: len(platform.device_events) == 2)
    [reported] = platform.late_answers
    assert (reported.command_id, reported.charge_point_id, reported.accepted, reported.whole) == (
        "c1",
        "CP1",
        True,
        True,
    )
    assert payload_of(reported.answer.call.answer) == settings
    assert (reported.answer.call.action, list(reported.answer.call.keys)) == ("GetConfiguration", ["HeartbeatInterval"])
    [entry] = reported.answer.result.configuration.entries
    assert (entry.key, entry.value, reported.answer.HasField("time")) == ("HeartbeatInterval", "60", True)
    names = [event.variable_report.variables[0].variable.name for event in platform.device_events]
    assert names == ["HeartbeatInterval", "Late"]


async def test_a_station_may_ask_before_it_answers(node: Node) -> None:
    service = await node.service()
    async with node.charger(version=Version.V201) as charger:
        delivering = asyncio.ensure_future(service.DeliverCommand(command(START)))
        request = await charger.receive()
        token = {"idToken": "CARD", "type": "ISO14443"}
        assert (await charger.ask("Authorize", {"idToken": token}))["idTokenInfo"]["status"] == "Accepted"
        await charger.socket.send(f'[3,"{request[1]}",{{"status":"Accepted"}}]')
        assert (await delivering).accepted


async def test_settings_come_back_as_the_charge_point_sent_them(node: Node) -> None:
    service = await node.service()
    body = CommandBody(get_configuration=GetConfiguration(keys=["HeartbeatInterval"]))
    settings = {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "60"}]}
    async with node.charger() as charger:
        delivering = asyncio.ensure_future(service.DeliverCommand(command(body)))
        assert await charger.answer(settings, "GetConfiguration") == {"key": ["HeartbeatInterval"]}
        answer = await delivering
    assert (answer.accepted, answer.status, payload_of(answer.answer)) == (True, "", settings)


@pytest.mark.field_case("E3")
async def test_a_password_goes_as_text_and_as_digits_to_whom_text_is_not_good(node: Node) -> None:
    service = await node.service()
    body = CommandBody(rotate_password=RotatePassword(password="sixteen letters."))
    async with node.charger() as charger:
        for statuses in (["Accepted"], ["RebootRequired"], ["Rejected", "Accepted"], ["NotSupported", "Rejected"]):
            delivering = asyncio.ensure_future(service.DeliverCommand(command(body)))
            sent = [(await charger.answer({"status": one}, "ChangeConfiguration"))["value"] for one in statuses]
            answer = await delivering
            assert sent == ["sixteen letters.", b"sixteen letters.".hex()][: len(statuses)]
            assert (answer.accepted, answer.status) == (statuses[-1] != "Rejected", statuses[-1])


@pytest.mark.field_case("E3")
@pytest.mark.parametrize(
    ("version", "action", "payload"),
    [
        (Version.V16, "ChangeConfiguration", {"key": "AuthorizationKey", "value": "sixteen letters."}),
        (
            Version.V201,
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
    ],
)
async def test_nobody_is_locked_out_by_a_raw_call(
    node: Node, version: Version, action: str, payload: dict[str, Any]
) -> None:
    service = await node.service()
    async with node.charger(version=version) as charger:
        error = await refusal(service.SendOcppCall(raw(action, payload)))
        assert (error.reason, [one.field for one in error.violations]) == ("INVALID_FIELD", ["payload"])
        assert "rotate-password" in error.message
        # Nothing was sent: the next request is another one.
        sending = asyncio.ensure_future(service.SendOcppCall(raw("ClearCache", {})))
        await charger.answer({"status": "Accepted"}, "ClearCache")
        await sending


@pytest.mark.field_case("E3")
async def test_what_a_charge_point_tells_of_its_secrets_is_masked(node: Node, platform: Platform) -> None:
    service = await node.service()
    settings = [
        {"key": "AuthorizationKey", "readonly": False, "value": "sixteen letters."},
        {"key": "LogUrl", "readonly": False, "value": "ftp://me:sixteen letters.@host/logs".replace(" ", "")},
        {"key": "HeartbeatInterval", "readonly": False, "value": "60"},
    ]
    masked = ["***", "ftp://me:***@host/logs", "60"]
    body = CommandBody(get_configuration=GetConfiguration())
    async with node.charger() as charger:
        sending = asyncio.ensure_future(service.SendOcppCall(raw("GetConfiguration", {})))
        await charger.answer({"configurationKey": settings}, "GetConfiguration")
        sent = await sending
        delivering = asyncio.ensure_future(service.DeliverCommand(command(body)))
        await charger.answer({"configurationKey": settings}, "GetConfiguration")
        for reported in (sent.payload, (await delivering).answer):
            assert [one["value"] for one in payload_of(reported)["configurationKey"]] == masked
        assert "letters" not in sent.payload_json
    await until(lambda: len(platform.frames) == 2)
    assert not any("letters" in frame.frame + frame.answer_frame for frame in platform.frames.values())


async def test_a_call_error_is_passed_on(node: Node) -> None:
    service = await node.service()
    async with node.charger() as charger:
        for code, reason in (("InternalError", "OCPP_CALL_ERROR"), ("NotSupported", "NOT_SUPPORTED_BY_CHARGE_POINT")):
            delivering = asyncio.ensure_future(service.DeliverCommand(command(START)))
            await charger.refuse(code, "cannot")
            error = await refusal(delivering)
            assert (error.kind.value, error.reason) == ("FAILED_PRECONDITION", reason)
        sending = asyncio.ensure_future(service.SendOcppCall(raw("ClearCache", {})))
        await charger.refuse("NotSupported", "cannot")
        error = await refusal(sending)
    assert error.reason == "OCPP_CALL_ERROR"
    assert error.metadata == {"ocppErrorCode": "NotSupported", "ocppErrorDescription": "cannot"}


async def test_no_answer_in_time_is_a_timeout_and_the_next_command_waits_its_turn(node: Node) -> None:
    service = await node.service()
    async with node.charger() as charger:
        error = await refusal(service.DeliverCommand(command(START, seconds=1)))
        assert (error.kind.value, error.reason) == ("DEADLINE_EXCEEDED", "CHARGE_POINT_TIMEOUT")
        _, late_id, *_ = await charger.receive()
        delivering = asyncio.ensure_future(service.DeliverCommand(command(CommandBody(reset=Reset()))))
        await charger.socket.send(f'[3,"{late_id}",{{"status":"Accepted"}}]')
        assert await charger.answer({"status": "Accepted"}, "Reset") == {"type": "Soft"}
        assert (await delivering).accepted


async def test_the_callers_deadline_ends_the_wait_before_it_passes(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    # More than usual, for a machine that does much beside this.
    monkeypatch.setattr("ocpp_edge.commands.servicer._ANSWERING_SECONDS", 5.0)
    service = await node.service()
    async with node.charger():
        error = await refusal(service.SendOcppCall(raw("ClearCache", {}, seconds=60), timeout=6.0))
    assert error.reason == "CHARGE_POINT_TIMEOUT"


@pytest.mark.parametrize("payload", [{}, {"status": "Perhaps"}])
async def test_an_answer_that_breaks_its_schema_is_an_error_of_the_charge_point(
    node: Node, payload: dict[str, Any]
) -> None:
    service = await node.service()
    async with node.charger() as charger:
        delivering = asyncio.ensure_future(service.DeliverCommand(command(START)))
        await charger.answer(payload, "RemoteStartTransaction")
        assert (await refusal(delivering)).reason == "OCPP_CALL_ERROR"


async def test_a_lost_connection_ends_its_commands_at_once(node: Node) -> None:
    service = await node.service()
    async with node.charger() as charger:
        delivering = asyncio.ensure_future(service.DeliverCommand(command(START, seconds=60)))
        await charger.receive()
    assert (await refusal(delivering)).reason == "CHARGE_POINT_TIMEOUT"


async def test_any_request_can_be_sent_and_whole_numbers_are_whole(node: Node) -> None:
    service = await node.service()
    async with node.charger() as charger:
        sending = asyncio.ensure_future(service.SendOcppCall(raw("UnlockConnector", {"connectorId": 1})))
        assert await charger.answer({"status": "Unlocked"}, "UnlockConnector") == {"connectorId": 1}
        assert payload_of((await sending).payload) == {"status": "Unlocked"}


@pytest.mark.field_case("A6")
@pytest.mark.parametrize("is_raw", [True, False], ids=["raw", "a command"])
@pytest.mark.parametrize(
    ("answer", "kinds"),
    [
        ({"messagesInQueue": False, "ongoingIndicator": False}, [TransactionEvent.LOST]),
        ({"messagesInQueue": True, "ongoingIndicator": False}, [TransactionEvent.LOST]),
        ({"messagesInQueue": False, "ongoingIndicator": True}, [TransactionEvent.UPDATED]),
        ({"messagesInQueue": False}, []),
    ],
)
async def test_what_a_station_says_of_a_session_is_recorded_whoever_asked(
    node: Node, platform: Platform, answer: dict[str, Any], kinds: list[Any], is_raw: bool
) -> None:
    service = await node.service()
    async with node.charger(version=Version.V201) as charger:
        if is_raw:
            asking: Any = service.SendOcppCall(raw("GetTransactionStatus", {"transactionId": "T-1"}))
        else:
            body = CommandBody(get_transaction_status=GetTransactionStatus(ocpp_transaction_id="T-1"))
            asking = service.DeliverCommand(command(body))
        asking = asyncio.ensure_future(asking)
        assert await charger.answer(answer, "GetTransactionStatus") == {"transactionId": "T-1"}
        await asking
    assert [event.kind for event in platform.events] == kinds
    assert all((event.charge_point_id, event.ocpp_transaction_id) == ("CP1", "T-1") for event in platform.events)


@pytest.mark.field_case("A6")
async def test_an_answer_reaches_its_caller_although_it_cannot_be_recorded(node: Node, platform: Platform) -> None:
    platform.down.add("RecordTransactionEvents")
    service = await node.service()
    async with node.charger(version=Version.V201) as charger:
        asking = asyncio.ensure_future(service.SendOcppCall(raw("GetTransactionStatus", {"transactionId": "T-1"})))
        answer = {"messagesInQueue": False, "ongoingIndicator": False}
        await charger.answer(answer, "GetTransactionStatus")
        assert payload_of((await asking).payload) == answer


@pytest.mark.parametrize("is_raw", [False, True])
async def test_what_a_station_answers_of_its_variables_is_recorded_whoever_asked(
    node: Node, platform: Platform, is_raw: bool
) -> None:
    service = await node.service()
    result = {**GET_VARIABLES["getVariableData"][0], "attributeStatus": "Accepted", "attributeValue": "60"}
    async with node.charger(version=Version.V201) as charger:
        if is_raw:
            asking: Any = service.SendOcppCall(raw("GetVariables", GET_VARIABLES))
        else:
            body = CommandBody(get_configuration=GetConfiguration(keys=["OCPPCommCtrlr.HeartbeatInterval"]))
            asking = service.DeliverCommand(command(body))
        asking = asyncio.ensure_future(asking)
        await charger.answer({"getVariableResult": [result]}, "GetVariables")
        await asking
    [event] = platform.device_events
    [variable] = event.variable_report.variables
    assert (event.kind, event.action, event.charge_point_id) == ("variables", "GetVariables", "CP1")
    assert (variable.component.name, variable.variable.name, variable.value) == (
        "OCPPCommCtrlr",
        "HeartbeatInterval",
        "60",
    )


@pytest.mark.parametrize("is_cut", [False, True])
async def test_more_variables_than_a_station_takes_are_asked_for_in_several_calls(
    node: Node, platform: Platform, is_cut: bool
) -> None:
    limit = DeviceVariable(component=DeviceComponent(name="DeviceDataCtrlr"), value="4")
    limit.variable.name, limit.variable.instance = "ItemsPerMessage", "GetVariables"
    platform.variables["CP1"] = [limit]
    service, keys = await node.service(), [f"OCPPCommCtrlr.Setting{number}" for number in range(9)]
    body = CommandBody(get_configuration=GetConfiguration(keys=keys))
    async with node.charger(version=Version.V201) as charger:
        delivering = asyncio.ensure_future(service.DeliverCommand(command(body)))
        for size in (4, 4) if is_cut else (4, 4, 1):
            _, message_id, action, payload = await charger.receive()
            assert (action, len(payload["getVariableData"])) == ("GetVariables", size)
            reported = [
                {**one, "attributeStatus": "Accepted", "attributeValue": "1"} for one in payload["getVariableData"]
            ]
            if is_cut and platform.device_events:
                break
            await charger.socket.send(json.dumps([3, message_id, {"getVariableResult": reported}]))
    answer = await delivering
    settings = answer.result.configuration
    assert [one.key for one in settings.entries] == (keys[:4] if is_cut else keys)
    assert list(settings.unanswered_keys) == (keys[4:] if is_cut else [])
    assert ("connection was lost" in answer.error) is is_cut
    assert answer.accepted is not is_cut


async def test_a_report_is_asked_for_by_a_number_that_its_command_is_known_by(node: Node, platform: Platform) -> None:
    service = await node.service()
    async with node.charger(version=Version.V201) as charger:
        asking = asyncio.ensure_future(service.DeliverCommand(command(CommandBody(get_base_report=GetBaseReport()))))
        asked = await charger.answer({"status": "Accepted"}, "GetBaseReport")
        assert (await asking).accepted
        part = {"requestId": asked["requestId"], "generatedAt": "2026-03-01T12:00:00Z", "seqNo": 0}
        assert await charger.ask("NotifyReport", part) == {}
    promised, came = platform.device_events
    assert (promised.report_request.command_id, promised.report_request.request_id) == ("c1", asked["requestId"])
    assert came.variable_report.part.request_id == asked["requestId"]


async def test_an_answer_of_variables_reaches_its_caller_although_it_cannot_be_recorded(
    node: Node, platform: Platform
) -> None:
    platform.down.add("RecordDeviceEvents")
    service = await node.service()
    settings = {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "60"}]}
    async with node.charger() as charger:
        asking = asyncio.ensure_future(service.SendOcppCall(raw("GetConfiguration", {})))
        await charger.answer(settings, "GetConfiguration")
        assert payload_of((await asking).payload) == settings


@pytest.mark.field_case("C5")
async def test_a_payload_of_text_is_sent_character_by_character_and_so_is_what_is_answered(node: Node) -> None:
    service = await node.service()
    payload = '{"vendorId":"V", "data":{"n":9007199254740993,"m":1e20,"k":1.0,"j":0.1}}'
    request = edge_pb.SendOcppCallRequest(charge_point_id="CP1", action="DataTransfer", payload_json=payload)
    async with node.charger(version=Version.V201) as charger:
        sending = asyncio.ensure_future(service.SendOcppCall(request))
        frame = await charger.socket.recv(decode=True)
        message_id = json.loads(frame)[1]
        assert frame == f'[2,"{message_id}","DataTransfer",{payload}]'
        await charger.socket.send(f'[3,"{message_id}",{{"status":"Accepted","data":9007199254740993}}]')
        assert json.loads((await sending).payload_json) == {"status": "Accepted", "data": 9007199254740993}


@pytest.mark.field_case("C5")
async def test_numbers_that_a_struct_holds_are_sent_and_those_that_none_are_refused(node: Node) -> None:
    service = await node.service()
    async with node.charger(version=Version.V201) as charger:
        numbers = {"n": 1e20, "m": 2.0**60, "k": 3.0}
        request = raw("DataTransfer", {"vendorId": "V", "data": numbers})
        sending = asyncio.ensure_future(service.SendOcppCall(request))
        sent = await charger.answer({"status": "Accepted"}, "DataTransfer")
        assert sent["data"] == numbers
        assert (await sending).payload["status"] == "Accepted"
        for number in (math.nan, math.inf):
            request = raw("DataTransfer", {"vendorId": "V", "data": {"a": [number]}})
            error = await refusal(service.SendOcppCall(request))
            assert [violation.field for violation in error.violations] == ["payload.data.a[0]"]
        both = raw("DataTransfer", {"vendorId": "V"})
        both.payload_json = "{}"
        assert (await refusal(service.SendOcppCall(both))).reason == "INVALID_FIELD"


@pytest.mark.parametrize(
    ("request_", "reason", "field"),
    [
        (raw("UnlockConnector", {}), "OCPP_SCHEMA_VIOLATION", "payload.connectorId"),
        (raw("UnlockConnector", {"connectorId": 1.5}), "OCPP_SCHEMA_VIOLATION", "payload.connectorId"),
        (raw("GetVariables", {}), "NOT_SUPPORTED_BY_CHARGE_POINT", None),
        (raw("ClearCache", {}, seconds=121), "INVALID_FIELD", "timeout"),
        (edge_pb.SendOcppCallRequest(charge_point_id="CP1"), "MISSING_FIELD", "action"),
    ],
    ids=["missing", "fraction", "other version", "too long", "no action"],
)
async def test_what_cannot_be_sent_is_refused(
    node: Node, request_: edge_pb.SendOcppCallRequest, reason: str, field: str | None
) -> None:
    service = await node.service()
    async with node.charger():
        error = await refusal(service.SendOcppCall(request_))
    assert error.reason == reason
    assert [violation.field for violation in error.violations] == ([field] if field else [])


@pytest.mark.field_case("C13")
async def test_a_value_that_an_enum_lacks_is_refused_with_all_it_has(node: Node) -> None:
    service = await node.service()
    async with node.charger(version=Version.V16):
        error = await refusal(service.SendOcppCall(raw("TriggerMessage", {"requestedMessage": "Status"})))
        [violation] = error.violations
        assert (violation.field, violation.description) == (
            "payload.requestedMessage",
            "must be one of BootNotification, DiagnosticsStatusNotification, FirmwareStatusNotification, Heartbeat,"
            " MeterValues, StatusNotification",
        )


async def test_a_command_that_the_version_lacks_is_refused(node: Node) -> None:
    service = await node.service()
    async with node.charger(version=Version.V16):
        error = await refusal(service.DeliverCommand(command(CommandBody(reset=Reset(evse_id=1)))))
        assert error.reason == "NOT_SUPPORTED_BY_CHARGE_POINT"
        assert "detail" in error.metadata
        assert (await refusal(service.DeliverCommand(command(CommandBody())))).reason == "INVALID_FIELD"


async def test_a_charge_point_that_is_nowhere_cannot_be_reached(node: Node) -> None:
    service = await node.service()
    for call in (service.DeliverCommand(command(START)), service.SendOcppCall(raw("ClearCache", {}))):
        assert (await refusal(call)).reason == "CONNECTION_NOT_FOUND"
    gone = service.DisconnectChargePoint(edge_pb.DisconnectChargePointRequest(charge_point_id="CP1"))
    assert (await refusal(gone)).reason == "CONNECTION_NOT_FOUND"


async def test_what_was_triggered_is_welcome_from_a_pending_station(node: Node, platform: Platform) -> None:
    platform.states["CP1"] = ChargePoint.PENDING
    service = await node.service()
    async with node.charger(version=Version.V201) as charger:
        assert (await charger.exchange("Heartbeat", {}))[2] == "SecurityError"
        body = CommandBody(trigger_message=TriggerMessage(message="Heartbeat"))
        delivering = asyncio.ensure_future(service.DeliverCommand(command(body)))
        await charger.answer({"status": "Accepted"}, "TriggerMessage")
        assert (await delivering).accepted
        assert await charger.ask("Heartbeat", {})
        report = {"requestId": 1, "generatedAt": "2026-03-01T12:00:00Z", "seqNo": 0}
        assert (await charger.exchange("NotifyReport", report))[2] == "SecurityError"
        base = {"requestId": 1, "reportBase": "FullInventory"}
        sending = asyncio.ensure_future(service.SendOcppCall(raw("GetBaseReport", base)))
        await charger.answer({"status": "Accepted"}, "GetBaseReport")
        await sending
        assert await charger.ask("NotifyReport", report) == {}


async def test_any_node_can_be_asked(start_node: Starter, platform: Platform) -> None:
    here, there = await start_node(), await start_node()
    service = await here.service()
    async with there.charger() as charger:
        assert platform.connections["CP1"].node_address == there.address
        delivering = asyncio.ensure_future(service.DeliverCommand(command(START)))
        await charger.answer({"status": "Accepted"}, "RemoteStartTransaction")
        assert (await delivering).accepted
        sending = asyncio.ensure_future(service.SendOcppCall(raw("ClearCache", {})))
        await charger.refuse("GenericError", "no")
        error = await refusal(sending)
        assert (error.reason, error.metadata["ocppErrorCode"]) == ("OCPP_CALL_ERROR", "GenericError")
        assert (await refusal(service.DeliverCommand(command(START, seconds=1)))).reason == "CHARGE_POINT_TIMEOUT"
        await service.DisconnectChargePoint(edge_pb.DisconnectChargePointRequest(charge_point_id="CP1"))
        await charger.socket.wait_closed()
        assert charger.socket.close_code == 1001


async def test_a_request_is_passed_on_once(start_node: Starter, platform: Platform) -> None:
    here, there = await start_node(), await start_node()
    async with there.charger():
        service = await here.service()
        passed_on = service.DeliverCommand(command(START), metadata=((FORWARDED_KEY, "a third node"),))
        assert (await refusal(passed_on)).reason == "CONNECTION_NOT_FOUND"
    await until(lambda: platform.closed)


async def test_connections_of_all_nodes_are_listed(start_node: Starter, tokens: Tokens) -> None:
    here, there = await start_node(), await start_node()
    viewer = (("authorization", f"Bearer {tokens.user('viewer')}"),)
    async with here.charger("CP1"), there.charger("CP2"), grpc.aio.insecure_channel(here.address) as channel:
        service = EdgeServiceStub(channel)
        page = await service.ListConnections(edge_pb.ListConnectionsRequest(page_size=1), metadata=viewer)
        assert [connection.charge_point_id for connection in page.connections] == ["CP1"]
        assert (page.next_page_token, page.total_size) == ("more", 2)
        found = await service.GetConnection(edge_pb.GetConnectionRequest(charge_point_id="CP2"), metadata=viewer)
        assert found.connection.node.startswith(f"{there.address}/")
        assert (found.connection.node_address, found.connection.protocol) == (there.address, "ocpp1.6")


async def test_who_may_only_look_may_not_send(node: Node, tokens: Tokens) -> None:
    async with grpc.aio.insecure_channel(node.address) as channel:
        service = EdgeServiceStub(channel)
        viewer = (("authorization", f"Bearer {tokens.user('viewer')}"),)
        await service.ListConnections(edge_pb.ListConnectionsRequest(), metadata=viewer)
        refused = await refusal(service.SendOcppCall(raw("ClearCache", {}), metadata=viewer))
        assert refused.reason == "PERMISSION_DENIED"
        operator = (("authorization", f"Bearer {tokens.user('operator')}"),)
        assert (await refusal(service.DeliverCommand(command(START), metadata=operator))).reason == "PERMISSION_DENIED"


@pytest.mark.field_case("B3")
async def test_a_setting_that_cannot_be_read_costs_no_other_and_is_named(node: Node) -> None:
    service = await node.service()
    entries: list[Any] = [{"key": f"K{number}", "readonly": False, "value": "1"} for number in range(400)]
    entries[7] = {"key": "K7", "readonly": False, "value": True}
    entries[9] = {"value": "1"}
    settings = {"configurationKey": entries}
    body = CommandBody(get_configuration=GetConfiguration())
    flags = ["dropped:configurationKey", "coerced:configurationKey.value"]
    async with node.charger() as charger:
        delivering = asyncio.ensure_future(service.DeliverCommand(command(body)))
        await charger.answer(settings, "GetConfiguration")
        answer = await delivering
        assert (answer.accepted, payload_of(answer.answer), list(answer.flags)) == (True, settings, flags)
        sending = asyncio.ensure_future(service.SendOcppCall(raw("GetConfiguration", {})))
        await charger.answer(settings, "GetConfiguration")
        sent = await sending
    assert (payload_of(sent.payload), list(sent.flags)) == (settings, flags)
    assert payload_of(sent.dropped) == {"configurationKey[9]": {"value": "1"}}


@pytest.mark.field_case("B3")
async def test_what_a_charge_point_answers_badly_is_its_fault_for_every_caller(node: Node) -> None:
    service = await node.service()
    async with node.charger(version=Version.V201) as charger:
        calls: list[tuple[Any, Any, str, Any]] = [
            (service.DeliverCommand, command(START), "RequestStartTransaction", {"status": ["Accepted"]}),
            (service.SendOcppCall, raw("GetVariables", GET_VARIABLES), "GetVariables", {"getVariableResult": None}),
            (service.DeliverCommand, command(SET_VARIABLE), "SetVariables", {"setVariableResult": [{"x": 1}]}),
            (service.SendOcppCall, raw("ClearCache", {}), "ClearCache", {}),
        ]
        for method, request, action, answer in calls:
            call = method(request)
            failing = asyncio.ensure_future(refusal(call))
            await charger.answer(answer, action)
            error = await failing
            assert (error.kind.value, error.reason) == ("FAILED_PRECONDITION", "OCPP_CALL_ERROR"), action
            # What REST callers see: never that they were wrong.
            assert isinstance(error.__cause__, grpc.aio.AioRpcError)
            assert dict(error.__cause__.initial_metadata())["x-http-code"] == "502"
