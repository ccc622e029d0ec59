"""Where each kind of event is on the stream, as its contract says (csms.event.v1.EventSubject). For publishers and
consumers alike; a kind is called by its field in csms.event.v1.DomainEvent."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

from csms.event.v1 import event_subject_pb2 as subject_pb
from csms.event.v1.domain_event_pb2 import DomainEvent
from services.messaging.event_bus import PREFIX, token_of


class Subscription(NamedTuple):
    """Which events a durable consumer gets. Unpacked into the arguments of `inbox.consume`."""

    durable: str
    subjects: tuple[str, ...]


@cache
def kinds() -> Mapping[str, subject_pb.EventSubject]:
    """The subjects of every kind of event."""
    fields = DomainEvent.DESCRIPTOR.oneofs_by_name["payload"].fields
    return MappingProxyType({field.name: field.GetOptions().Extensions[subject_pb.subject] for field in fields})


def subject(kind: str, verb: str, entity_id: str) -> str:
    """`csms.event.<service>.<noun>.<verb>.<entity_id>` of an event, the id percent-escaped where it could mean
    something to NATS.

    Raises: ValueError for a kind or verb that no contract has, and for an empty id.
    """
    return f"{_subject(kind, verb)}.{token_of(entity_id)}"


def subjects(*requested: str) -> tuple[str, ...]:
    """The subjects to subscribe to: of `transaction_changed` all verbs, of `connectivity_changed.opened` that one.

    Raises: ValueError for what no contract has.
    """
    found = []
    for kind, _, verb in (each.partition(".") for each in requested):
        found += [_subject(kind, each) for each in ([verb] if verb else _of(kind).verbs)]
    return tuple(found)


def subscription(durable: str, *requested: str) -> Subscription:
    """What the durable consumer of that name gets, see `subjects`."""
    return Subscription(durable, subjects(*requested))


def _of(kind: str) -> subject_pb.EventSubject:
    if kind not in kinds():
        raise ValueError(f"{kind} is no kind of event")
    return kinds()[kind]


@cache
def _subject(kind: str, verb: str) -> str:
    known = _of(kind)
    if verb not in known.verbs:
        raise ValueError(f"{kind} has no verb {verb!r}: {', '.join(known.verbs)}")
    return f"{PREFIX}.{known.service}.{known.noun}.{verb}"
