"""The pull protocol of JetStream as the real server speaks it: what ends a request, and what does not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig

from services.kernel.ids import new_id
from services.messaging.event_batches import OutgoingEvent
from services.messaging.event_bus import STREAM, EventBus
from services.messaging.pulls import BATCH, Pull, Word

_SECONDS = 10.0


@asynccontextmanager
async def pulling(bus: EventBus, consumer: str = "reader") -> AsyncIterator[Pull]:
    """A pull of a consumer that has everything before it."""
    jetstream = await bus.ready()
    await jetstream.add_consumer(STREAM, ConsumerConfig(name=consumer, ack_policy=AckPolicy.NONE))
    pull = Pull(await bus.client(), consumer)
    await pull.listen()
    yield pull
    await pull.close()


async def publish(bus: EventBus, count: int, size: int = 1) -> None:
    """Each event comes in a message of its own."""
    kinds = [f"csms.event.service.noun{number}.verb.1" for number in range(count)]
    assert all(await bus.publish([OutgoingEvent(new_id(), kind, b"x" * size) for kind in kinds]))


async def taken(pull: Pull, count: int) -> list[Msg]:
    """So many messages of the stream, heeded; words of the server between them must not end anything."""
    messages: list[Msg] = []
    while len(messages) < count:
        message = await pull.next(_SECONDS)
        word = pull.heed(message)
        assert word in (None, Word.GOES_ON)
        if word is None:
            messages.append(message)
    return messages


async def word_of(pull: Pull) -> Word | None:
    return pull.heed(await pull.next(_SECONDS))


async def test_whoever_waits_hears_that_a_request_was_broken_off(bus: EventBus) -> None:
    async with pulling(bus) as pull:
        await pull.ask(30, 10)
        pull.break_off()
        assert await word_of(pull) is Word.LOST
        assert pull.is_over


async def test_a_request_is_over_with_its_last_message_and_late_news_of_it_end_no_other(bus: EventBus) -> None:
    await publish(bus, BATCH + 2)
    async with pulling(bus) as pull:
        was_over = [pull.is_over]
        await pull.ask(30, 1)
        was_over.append(pull.is_over)
        first = await taken(pull, BATCH)
        was_over.append(pull.is_over)
        # It says that the batch is complete by now, or will.
        await pull.ask(30, 1)
        second = await taken(pull, 2)
        was_over.append(pull.is_over)
    assert was_over == [True, False, True, False]
    assert [message.metadata.sequence.stream for message in first + second] == list(range(1, BATCH + 3))


async def test_a_quiet_request_shows_that_it_lives_until_its_time_is_over(bus: EventBus) -> None:
    async with pulling(bus) as pull:
        await pull.ask(0.4, 0.1)
        words = [await word_of(pull)]
        was_over = pull.is_over
        while words[-1] is Word.GOES_ON:
            words.append(await word_of(pull))
    assert words[0] is Word.GOES_ON
    assert words[-1] is Word.TIMED_OUT
    assert (was_over, pull.is_over) == (False, True)


async def test_a_request_is_over_when_the_next_message_is_too_much_for_it(bus: EventBus) -> None:
    await publish(bus, 3, size=900_000)
    async with pulling(bus) as pull:
        await pull.ask(30, 1)
        await taken(pull, 2)
        assert await word_of(pull) is Word.FULL
        assert pull.is_over
        await pull.ask(30, 1)
        [third] = await taken(pull, 1)
    assert third.metadata.sequence.stream == 3


async def test_a_request_to_a_consumer_that_goes_or_is_gone_is_lost(bus: EventBus) -> None:
    jetstream = await bus.ready()
    async with pulling(bus) as pull:
        await pull.ask(30, 1)
        assert await word_of(pull) is Word.GOES_ON
        await jetstream.delete_consumer(STREAM, "reader")
        assert await word_of(pull) is Word.LOST
        assert pull.is_over
        await pull.ask(30, 1)
        assert await word_of(pull) is Word.LOST
