"""The event stream and its consumers, as JetStream has them: what is in it, who reads it, and how far they are."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import nats
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

STREAM = "CSMS_EVENTS"
_BATCH = 500
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Consumer:
    """A durable consumer: the subjects it wants, and how many of their events it has not finished."""

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
        everything = ConsumerConfig(
            deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE, headers_only=True, inactive_threshold=60
        )
        subscription = await jetstream.pull_subscribe("csms.event.>", stream=STREAM, config=everything)
        events: Counter[str] = Counter()
        while left > 0:
            batch = await subscription.fetch(min(_BATCH, left), timeout=_PATIENCE_SECONDS)
            left -= len(batch)
            events.update((message.headers or {}).get("Nats-Msg-Id", "none") for message in batch)
        await subscription.unsubscribe()
        return Stream(events, known)
    except NotFoundError:
        return Stream(Counter(), known)
    finally:
        await client.close()


def wants(consumer: Consumer, subject: str) -> bool:
    """Whether one of the consumer's subjects, wildcards and all, is `subject`."""
    return any(_matches(pattern.split("."), subject.split(".")) for pattern in consumer.subjects)


def _matches(pattern: Sequence[str], words: Sequence[str]) -> bool:
    for position, part in enumerate(pattern):
        if part == ">":
            return len(words) > position
        if position >= len(words) or part not in ("*", words[position]):
            return False
    return len(pattern) == len(words)
