"""Commands: delivered to the edge node that holds the socket, queued while offline, and what becomes of them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration
from sqlalchemy import text

from csms.edge.v1 import edge_service_pb2 as edge_pb
from csms.event.v1.domain_event_pb2 import DomainEvent
from csms.station.v1 import connector_pb2 as connector_pb
from csms.station.v1.device_variable_pb2 import DeviceComponent, DeviceVariableName
from csms.transaction.v1 import command_pb2 as command_pb
from csms.transaction.v1 import command_service_pb2 as service_pb
from csms.transaction.v1 import command_service_pb2_grpc as service_grpc
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1.command_result_pb2 import StatusResult
from csms.transaction.v1.component_variable_pb2 import ComponentVariable
from csms.transaction.v1.recording_service_pb2_grpc import RecordingServiceStub
from services.kernel.clock import SystemClock
from services.kernel.errors import DomainError, ErrorKind, failed_precondition, invalid, not_found
from services.kernel.ids import new_id, request_number
from services.messaging.outbox import OutboxRelay
from services.process import tracing
from services.rpc.channels import channel
from services.rpc.protobuf import timestamp
from services.rpc.service_identity import ServiceIdentity
from services.rpc.status import from_rpc_error
from services.transaction.application.delivery import Delivery
from services.transaction.clients import GrpcChargePoints, GrpcEdge
from services.transaction.sql.unit_of_work import SqlUnitsOfWork
from tests.contract.services.transaction.conftest import recorder
from tests.contract.services.transaction.platform import Edge, Platform, accepted, rejected, running_edge
from tests.contract.services.transaction.reports import STARTED, event_201, start_16, stop_16
from tests.fixtures.background import eventually
from tests.fixtures.calls import refusal
from tests.fixtures.otlp import Receiver
from tests.fixtures.services import RunningService
from tests.fixtures.tokens import Tokens

State = command_pb.Command.State
Priority = command_pb.Command.Priority
INOPERATIVE = connector_pb.Connector.INOPERATIVE
QUEUE = service_pb.CommandOptions(queue_while_offline=True)


def _refusing(error: Exception) -> Any:
    def answer(request: edge_pb.DeliverCommandRequest) -> edge_pb.DeliverCommandResponse:
        raise error

    return answer


def _asked(command: dict[str, Any], charge_point_id: str = "CP1", **options: Any) -> service_pb.CreateCommandRequest:
    fields: dict[str, Any] = {"command": command, "options": options}
    return service_pb.CreateCommandRequest(charge_point_id=charge_point_id, **fields)


async def _failure(call: Any) -> DomainError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return from_rpc_error(caught.value)


async def test_a_command_is_delivered_and_its_answer_recorded(platform: Platform) -> None:
    request = service_pb.RemoteStartRequest(charge_point_id="CP1", id_tag="TAG", connector_id=2)
    command = (await platform.commands.RemoteStart(request)).command
    assert (command.state, command.status, dict(command.answer)) == (State.ACCEPTED, "Accepted", {"status": "Accepted"})
    assert (command.kind, command.requested_by, command.charge_point_id) == ("remote_start", "ann", "CP1")
    assert command.body.remote_start == command_pb.RemoteStart(id_tag="TAG", connector_id=2)
    [delivered] = platform.edge.delivered
    assert (delivered.command_id, delivered.charge_point_id) == (command.id, "CP1")
    assert delivered.body == command.body
    assert 0 < delivered.timeout.ToTimedelta().total_seconds() <= 30
    assert await platform.get(command.id) == command


_EVERY_COMMAND: list[tuple[str, dict[str, Any], str]] = [
    ("RemoteStop", {"ocpp_transaction_id": "7"}, "remote_stop"),
    ("ResetChargePoint", {"type": command_pb.Reset.HARD, "evse_id": 1}, "reset"),
    ("UnlockConnector", {"connector_id": 1, "evse_id": 2}, "unlock"),
    (
        "ChangeAvailability",
        {"availability": INOPERATIVE, "connector_id": 1},
        "change_availability",
    ),
    ("GetConfiguration", {"keys": ["HeartbeatInterval"]}, "get_configuration"),
    ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"}, "change_configuration"),
    ("GetBaseReport", {"base": command_pb.GetBaseReport.SUMMARY_INVENTORY}, "get_base_report"),
    (
        "GetReport",
        {
            "component_criteria": [command_pb.GetReport.PROBLEM],
            "component_variables": [
                ComponentVariable(
                    component=DeviceComponent(name="EVSE", evse_id=1), variable=DeviceVariableName(name="Power")
                )
            ],
        },
        "get_report",
    ),
    ("TriggerMessage", {"message": "StatusNotification", "connector_id": 1}, "trigger_message"),
    ("ClearCache", {}, "clear_cache"),
    ("GetTransactionStatus", {"ocpp_transaction_id": "T-1"}, "get_transaction_status"),
    ("GetTransactionStatus", {}, "get_transaction_status"),
    ("SendDataTransfer", {"vendor_id": "V", "message_id": "M", "data": "D"}, "transfer_data"),
]


async def test_every_command_reaches_the_edge_as_it_was_asked(platform: Platform) -> None:
    for rpc, fields, kind in _EVERY_COMMAND:
        request = getattr(service_pb, f"{rpc}Request")(charge_point_id="CP1", **fields)
        command = (await getattr(platform.commands, rpc)(request)).command
        delivered = platform.edge.delivered[-1]
        assert (command.kind, delivered.body.WhichOneof("body")) == (kind, kind)
        body = getattr(delivered.body, kind)
        assert {name: getattr(body, name) for name in fields} == fields


async def test_every_command_can_be_asked_for_by_the_general_call(platform: Platform) -> None:
    """It is the same command as by the call of its own."""
    for rpc, fields, kind in _EVERY_COMMAND:
        asked = (await platform.commands.CreateCommand(_asked({kind: fields}))).command
        typed = getattr(service_pb, f"{rpc}Request")(charge_point_id="CP1", **fields)
        alias = (await getattr(platform.commands, rpc)(typed)).command
        assert (asked.kind, asked.body, asked.state) == (alias.kind, alias.body, State.ACCEPTED)
        assert platform.edge.delivered[-2].body == platform.edge.delivered[-1].body
    calls = service_pb.DESCRIPTOR.services_by_name["CommandService"].methods_by_name
    of_their_own = {name for name, call in calls.items() if "options" in call.input_type.fields_by_name}
    others = {"CreateCommand", "RemoteStart", "RotatePassword"}
    assert {rpc for rpc, _, _ in _EVERY_COMMAND} == of_their_own - others


_AT_ONCE = {"expire_after": Duration(nanos=1)}
_BADLY_ASKED: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    ({}, {}, ["command"]),
    ({"clear_cache": {}}, {"request_id": "x" * 101}, ["options.requestId"]),
    ({"unlock": {}}, {}, ["command.unlock.connectorId"]),
    ({"remote_start": {"connector_id": 1}}, {}, ["command.remoteStart.idTag"]),
    (
        {"get_report": {}},
        {"expire_after": Duration(nanos=1)},
        ["options.expireAfter", "command.getReport.componentVariables"],
    ),
    ({"rotate_password": {"password": "short"}}, {}, ["command.rotatePassword.password"]),
    ({"set_variable_monitoring": {}}, {}, ["command.setVariableMonitoring.monitors"]),
    (
        {
            "set_variable_monitoring": {
                "monitors": [
                    {"component": {"name": "A"}, "variable": {"name": "B"}, "type": 1, "severity": 0},
                    {"component": {"name": "A"}, "variable": {"name": "BasicAuthPassword"}, "type": 1, "severity": 5},
                    {"component": {"name": "x" * 51}, "variable": {"instance": "i"}, "type": 3, "severity": 5},
                    {"component": {"name": "A"}, "variable": {"name": "B"}, "type": 3, "value": -1, "severity": 5},
                    {"component": {"name": "A"}, "variable": {"name": "B"}, "type": 4, "severity": 5},
                ]
            }
        },
        {},
        [
            "command.setVariableMonitoring.monitors[1].variable.name",
            "command.setVariableMonitoring.monitors[2].component.name",
            "command.setVariableMonitoring.monitors[2].variable.name",
            "command.setVariableMonitoring.monitors[3].value",
            "command.setVariableMonitoring.monitors[4].value",
        ],
    ),
    ({"clear_variable_monitoring": {"monitor_ids": [1, 2, 1]}}, {}, ["command.clearVariableMonitoring.monitorIds"]),
    ({"set_monitoring_base": {}}, {}, ["command.setMonitoringBase.base"]),
    ({"set_monitoring_level": {"severity": 10}}, {}, ["command.setMonitoringLevel.severity"]),
    ({"set_monitoring_level": {}}, {}, ["command.setMonitoringLevel.severity"]),
    (
        {"get_monitoring_report": {"component_variables": [{"component": {"instance": "i"}}]}},
        {},
        ["command.getMonitoringReport.componentVariables[0].component.name"],
    ),
    ({"clear_cache": {}}, {"priority": 99}, ["options.priority"]),
]


@pytest.mark.parametrize(("command", "options", "named"), _BADLY_ASKED)
async def test_the_general_call_names_what_is_wrong_below_the_kind(
    platform: Platform, command: dict[str, Any], options: dict[str, Any], named: list[str]
) -> None:
    failure = await _failure(platform.commands.CreateCommand(_asked(command, **options)))
    assert failure.kind is ErrorKind.INVALID_ARGUMENT
    assert [violation.field for violation in failure.violations] == named
    assert all(name in failure.message for name in named)
    assert platform.edge.delivered == []


async def test_what_the_edge_finds_too_long_is_named_below_the_kind_and_recorded(platform: Platform) -> None:
    too_long = "needs a message of 400 bytes; the charge point takes 300 (BytesPerMessage)"
    platform.edge.answer = _refusing(invalid("settings[1].value", too_long))
    settings = [{"key": "A.B", "value": "1"}, {"key": "A.C", "value": "x" * 200}]
    failure = await _failure(platform.commands.CreateCommand(_asked({"change_settings": {"settings": settings}})))
    [violation] = failure.violations
    assert (failure.reason, violation.field) == ("INVALID_FIELD", "command.changeSettings.settings[1].value")
    assert violation.description == too_long
    listed = await platform.commands.ListCommands(service_pb.ListCommandsRequest(charge_point_id="CP1"))
    assert (listed.commands[0].state, too_long in listed.commands[0].error) == (State.FAILED, True)


async def test_the_idempotency_key_says_the_same_as_the_request_id(platform: Platform) -> None:
    async def ask(key: str, command: str = "clear_cache", **options: Any) -> command_pb.Command:
        metadata = (("idempotency-key", key),)
        asked = await platform.commands.CreateCommand(_asked({command: {}}, **options), metadata=metadata)
        return asked.command

    first = await ask("k-1")
    assert (await ask('"k-1"')).id == first.id
    assert (await ask("k-1", request_id="k-1")).id == first.id
    in_field = await platform.commands.CreateCommand(_asked({"clear_cache": {}}, request_id="k-1"))
    assert in_field.command.id == first.id
    assert len(platform.edge.delivered) == 1
    assert (await _failure(ask("k-1", "reset"))).reason == "REQUEST_ID_REUSED"
    for bad, field in (("k-2", "k-1"), ("", ""), ("x" * 101, "")):
        refused = await _failure(ask(bad, request_id=field))
        assert [violation.field for violation in refused.violations] == ["Idempotency-Key"]


@pytest.mark.field_case("B3")
async def test_what_is_wrong_with_an_answer_stands_beside_it(platform: Platform) -> None:
    def badly_worded(request: edge_pb.DeliverCommandRequest) -> edge_pb.DeliverCommandResponse:
        response = accepted(request)
        response.flags.append("dropped:configurationKey.value")
        return response

    platform.edge.answer = badly_worded
    command = await platform.clear_cache()
    assert (command.state, list(command.answer_flags)) == (State.ACCEPTED, ["dropped:configurationKey.value"])
    assert await platform.get(command.id) == command


async def test_the_result_in_common_words_stands_beside_the_answer(platform: Platform) -> None:
    queued = await platform.clear_cache("CP2", queue_while_offline=True)
    assert not queued.HasField("result")

    def telling(request: edge_pb.DeliverCommandRequest) -> edge_pb.DeliverCommandResponse:
        response = accepted(request)
        response.result.configuration.entries.add(key="WifiPassword", value="topsecret-7")
        response.result.configuration.entries.add(key="HeartbeatInterval", value="60", readonly=False)
        return response

    platform.edge.answer = telling
    asked = await platform.commands.CreateCommand(_asked({"get_configuration": {"keys": ["HeartbeatInterval"]}}))
    masked, reported = asked.command.result.configuration.entries
    assert (masked.value, reported.value, reported.HasField("readonly")) == ("***", "60", True)
    assert await platform.get(asked.command.id) == asked.command
    # An edge node of the release before does not say it.
    platform.edge.answer = accepted
    assert not (await platform.clear_cache()).HasField("result")


async def test_what_was_answered_before_one_of_several_calls_failed_is_in_the_record(platform: Platform) -> None:
    def half(request: edge_pb.DeliverCommandRequest) -> edge_pb.DeliverCommandResponse:
        response = edge_pb.DeliverCommandResponse(error="CHARGE_POINT_TIMEOUT: topsecret-7 was not answered")
        response.calls.add(action="ChangeConfiguration", keys=["WifiPassword"]).answer["status"] = "topsecret-7"
        response.calls.add(action="ChangeConfiguration", keys=["B"], error=response.error)
        response.result.settings.entries.add(key="WifiPassword").status.status = StatusResult.ACCEPTED
        response.result.settings.unanswered_keys.append("B")
        return response

    platform.edge.answer = half
    settings = [{"key": "WifiPassword", "value": "topsecret-7"}, {"key": "B", "value": "1"}]
    command = (await platform.commands.CreateCommand(_asked({"change_settings": {"settings": settings}}))).command
    assert (command.state, command.error) == (State.FAILED, "CHARGE_POINT_TIMEOUT: *** was not answered")
    assert [(list(call.keys), dict(call.answer), call.error) for call in command.calls] == [
        (["WifiPassword"], {"status": "***"}, ""),
        (["B"], {}, command.error),
    ]
    assert command.result.settings.unanswered_keys == ["B"]
    assert [one.value for one in command.body.change_settings.settings] == ["***", "1"]
    assert await platform.get(command.id) == command
    [delivered] = platform.edge.delivered
    assert [one.value for one in delivered.body.change_settings.settings] == ["topsecret-7", "1"]


@pytest.mark.field_case("B5")
@pytest.mark.parametrize("number", ["-2063592449", "0", "x" * 200])
async def test_a_transaction_is_stopped_whatever_its_charge_point_calls_it(platform: Platform, number: str) -> None:
    request = service_pb.RemoteStopRequest(charge_point_id="CP1", ocpp_transaction_id=number)
    assert (await platform.commands.RemoteStop(request)).command.state == State.ACCEPTED
    assert platform.edge.delivered[-1].body.remote_stop.ocpp_transaction_id == number


async def test_a_refusal_is_no_error(platform: Platform) -> None:
    platform.edge.answer = rejected
    command = await platform.clear_cache()
    assert (command.state, command.status) == (State.REJECTED, "Rejected")


async def test_a_failure_is_told_and_recorded(platform: Platform) -> None:
    for error in (
        failed_precondition("NOT_SUPPORTED_BY_CHARGE_POINT", "ocpp1.6 has no such thing", detail="ocpp1.6"),
        failed_precondition("OCPP_CALL_ERROR", "InternalError", ocppErrorCode="InternalError"),
        DomainError(ErrorKind.DEADLINE_EXCEEDED, "CHARGE_POINT_TIMEOUT", "CP1 did not answer"),
    ):
        platform.edge.answer = _refusing(error)
        request = service_pb.ClearCacheRequest(charge_point_id="CP1", options=QUEUE)
        failure = await _failure(platform.commands.ClearCache(request))
        assert (failure.reason, failure.metadata) == (error.reason, error.metadata)
        listed = await platform.commands.ListCommands(service_pb.ListCommandsRequest(charge_point_id="CP1"))
        command = listed.commands[0]
        assert (command.state, command.error) == (State.FAILED, f"{error.reason}: {error.message}")


async def test_an_offline_and_an_unknown_charge_point_are_told_apart(platform: Platform) -> None:
    for charge_point_id, reason in (("CP2", "CHARGE_POINT_OFFLINE"), ("CP9", "CHARGE_POINT_NOT_FOUND")):
        request = service_pb.ClearCacheRequest(charge_point_id=charge_point_id)
        assert (await _failure(platform.commands.ClearCache(request))).reason == reason
    request = service_pb.ClearCacheRequest(charge_point_id="CP9", options=QUEUE)
    assert (await _failure(platform.commands.ClearCache(request))).reason == "CHARGE_POINT_NOT_FOUND"
    listed = await platform.commands.ListCommands(service_pb.ListCommandsRequest(charge_point_id="CP2"))
    assert listed.total_size == 0


async def test_a_repeated_request_returns_the_first_record(platform: Platform) -> None:
    first = await platform.clear_cache(request_id="r-1")
    again = await platform.clear_cache(request_id="r-1")
    other = await platform.clear_cache(request_id="r-2")
    assert (again.id, again.state) == (first.id, State.ACCEPTED)
    assert other.id != first.id
    assert len(platform.edge.delivered) == 2


async def test_a_request_that_failed_for_being_offline_may_be_repeated(platform: Platform) -> None:
    options = service_pb.CommandOptions(request_id="r-1")
    request = service_pb.ClearCacheRequest(charge_point_id="CP2", options=options)
    assert (await _failure(platform.commands.ClearCache(request))).reason == "CHARGE_POINT_OFFLINE"
    await platform.stations.connect("CP2", platform.edge)
    assert (await platform.commands.ClearCache(request)).command.state == State.ACCEPTED


async def test_a_queued_command_is_delivered_when_the_charge_point_comes_online(platform: Platform) -> None:
    command = await platform.clear_cache("CP2", queue_while_offline=True)
    assert command.state == State.QUEUED
    await platform.stations.connect("CP2", platform.edge)
    await platform.becomes(command.id, State.ACCEPTED)
    assert [delivered.command_id for delivered in platform.edge.delivered] == [command.id]


async def test_a_queued_command_is_delivered_in_the_trace_that_it_was_asked_for_in(
    platform: Platform, receiver: Receiver
) -> None:
    async with tracing.traced("transaction", receiver.endpoint):
        queued = await platform.clear_cache("CP2", queue_while_offline=True)
        at_once = await platform.clear_cache("CP1")
        await platform.stations.connect("CP2", platform.edge)
        await platform.becomes(queued.id, State.ACCEPTED)
    calls = receiver.spans("csms.transaction.v1.CommandService/ClearCache")
    assert len({call.trace_id for call in calls}) == 2
    deliveries = {span.attributes["csms.command_id"]: span for span in receiver.spans("deliver command")}
    assert [deliveries[command.id].parent_id for command in (queued, at_once)] == [call.span_id for call in calls]
    assert [deliveries[command.id].trace_id for command in (queued, at_once)] == [call.trace_id for call in calls]
    assert deliveries[queued.id].attributes["csms.command_state"] == "ACCEPTED"


async def test_queued_commands_are_delivered_in_order_at_the_boot(platform: Platform) -> None:
    queued = [await platform.clear_cache("CP2", queue_while_offline=True) for _ in range(3)]
    epoch = await platform.stations.connect("CP2", platform.edge)
    await platform.stations.boot("CP2", epoch)
    for command in queued:
        await platform.becomes(command.id, State.ACCEPTED)
    assert [delivered.command_id for delivered in platform.edge.delivered] == [command.id for command in queued]


async def test_queued_commands_go_by_priority_and_then_by_age(platform: Platform) -> None:
    asked: list[tuple[str, dict[str, Any], Priority.ValueType | None]] = [
        ("clear_cache", {}, None),
        ("get_configuration", {"keys": ["A"]}, None),
        ("remote_start", {"id_tag": "A"}, None),
        ("clear_cache", {}, None),
        ("clear_cache", {}, Priority.URGENT),
        ("unlock", {"connector_id": 1}, Priority.BACKGROUND),
    ]
    queued = []
    for kind, body, priority in asked:
        request = _asked({kind: body}, "CP2", queue_while_offline=True, priority=priority)
        queued.append((await platform.commands.CreateCommand(request)).command)
    await platform.stations.boot("CP2", await platform.stations.connect("CP2", platform.edge))
    for command in queued:
        await platform.becomes(command.id, State.ACCEPTED)
    order = [queued.index(next(one for one in queued if one.id == sent.command_id)) for sent in platform.edge.delivered]
    assert order == [2, 4, 0, 3, 1, 5]
    reported = [Priority.Name(sent.priority) for sent in platform.edge.delivered]
    assert reported == ["URGENT", "URGENT", "NORMAL", "NORMAL", "BACKGROUND", "BACKGROUND"]
    assert [(await platform.get(command.id)).priority for command in queued] == [2, 3, 1, 2, 1, 3]


async def test_a_queued_command_is_canceled_and_never_delivered(platform: Platform) -> None:
    first = await platform.clear_cache("CP2", queue_while_offline=True, request_id="r-1")
    second = await platform.clear_cache("CP2", queue_while_offline=True)
    for _ in range(2):
        canceled = await _cancel(platform, first.id)
        assert (canceled.id, canceled.state) == (first.id, State.CANCELED)
    # Its request id stands for it as before: nobody carries it out by a repeat.
    repeated = await platform.clear_cache("CP2", queue_while_offline=True, request_id="r-1")
    assert (repeated.id, repeated.state) == (first.id, State.CANCELED)
    await platform.stations.boot("CP2", await platform.stations.connect("CP2", platform.edge))
    await platform.becomes(second.id, State.ACCEPTED)
    assert [delivered.command_id for delivered in platform.edge.delivered] == [second.id]
    assert await platform.get(first.id) == repeated
    async with platform.service.database.read() as connection:
        payloads = (await connection.scalars(text("SELECT payload FROM outbox ORDER BY seq"))).all()
    reported = [DomainEvent.FromString(payload).command_changed for payload in payloads]
    assert [one.state for one in reported if one.command_id == first.id] == [State.QUEUED, State.CANCELED]


async def test_what_is_no_longer_queued_is_not_canceled(platform: Platform) -> None:
    command = await platform.clear_cache()
    failure = await _failure(_cancel(platform, command.id))
    assert (failure.kind, failure.reason) == (ErrorKind.FAILED_PRECONDITION, "COMMAND_NOT_QUEUED")
    assert failure.metadata == {"state": "ACCEPTED"}
    assert "ACCEPTED" in failure.message
    assert await platform.get(command.id) == command
    for unknown in (new_id(), "nonsense"):
        assert (await _failure(_cancel(platform, unknown))).reason == "COMMAND_NOT_FOUND"


async def _cancel(platform: Platform, command_id: str) -> command_pb.Command:
    return (await platform.commands.CancelCommand(service_pb.CancelCommandRequest(command_id=command_id))).command


async def test_those_behind_one_that_could_not_be_delivered_wait_with_it(platform: Platform) -> None:
    queued = [await platform.clear_cache("CP2", queue_while_offline=True) for _ in range(3)]

    def gone(request: edge_pb.DeliverCommandRequest) -> edge_pb.DeliverCommandResponse:
        platform.edge.answer = accepted
        raise not_found("connection", "CP2")

    platform.edge.answer = gone
    # It is there for a moment, for the first of them, and comes back at once.
    epoch = await platform.stations.connect("CP2", platform.edge)
    await platform.stations.boot("CP2", epoch)

    async def has_been_tried() -> bool:
        return bool(platform.edge.delivered) and (await platform.get(queued[0].id)).state == State.QUEUED

    await eventually(has_been_tried)
    await platform.stations.boot("CP2", epoch)
    for command in queued:
        await platform.becomes(command.id, State.ACCEPTED)
    delivered = [delivered.command_id for delivered in platform.edge.delivered]
    assert delivered == [queued[0].id, *(command.id for command in queued)]


async def test_a_command_goes_to_the_node_that_the_charge_point_has_moved_to(
    platform: Platform, tokens: Tokens
) -> None:
    async with running_edge(tokens) as other:

        def moved(request: edge_pb.DeliverCommandRequest) -> edge_pb.DeliverCommandResponse:
            raise not_found("connection", "CP1")

        async def move() -> None:
            await platform.stations.connect("CP1", other)

        platform.edge.answer = moved
        # It moves while the command is on its way to the node that it has left.
        platform.edge.before = move
        command = await platform.clear_cache()
        assert command.state == State.ACCEPTED
        assert len(other.delivered) == 1


@pytest.mark.parametrize(("queue", "state"), [(False, State.FAILED), (True, State.QUEUED)])
async def test_a_charge_point_that_has_just_gone_counts_as_offline(
    platform: Platform, queue: bool, state: State.ValueType
) -> None:
    platform.edge.answer = _refusing(not_found("connection", "CP1"))
    options = service_pb.CommandOptions(queue_while_offline=queue)
    call = platform.commands.ClearCache(service_pb.ClearCacheRequest(charge_point_id="CP1", options=options))
    if queue:
        assert (await call).command.state == State.QUEUED
    else:
        assert (await _failure(call)).reason == "CHARGE_POINT_OFFLINE"
    listed = await platform.commands.ListCommands(service_pb.ListCommandsRequest(charge_point_id="CP1"))
    assert [command.state for command in listed.commands] == [state]


async def test_a_dead_edge_node_fails_the_command_or_has_it_queued(platform: Platform) -> None:
    await platform.stations.connect("CP1", Edge(address="127.0.0.1:1"))  # type: ignore[abstract]  # nobody is there
    call = platform.commands.ClearCache(service_pb.ClearCacheRequest(charge_point_id="CP1"))
    assert (await _failure(call)).kind is ErrorKind.UNAVAILABLE
    assert (await platform.clear_cache(queue_while_offline=True)).state == State.QUEUED
    await platform.stations.connect("CP1", platform.edge)
    assert (await platform.clear_cache()).state == State.ACCEPTED


async def test_a_queued_command_expires(platform: Platform) -> None:
    expiry = Duration(seconds=1)
    command = await platform.clear_cache("CP2", queue_while_offline=True, expire_after=expiry)
    await platform.becomes(command.id, State.EXPIRED)


async def test_a_remote_start_without_effect_expires_and_a_cleared_cache_does_not(platform: Platform) -> None:
    options = service_pb.CommandOptions(expire_after=Duration(seconds=1))
    start = service_pb.RemoteStartRequest(charge_point_id="CP1", id_tag="TAG", options=options)
    started = (await platform.commands.RemoteStart(start)).command
    cleared = await platform.clear_cache(expire_after=Duration(seconds=1))
    await platform.becomes(started.id, State.EXPIRED)
    assert (await platform.get(cleared.id)).state == State.ACCEPTED


async def test_a_remote_start_and_stop_have_their_effects(platform: Platform) -> None:
    record = await recorder(platform.service)
    start = service_pb.RemoteStartRequest(charge_point_id="CP1", id_tag="tag", connector_id=1)
    commands = [(await platform.commands.RemoteStart(start)).command for _ in range(2)]
    now = datetime.now(UTC)
    [elsewhere] = await record(start_16(now, connector_id=2, id_tag="OTHER"))
    [started] = await record(start_16(now, id_tag="TAG"))
    effective = await platform.becomes(commands[0].id, State.EFFECTIVE)
    assert effective.transaction_id == started.transaction_id
    assert (await platform.get(commands[1].id)).state == State.ACCEPTED
    stops = [
        (await platform.commands.RemoteStop(_stop(**named))).command
        for named in (
            {"transaction_id": started.transaction_id},
            {"ocpp_transaction_id": started.ocpp_transaction_id},
            {"transaction_id": elsewhere.transaction_id},
        )
    ]
    for stop, answer in zip(stops, (started, started, elsewhere), strict=True):
        body = stop.body.remote_stop
        assert (body.transaction_id, body.ocpp_transaction_id) == (answer.transaction_id, answer.ocpp_transaction_id)
    reported = [delivered.body.remote_stop.ocpp_transaction_id for delivered in platform.edge.delivered[2:]]
    assert reported == [started.ocpp_transaction_id, started.ocpp_transaction_id, elsewhere.ocpp_transaction_id]
    await record(stop_16(started.ocpp_transaction_id, now + timedelta(minutes=5)))
    for command in stops[:2]:
        assert (await platform.becomes(command.id, State.EFFECTIVE)).transaction_id == started.transaction_id
    assert (await platform.get(stops[2].id)).state == State.ACCEPTED


async def test_a_remote_start_by_ocpp_2_is_told_by_its_number_before_its_token(platform: Platform) -> None:
    """Two were asked for at the same moment for the same token; the station began with the later one."""
    record, now = await recorder(platform.service), datetime.now(UTC)
    start = service_pb.RemoteStartRequest(charge_point_id="CP1", id_tag="tag", connector_id=1)
    earlier, later = [(await platform.commands.RemoteStart(start)).command for _ in range(2)]

    async def begun(name: str, number: int, **fields: Any) -> str:
        reported = event_201(STARTED, now, 0, ocpp_transaction_id=name, remote_start_id=number, **fields)
        [answer] = await record(reported)
        return answer.transaction_id

    # Presented under a name of its own, as it is of one that is plugged in elsewhere by then.
    first = await begun("T-1", request_number(later.id), id_tag="ITS-OWN", evse_id=2)
    assert (await platform.becomes(later.id, State.EFFECTIVE)).transaction_id == first
    # Of the same one again: it is nobody else's effect, whatever its token.
    again = await begun("T-2", request_number(later.id), id_tag="TAG")
    # A number of no command says nothing, so that the token does.
    made_up = await begun("T-3", 0, id_tag="TAG")
    assert (await platform.becomes(earlier.id, State.EFFECTIVE)).transaction_id == made_up != again


async def test_effects_are_found_among_the_events_of_many_charge_points_that_nobody_commanded(
    platform: Platform,
) -> None:
    record = await recorder(platform.service)
    start = service_pb.RemoteStartRequest(charge_point_id="CP1", id_tag="tag", connector_id=1)
    command = (await platform.commands.RemoteStart(start)).command
    now = datetime.now(UTC)
    others = [start_16(now, charge_point_id=f"OTHER{number}", id_tag="TAG") for number in range(40)]
    answers = await record(*others[:20], start_16(now, id_tag="TAG"), *others[20:])
    started = answers[20]
    assert (await platform.becomes(command.id, State.EFFECTIVE)).transaction_id == started.transaction_id
    stop = (await platform.commands.RemoteStop(_stop(transaction_id=started.transaction_id))).command
    stops = [
        stop_16(answer.ocpp_transaction_id, now + timedelta(minutes=5), charge_point_id=f"OTHER{number}")
        for number, answer in enumerate(answers[:20])
    ]
    await record(*stops, stop_16(started.ocpp_transaction_id, now + timedelta(minutes=5)))
    assert (await platform.becomes(stop.id, State.EFFECTIVE)).transaction_id == started.transaction_id
    async with platform.service.database.read() as connection:
        parked = await connection.scalar(text("SELECT count(*) FROM parked_events"))
    assert parked == 0


async def test_a_command_about_a_transaction_names_one_of_its_charge_point(platform: Platform) -> None:
    record = await recorder(platform.service)
    [elsewhere] = await record(start_16(datetime.now(UTC), charge_point_id="CP2"))
    for named, kind in (
        ({}, ErrorKind.INVALID_ARGUMENT),
        ({"transaction_id": "42"}, ErrorKind.INVALID_ARGUMENT),
        ({"transaction_id": elsewhere.transaction_id, "ocpp_transaction_id": "42"}, ErrorKind.INVALID_ARGUMENT),
        ({"transaction_id": elsewhere.transaction_id}, ErrorKind.NOT_FOUND),
        ({"transaction_id": new_id()}, ErrorKind.NOT_FOUND),
    ):
        assert (await refusal(platform.commands.RemoteStop(_stop(**named)))).kind is kind, named
    # The charge point may well know one that the platform does not.
    reported = (await platform.commands.RemoteStop(_stop(ocpp_transaction_id="42"))).command.body.remote_stop
    assert (reported.transaction_id, reported.ocpp_transaction_id) == ("", "42")


def _stop(**named: Any) -> service_pb.RemoteStopRequest:
    return service_pb.RemoteStopRequest(charge_point_id="CP1", **named)


async def test_a_reset_has_its_effect_at_the_next_boot(platform: Platform) -> None:
    command = (
        await platform.commands.ResetChargePoint(service_pb.ResetChargePointRequest(charge_point_id="CP1"))
    ).command
    epoch = await platform.stations.connect("CP1", platform.edge)
    await platform.stations.boot("CP1", epoch)
    await platform.becomes(command.id, State.EFFECTIVE)


async def test_a_remote_start_that_was_not_answered_in_time_may_still_have_its_effect(
    platform: Platform,
) -> None:
    platform.edge.answer = _refusing(DomainError(ErrorKind.DEADLINE_EXCEEDED, "CHARGE_POINT_TIMEOUT", "no answer"))
    request = service_pb.RemoteStartRequest(charge_point_id="CP1", id_tag="TAG")
    assert (await _failure(platform.commands.RemoteStart(request))).reason == "CHARGE_POINT_TIMEOUT"
    record = await recorder(platform.service)
    await record(start_16(datetime.now(UTC)))
    listed = await platform.commands.ListCommands(service_pb.ListCommandsRequest(charge_point_id="CP1"))
    command = await platform.becomes(listed.commands[0].id, State.EFFECTIVE)
    assert command.error.startswith("CHARGE_POINT_TIMEOUT")


async def test_an_answer_that_comes_late_stands_beside_what_the_command_was_told_to_be(platform: Platform) -> None:
    platform.edge.answer = _refusing(DomainError(ErrorKind.DEADLINE_EXCEEDED, "CHARGE_POINT_TIMEOUT", "no answer"))
    asked = platform.commands.CreateCommand(_asked({"get_configuration": {"keys": ["HeartbeatInterval"]}}))
    assert (await _failure(asked)).reason == "CHARGE_POINT_TIMEOUT"
    listed = await platform.commands.ListCommands(service_pb.ListCommandsRequest(charge_point_id="CP1"))
    [failed] = listed.commands
    recording = RecordingServiceStub(await platform.service.internal_channel("edge"))

    def late(value: str, **fields: Any) -> recording_pb.RecordLateAnswerRequest:
        answer = command_pb.LateAnswer(time=timestamp(datetime.now(UTC)))
        answer.call.action = "GetConfiguration"
        answer.call.answer.update({"configurationKey": [{"key": "HeartbeatInterval", "value": value}]})
        answer.result.configuration.entries.add(key="HeartbeatInterval", value=value)
        usual = {"command_id": failed.id, "charge_point_id": "CP1", "accepted": True, "whole": True}
        return recording_pb.RecordLateAnswerRequest(answer=answer, **{**usual, **fields})

    first = late("60")
    for reported in (first, first, late("61")):
        await recording.RecordLateAnswer(reported)
    shown = await platform.get(failed.id)
    assert (shown.state, shown.error, shown.status) == (State.FAILED, failed.error, "")
    assert not shown.HasField("answer")
    assert shown.late_answer == first.answer
    for wrong in ({"command_id": new_id()}, {"charge_point_id": "CP2"}):
        assert (await refusal(recording.RecordLateAnswer(late("60", **wrong)))).reason == "COMMAND_NOT_FOUND"


async def _sent_before(platform: Platform, command_id: str, minutes: int) -> None:
    """As if whoever sent it had died then."""
    sent = "UPDATE commands SET state = 'SENT', status = '', answer = NULL, update_time = :then WHERE id = :id"
    then = datetime.now(UTC) - timedelta(minutes=minutes)
    async with platform.service.database.transaction() as connection:
        await connection.execute(text(sent), {"id": command_id, "then": then})


async def _recall(platform: Platform) -> None:
    platform.edge.recalled.clear()
    service, clock = platform.service, SystemClock()
    identity = ServiceIdentity("transaction", service.settings)
    units_of_work = SqlUnitsOfWork(service.database, OutboxRelay(service.database, service.bus), clock)
    edge = GrpcEdge(identity)
    async with channel(service.settings.station_service_url, "station", identity) as stations:
        await Delivery(units_of_work, GrpcChargePoints(stations), edge, clock).recall_forgotten()
    await edge.close()


@pytest.mark.parametrize(
    ("outcome", "state", "error"),
    [
        (accepted, State.ACCEPTED, ""),
        (rejected, State.REJECTED, ""),
        (failed_precondition("OCPP_CALL_ERROR", "it said no"), State.FAILED, "OCPP_CALL_ERROR: it said no"),
        # The node does not know yet, or does not answer.
        (not_found("command", "c1"), State.SENT, ""),
        (DomainError(ErrorKind.UNAVAILABLE, "UNAVAILABLE", "stopping"), State.SENT, ""),
    ],
)
async def test_what_was_answered_to_one_who_died_is_asked_for_again(
    platform: Platform, outcome: Any, state: State.ValueType, error: str
) -> None:
    command, other = await platform.clear_cache(), await platform.clear_cache()
    delivered = len(platform.edge.delivered)
    await _sent_before(platform, command.id, 2)
    await _sent_before(platform, other.id, 0)
    platform.edge.recall = outcome if callable(outcome) else _refusing(outcome)
    await _recall(platform)
    shown = await platform.get(command.id)
    assert (shown.state, shown.error) == (state, error)
    assert shown.status == {State.ACCEPTED: "Accepted", State.REJECTED: "Rejected"}.get(state, "")
    # One that was sent a moment ago may still be waited for, and nobody is asked twice.
    assert {one.command_id for one in platform.edge.recalled} == {command.id}
    assert (await platform.get(other.id)).state == State.SENT
    assert len(platform.edge.delivered) == delivered


_NOT_ASKED = "the charge point was not asked: the service that had this command ended before"
_UNKNOWN = "nobody knows whether it was carried out: no answer was stored before the service that had it ended"


def never_came(request: edge_pb.RecallCommandRequest) -> None:
    """The node had the charge point all the time, and nobody had the command delivered."""
    assert request.age.ToTimedelta() >= timedelta(minutes=2)


@pytest.mark.parametrize(
    ("outcome", "queued", "minutes", "state", "error"),
    [
        # Somebody may still be about to send it.
        (never_came, False, 2, State.SENT, ""),
        (never_came, False, 3, State.FAILED, _NOT_ASKED),
        (never_came, True, 3, State.ACCEPTED, ""),
        (not_found("command", "c1"), True, 3, State.FAILED, _UNKNOWN),
        (DomainError(ErrorKind.UNAVAILABLE, "UNAVAILABLE", "stopping"), True, 3, State.SENT, ""),
        (DomainError(ErrorKind.UNAVAILABLE, "UNAVAILABLE", "stopping"), True, 10, State.FAILED, _UNKNOWN),
    ],
)
async def test_a_command_whose_sender_died_does_not_stay_sent(
    platform: Platform, outcome: Any, queued: bool, minutes: int, state: State.ValueType, error: str
) -> None:
    command = await platform.clear_cache(queue_while_offline=queued, expire_after=Duration(seconds=3600))
    delivered = len(platform.edge.delivered)
    await _sent_before(platform, command.id, minutes)
    platform.edge.recall = outcome if callable(outcome) else _refusing(outcome)
    await _recall(platform)
    if state == State.ACCEPTED:
        await platform.becomes(command.id, state)
    shown = await platform.get(command.id)
    assert (shown.state, shown.error) == (state, error)
    again = platform.edge.delivered[delivered:]
    assert [one.command_id for one in again] == ([command.id] if state == State.ACCEPTED else [])


async def test_a_command_is_brought_to_its_end_when_the_caller_has_left(platform: Platform) -> None:
    answering = asyncio.Event()

    async def slowly() -> None:
        await answering.wait()

    platform.edge.before = slowly
    call = platform.commands.ClearCache(service_pb.ClearCacheRequest(charge_point_id="CP1"), timeout=30)

    async def is_delivered() -> bool:
        return bool(platform.edge.delivered)

    waiting = asyncio.ensure_future(_failure(call))
    await eventually(is_delivered)
    call.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    answering.set()
    await platform.becomes(platform.edge.delivered[0].command_id, State.ACCEPTED)


async def test_every_change_of_state_is_told(platform: Platform) -> None:
    command = await platform.clear_cache("CP2", queue_while_offline=True)
    await platform.stations.boot("CP2", await platform.stations.connect("CP2", platform.edge))
    await platform.becomes(command.id, State.ACCEPTED)
    async with platform.service.database.read() as connection:
        payloads = (await connection.scalars(text("SELECT payload FROM outbox ORDER BY seq"))).all()
    events = [DomainEvent.FromString(payload) for payload in payloads]
    states = [event.command_changed.state for event in events]
    assert (states[0], states[-2:]) == (State.QUEUED, [State.SENT, State.ACCEPTED])
    assert {event.subject for event in events} == {"csms.event.transaction.command.changed.CP2"}


_BAD_INPUT: list[tuple[str, dict[str, Any], list[str]]] = [
    ("RemoteStart", {}, ["idTag"]),
    ("RemoteStart", {"id_tag": "x" * 256, "connector_id": -1}, ["idTag", "connectorId"]),
    ("UnlockConnector", {}, ["connectorId"]),
    ("ChangeConfiguration", {"value": "x"}, ["key"]),
    ("ChangeAvailability", {"connector_id": 1}, ["availability"]),
    ("GetConfiguration", {"keys": [""]}, ["keys"]),
    ("GetReport", {}, ["componentVariables"]),
    (
        "GetReport",
        {"component_variables": [{"component": {"name": "EVSE"}, "variable": {}}, {"component": {}}]},
        ["componentVariables[0].variable.name", "componentVariables[1].component.name"],
    ),
    ("GetReport", {"component_variables": [{"component": {"name": "EVSE"}}] * 101}, ["componentVariables"]),
    ("ClearCache", {"options": {"request_id": "x" * 101}}, ["options.requestId"]),
    ("ClearCache", {"options": {"expire_after": Duration(seconds=8 * 86400)}}, ["options.expireAfter"]),
    ("ClearCache", {"options": {"expire_after": Duration(nanos=1)}}, ["options.expireAfter"]),
]


async def test_bad_input_is_named(service: RunningService) -> None:
    commands = service_grpc.CommandServiceStub(await service.channel())
    for rpc, fields, named in _BAD_INPUT:
        request = getattr(service_pb, f"{rpc}Request")(charge_point_id="CP1", **fields)
        failure = await _failure(getattr(commands, rpc)(request))
        assert failure.kind is ErrorKind.INVALID_ARGUMENT
        assert [violation.field for violation in failure.violations] == named


async def test_an_unknown_command_is_not_found(service: RunningService) -> None:
    commands = service_grpc.CommandServiceStub(await service.channel())
    for unknown in (new_id(), "nonsense"):
        request = service_pb.GetCommandRequest(command_id=unknown)
        assert (await _failure(commands.GetCommand(request))).reason == "COMMAND_NOT_FOUND"


async def test_who_may_only_read_may_not_command(service: RunningService) -> None:
    commands = service_grpc.CommandServiceStub(await service.channel("viewer"))
    for call in (
        commands.ClearCache(service_pb.ClearCacheRequest(charge_point_id="CP1")),
        commands.CreateCommand(_asked({"clear_cache": {}})),
        commands.CancelCommand(service_pb.CancelCommandRequest(command_id=new_id())),
    ):
        assert (await _failure(call)).kind is ErrorKind.PERMISSION_DENIED
    listed = await commands.ListCommands(service_pb.ListCommandsRequest(charge_point_id="CP1"))
    assert listed.total_size == 0


async def test_commands_are_listed_by_state_and_in_pages(platform: Platform) -> None:
    made = [await platform.clear_cache() for _ in range(3)]
    platform.edge.answer = rejected
    refused = await platform.clear_cache()
    platform.edge.answer = accepted
    request = service_pb.ListCommandsRequest(charge_point_id="CP1", state=State.REJECTED)
    assert [found.id for found in (await platform.commands.ListCommands(request)).commands] == [refused.id]
    request = service_pb.ListCommandsRequest(charge_point_id="CP1", page_size=3)
    first = await platform.commands.ListCommands(request)
    request.page_token = first.next_page_token
    rest = await platform.commands.ListCommands(request)
    listed = [found.id for found in [*first.commands, *rest.commands]]
    assert listed == [refused.id, *(command.id for command in reversed(made))]
