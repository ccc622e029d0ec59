"""Streams of events as their readers see them."""

from google.protobuf.message import DecodeError

from csms.error.v1 import error_reason_pb2 as error_pb
from csms.event.v1 import domain_event_pb2 as event_pb
from csms.monitoring.v1 import monitoring_service_pb2 as service_pb
from services.kernel.errors import DomainError
from services.kernel.tenancy import current_tenant
from services.monitoring.domain.stream import StreamItem, StreamRequest, stream_request
from services.rpc.status import to_status


def requested_stream(request: service_pb.StreamEventsRequest) -> StreamRequest:
    """What a reader asks for, of the tenant that the call is for. Raises: INVALID_FIELD."""
    return stream_request(request.cursor, list(request.nouns), request.entity_id, request.max_events, current_tenant())


def stream_item_to_proto(item: StreamItem) -> service_pb.StreamEventsResponse:
    """One item as its reader sees it."""
    return service_pb.StreamEventsResponse(
        cursor=str(item.cursor),
        event=_event(item.event) if item.event is not None else None,
        error=_error_to_proto(item.error) if item.error is not None else None,
        end=item.end,
    )


def _event(payload: bytes) -> event_pb.DomainEvent | None:
    """The event; None for what somebody else put on the stream."""
    try:
        return event_pb.DomainEvent.FromString(payload)
    except DecodeError:
        return None


def _error_to_proto(error: DomainError) -> error_pb.StreamError:
    status = to_status(error)
    message = error_pb.StreamError(message=status.message)
    for detail in status.details:
        # Each takes what is its own and leaves the rest.
        detail.Unpack(message.info)
        detail.Unpack(message.bad_request)
    return message
