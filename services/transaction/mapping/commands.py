"""Commands: what callers ask for, how it goes to the edge, and the records of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from csms.edge.v1 import edge_service_pb2 as edge_pb
from csms.transaction.v1 import command_pb2 as command_pb
from csms.transaction.v1 import command_service_pb2 as service_pb
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from services.kernel.errors import DomainError, FieldViolation, invalid
from services.kernel.tenancy import DEFAULT_TENANT
from services.kernel.tokens import token_of
from services.rpc.protobuf import duration_of, enum_of, time_of, timestamp
from services.transaction.domain.command import (
    Command,
    CommandFilter,
    CommandOptions,
    CommandPriority,
    CommandState,
    LateReply,
    Place,
    RemoteStartQuery,
    Reply,
)

# Fields of a request that are not its body.
_BESIDE_BODY = ("options.", "requestId", "chargePointId")


def command_filter(request: service_pb.ListCommandsRequest) -> CommandFilter:
    """What a list request asks for."""
    return CommandFilter(
        charge_point_id=request.charge_point_id,
        state=enum_of(CommandState, command_pb.Command.State, request.state),
    )


def options_of(options: service_pb.CommandOptions) -> CommandOptions:
    """How a command shall be carried out. Raises: INVALID_FIELD."""
    return CommandOptions(
        request_id=options.request_id,
        queue_while_offline=options.queue_while_offline,
        expire_after=duration_of(options, "expire_after"),
        priority=_priority_of(options.priority),
    )


def _priority_of(number: int) -> CommandPriority | None:
    if number == command_pb.Command.PRIORITY_UNSPECIFIED:
        return None
    try:
        return CommandPriority(number)
    except ValueError:
        raise invalid("options.priority", f"{number} is unknown") from None


def priority_to_proto(priority: CommandPriority) -> command_pb.Command.Priority.ValueType:
    """The priority as the contracts call it."""
    return command_pb.Command.Priority.Value(priority.name)


def kind_of(body: command_pb.CommandBody) -> str:
    """What a general request asks for. Raises: MISSING_FIELD when it asks for nothing."""
    kind = body.WhichOneof("body")
    if kind is None:
        kinds = ", ".join(sorted(field.json_name for field in body.DESCRIPTOR.fields))
        raise invalid("command", f"must have one of {kinds}", "MISSING_FIELD")
    return kind


def json_name(kind: str) -> str:
    """What callers by REST call a kind of command."""
    name: str = command_pb.CommandBody.DESCRIPTOR.fields_by_name[kind].json_name
    return name


@contextmanager
def at(path: str) -> Iterator[None]:
    """What is wrong with the body of a command, is wrong below `path` of the request."""
    try:
        yield
    except DomainError as error:
        if not error.violations:
            raise
        found = [
            one if one.field.startswith(_BESIDE_BODY) else FieldViolation(f"{path}.{one.field}", one.description)
            for one in error.violations
        ]
        message = "; ".join(f"{one.field}: {one.description}" for one in found)
        raise DomainError(error.kind, error.reason, message, error.metadata, found) from error


def body_of(kind: str, request: Message) -> dict[str, Any]:
    """What a request asks for: its fields that the field `kind` of CommandBody has as well, by name."""
    names = getattr(command_pb.CommandBody(), kind).DESCRIPTOR.fields_by_name
    asked = json_format.MessageToDict(request, preserving_proto_field_name=True)
    return {name: value for name, value in asked.items() if name in names}


def body_to_proto(kind: str, body: Mapping[str, Any], *, to_show: bool = False) -> command_pb.CommandBody:
    """What a command asks for, as a message. A newer release may have stored what this one does not know: that is left
    out of what is shown, and never of what is sent. Raises: json_format.ParseError."""
    return json_format.ParseDict({kind: dict(body)}, command_pb.CommandBody(), ignore_unknown_fields=to_show)


def command_to_proto(command: Command) -> command_pb.Command:
    """The record as callers see it."""
    message = command_pb.Command(
        id=command.id,
        charge_point_id=command.charge_point_id,
        kind=command.kind,
        body=body_to_proto(command.kind, command.body, to_show=True),
        state=command_pb.Command.State.Value(command.state),
        status=command.status,
        error=command.error,
        transaction_id=command.transaction_id,
        requested_by=command.requested_by,
        create_time=timestamp(command.create_time),
        update_time=timestamp(command.update_time),
        expire_time=timestamp(command.expire_time),
        answer_flags=command.answer_flags,
        priority=priority_to_proto(command.priority),
        campaign_id=command.campaign_id or "",
    )
    if command.answer is not None:
        message.answer.update(dict(command.answer))
    if command.result is not None:
        json_format.ParseDict(dict(command.result), message.result, ignore_unknown_fields=True)
    if command.late_answer is not None:
        json_format.ParseDict(dict(command.late_answer), message.late_answer, ignore_unknown_fields=True)
    for call in command.calls:
        json_format.ParseDict(dict(call), message.calls.add(), ignore_unknown_fields=True)
    return message


def remote_start_query(message: recording_pb.RemoteStartQuery) -> RemoteStartQuery:
    """A token that no card has. Raises: INVALID_FIELD without the time."""
    time = time_of(message, "time")
    if time is None:
        raise invalid("queries.time", "is required")
    place = Place(message.charge_point_id, message.tenant_id or DEFAULT_TENANT)
    return RemoteStartQuery(place, token_of(message.token.value, message.token.type), time)


def late_reply(request: recording_pb.RecordLateAnswerRequest) -> LateReply:
    """What a charge point answered when nobody waited for it any more. Raises: INVALID_FIELD without the time."""
    late, call = request.answer, request.answer.call
    if time_of(late, "time") is None:
        raise invalid("answer.time", "is required")
    reply = None
    if not call.error:
        has_result = late.result.WhichOneof("result") is not None
        result = json_format.MessageToDict(late.result, preserving_proto_field_name=True) if has_result else None
        answer = json_format.MessageToDict(call.answer)
        reply = Reply(request.accepted, late.status, answer, tuple(call.answer_flags), result)
    record = json_format.MessageToDict(late, preserving_proto_field_name=True)
    return LateReply(reply, call.error, request.whole, record)


def reply_of(response: edge_pb.DeliverCommandResponse) -> Reply:
    """What a charge point answered."""
    answer = json_format.MessageToDict(response.answer)
    has_result = response.result.WhichOneof("result") is not None
    result = json_format.MessageToDict(response.result, preserving_proto_field_name=True) if has_result else None
    calls = tuple(json_format.MessageToDict(call, preserving_proto_field_name=True) for call in response.calls)
    return Reply(response.accepted, response.status, answer, tuple(response.flags), result, calls, response.error)
