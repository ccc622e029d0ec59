"""The event stream and its consumers, as JetStream has them: what is in it, who reads it, and how far they are."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import nats
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from csms.event.v1.domain_event_pb2 import DomainEvent, DomainEvents

STREAM = "CSMS_EVENTS"
_BATCH = 50
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Consumer:
    """A durable consumer: the kinds of events it wants, and how many messages with them it has not finished."""

    name: str
    subjects: Sequence[str]
    unfinished: int


@dataclass(frozen=True)
class Stream:
    """The stream: how often it holds each event, by id, and who consumes it."""

    events: Counter[str]
    consumers: Sequence[Consumer]


async def consumers(url: str) -> list[Consumer]:
    """The durable consumers as they stand. Raises nats.errors.Error."""
    client = await nats.connect(url)
    try:
        return [
            Consumer(
                info.name,
                info.config.filter_subjects or [info.config.filter_subject or ">"],
                (info.num_pending or 0) + (info.num_ack_pending or 0),
            )
            for info in await client.jetstream().consumers_info(STREAM)
        ]
    finally:
        await client.close()


async def read(url: str) -> Stream:
    """The whole stream. Raises nats.errors.Error."""
    known = await consumers(url)
    client = await nats.connect(url)
    try:
        jetstream = client.jetstream()
        info = await jetstream.stream_info(STREAM)
        left = info.state.messages
        everything = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE, inactive_threshold=60)
        subscription = await jetstream.pull_subscribe("csms.event.>", stream=STREAM, config=everything)
        events: Counter[str] = Counter()
        while left > 0:
            batch = await subscription.fetch(min(_BATCH, left), timeout=_PATIENCE_SECONDS)
            left -= len(batch)
            for message in batch:
                payloads = DomainEvents.FromString(message.data).events
                events.update(DomainEvent.FromString(payload).id for payload in payloads)
        await subscription.unsubscribe()
        return Stream(events, known)
    except NotFoundError:
        return Stream(Counter(), known)
    finally:
        await client.close()


def wants(consumer: Consumer, subject: str) -> bool:
    """Whether an event of `subject`, which ends with an id, is on one of the consumer's, wildcards and all."""
    kind = subject.split(".")[:-1]
    return any(_matches(pattern.split("."), kind) for pattern in consumer.subjects)


def _matches(pattern: Sequence[str], words: Sequence[str]) -> bool:
    for position, part in enumerate(pattern):
        if part == ">":
            return len(words) > position
        if position >= len(words) or part not in ("*", words[position]):
            return False
    return len(pattern) == len(words)
