"""The queue of messages that must arrive."""

import asyncio

import pytest

from simulator.offline import OfflineQueue, QueuedMessage


def _message(key: str, action: str = "MeterValues") -> QueuedMessage:
    return QueuedMessage(key, action, lambda message: message.action)


async def test_messages_leave_in_the_order_in_which_they_came() -> None:
    queue = OfflineQueue()
    for key in "abc":
        queue.append(_message(key))
    left = []
    while len(queue):
        head = await queue.head()
        left.append(head.transaction_key)
        queue.settle(head, None)
    assert left == ["a", "b", "c"]


async def test_the_head_stays_until_it_was_acknowledged() -> None:
    queue = OfflineQueue()
    queue.append(_message("a"))
    assert await queue.head() is await queue.head()
    assert len(queue) == 1


async def test_a_later_message_is_rendered_with_what_the_answer_to_an_earlier_one_brought() -> None:
    numbers: dict[str, int] = {}
    queue = OfflineQueue()
    queue.append(QueuedMessage("t", "Start", lambda _: "start", lambda answer: numbers.update(t=answer)))
    queue.append(QueuedMessage("t", "Stop", lambda _: f"stop {numbers['t']}"))
    start = await queue.head()
    queue.settle(start, 42)
    stop = await queue.head()
    assert stop.render(stop) == "stop 42"


async def test_only_the_head_can_leave() -> None:
    queue = OfflineQueue()
    queue.append(_message("a"))
    second = _message("b")
    queue.append(second)
    with pytest.raises(ValueError, match="head"):
        queue.settle(second, None)


async def test_a_message_given_up_makes_way() -> None:
    queue = OfflineQueue()
    first, second = _message("a"), _message("b")
    queue.append(first)
    queue.append(second)
    queue.give_up(first)
    assert first.attempted.is_set()
    assert queue.given_up == 1
    assert await queue.head() is second


async def test_waiting_for_the_head_ends_when_one_comes() -> None:
    queue = OfflineQueue()
    waiting = asyncio.create_task(queue.head())
    await asyncio.sleep(0)
    queue.append(_message("a"))
    assert (await waiting).transaction_key == "a"


async def test_drained_is_when_nothing_waits() -> None:
    queue = OfflineQueue()
    queue.append(_message("a"))
    drained = asyncio.create_task(queue.drained())
    await asyncio.sleep(0)
    assert not drained.done()
    queue.settle(await queue.head(), None)
    await drained


def test_the_queue_knows_whose_messages_it_holds() -> None:
    queue = OfflineQueue()
    assert not queue.holds()
    queue.append(_message("a"))
    assert queue.holds()
    assert queue.holds("a")
    assert not queue.holds("b")
