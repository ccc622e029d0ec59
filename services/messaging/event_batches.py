"""How events travel: those of one kind that go out together share a message of the stream. Pure.

A message costs its publisher, the server and each of its consumers much the same whether it holds one event or many.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from csms.event.v1.domain_event_pb2 import DomainEvents
from services.kernel.ids import derived_id

MAX_EVENTS = 256
# What the server accepts by default (1 MiB), less room for headers and for what stands between events.
MAX_PAYLOAD_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """An event on its way to the stream; `payload` is the serialized csms.event.v1.DomainEvent."""

    id: str
    subject: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class EventBatch:
    """One message. `id` follows from which events it holds; `places` says where these stood among those packed."""

    id: str
    subject: str
    payload: bytes
    places: Sequence[int]


def kind_of(event_subject: str) -> str:
    """The subject on the stream of the events that share service, noun and verb: theirs without the entity's id."""
    return event_subject.rsplit(".", 1)[0]


def pack(events: Sequence[OutgoingEvent]) -> list[EventBatch]:
    """Batches of at most 256 events and a million bytes (one event may be that large); order is kept within a kind."""
    kinds: dict[str, list[int]] = {}
    for place, event in enumerate(events):
        kinds.setdefault(kind_of(event.subject), []).append(place)
    return [
        EventBatch(
            derived_id("\n".join([events[place].id for place in places])),
            kind,
            DomainEvents(events=[events[place].payload for place in places]).SerializeToString(),
            places,
        )
        for kind, all_places in kinds.items()
        for places in _portions(events, all_places)
    ]


def unpack(payload: bytes) -> Sequence[bytes]:
    """The serialized events of a message, in order. Raises: google.protobuf.message.DecodeError."""
    return DomainEvents.FromString(payload).events


def _portions(events: Sequence[OutgoingEvent], places: Sequence[int]) -> Iterator[list[int]]:
    portion: list[int] = []
    room = MAX_PAYLOAD_BYTES
    for place in places:
        size = len(events[place].payload)
        if portion and (len(portion) == MAX_EVENTS or size > room):
            yield portion
            portion, room = [], MAX_PAYLOAD_BYTES
        portion.append(place)
        room -= size
    yield portion
