"""Frames of the journal, as the edge sends them and as callers see them."""

from collections.abc import Mapping

from csms.transaction.v1 import journal_service_pb2 as journal_pb
from services.kernel.errors import invalid
from services.kernel.ids import is_id
from services.kernel.tenancy import DEFAULT_TENANT
from services.rpc.protobuf import enum_of, time_of, timestamp
from services.transaction.domain.message import Direction, MessageFilter, MessageKind, OcppMessage

_DIRECTIONS = {number: Direction(name) for name, number in journal_pb.OcppMessage.Direction.items() if number}
# By number; what could not be parsed has none.
KINDS: Mapping[int, MessageKind] = {
    number: MessageKind(name) for name, number in journal_pb.OcppMessage.Kind.items() if number
}


def message_filter(request: journal_pb.ListMessagesRequest) -> MessageFilter:
    """What a list request asks for."""
    return MessageFilter(
        charge_point_id=request.charge_point_id,
        action=request.action,
        direction=enum_of(Direction, journal_pb.OcppMessage.Direction, request.direction),
        kind=enum_of(MessageKind, journal_pb.OcppMessage.Kind, request.kind),
        time_from=time_of(request, "time_from"),
        time_to=time_of(request, "time_to"),
    )


def message_of(message: journal_pb.OcppMessage) -> OcppMessage:
    """One frame. Raises: INVALID_FIELD for one that cannot be kept."""
    time, direction = time_of(message, "time"), _DIRECTIONS.get(message.direction)
    if time is None:
        raise invalid("messages.time", "is required")
    if direction is None:
        raise invalid("messages.direction", "is not one that is known")
    if not is_id(message.id):
        raise invalid("messages.id", "is not an id")
    return OcppMessage(
        message.charge_point_id,
        time,
        message.id,
        message.epoch,
        direction,
        KINDS.get(message.kind),
        storable(message.message_id),
        storable(message.action),
        storable(message.frame),
        storable(message.error_code),
        message.latency_us,
        message.protocol,
        KINDS.get(message.answer_kind),
        storable(message.answer_frame) or None,
        storable(message.note) or None,
        message.tenant_id or DEFAULT_TENANT,
    )


def storable(text: str) -> str:
    """The text of what may be no OCPP at all, as PostgreSQL can store it."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in text else text


def message_to_proto(message: OcppMessage) -> journal_pb.OcppMessage:
    """One frame as callers see it."""
    return journal_pb.OcppMessage(
        id=message.id,
        charge_point_id=message.charge_point_id,
        epoch=message.epoch,
        direction=journal_pb.OcppMessage.Direction.Value(message.direction),
        kind=journal_pb.OcppMessage.Kind.Value(message.kind or "KIND_UNSPECIFIED"),
        message_id=message.message_id,
        action=message.action,
        frame=message.frame,
        error_code=message.error_code,
        latency_us=message.latency_us,
        time=timestamp(message.time),
        protocol=message.protocol,
        note=message.note or "",
    )
