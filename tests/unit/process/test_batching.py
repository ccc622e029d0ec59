"""services.process.batching"""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.errors import DomainError, ErrorKind
from services.process.batching import Batcher
from tests.fixtures.properties import examples


class Recorder:
    """A destination that answers each item with its double, and holds batches back until it is told to answer."""

    def __init__(self, *, open_gate: bool = True) -> None:
        self.batches: list[list[int]] = []
        self.started = asyncio.Event()
        self.gate = asyncio.Event()
        if open_gate:
            self.gate.set()

    async def send(self, items: list[int]) -> list[int | Exception]:
        self.batches.append(items)
        self.started.set()
        await self.gate.wait()
        return [item * 2 for item in items]


async def test_a_lone_item_goes_at_once() -> None:
    destination = Recorder()
    batcher = Batcher(destination.send, max_items=10, max_queue=100, linger_seconds=60)

    assert await asyncio.wait_for(batcher.submit(21), 5) == 42
    assert destination.batches == [[21]]


async def test_items_of_one_turn_of_the_loop_go_together() -> None:
    destination = Recorder()
    batcher = Batcher(destination.send, max_items=10, max_queue=100, linger_seconds=60)

    results = await asyncio.gather(*[batcher.submit(item) for item in range(5)])

    assert results == [0, 2, 4, 6, 8]
    assert destination.batches == [[0, 1, 2, 3, 4]]


async def test_items_gather_while_a_batch_is_under_way() -> None:
    destination = Recorder(open_gate=False)
    batcher = Batcher(destination.send, max_items=10, max_queue=100, linger_seconds=0)
    first = batcher.submit(1)
    await destination.started.wait()

    later = [batcher.submit(item) for item in (2, 3, 4)]
    destination.gate.set()

    assert await asyncio.gather(first, *later) == [2, 4, 6, 8]
    assert destination.batches == [[1], [2, 3, 4]]


async def test_what_is_submitted_now_waits_as_long_as_the_batches_before_it_take() -> None:
    destination = Recorder(open_gate=False)
    batcher = Batcher(destination.send, max_items=2, max_queue=100, max_in_flight=1)
    assert batcher.waiting_seconds() == 0
    items = [batcher.submit(item) for item in (1, 2)]
    await destination.started.wait()
    await asyncio.sleep(0.05)

    alone = batcher.waiting_seconds()
    items += [batcher.submit(item) for item in (3, 4, 5, 6)]

    assert alone >= 0.05
    # Two more batches go first.
    assert batcher.waiting_seconds() >= 3 * alone
    destination.gate.set()
    await asyncio.gather(*items)
    assert batcher.waiting_seconds() == 0


async def test_items_that_come_thick_linger_for_company() -> None:
    destination = Recorder()
    batcher = Batcher(destination.send, max_items=10, max_queue=100, linger_seconds=0.2)
    await batcher.submit(1)

    second = batcher.submit(2)
    for _ in range(5):
        await asyncio.sleep(0)
    assert destination.batches == [[1]]
    third = batcher.submit(3)

    assert [await second, await third] == [4, 6]
    assert destination.batches == [[1], [2, 3]]


class Hands:
    """The hands of the event loop's clock, moved by the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._now = 0.0
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self._now)

    async def pass_by(self, seconds: float) -> None:
        """Let that time pass, and everything happen that is due by then."""
        self._now += seconds
        for _ in range(8):
            await asyncio.sleep(0)


async def test_a_small_batch_waits_for_the_one_under_way_but_a_worthwhile_one_does_not() -> None:
    destination = Recorder(open_gate=False)
    batcher = Batcher(destination.send, max_items=100, max_queue=100, max_in_flight=2, linger_seconds=0)
    items = [batcher.submit(0)]
    await destination.started.wait()

    items += [batcher.submit(item) for item in range(1, 32)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert destination.batches == [[0]]
    items.append(batcher.submit(32))
    for _ in range(5):
        await asyncio.sleep(0)
    assert destination.batches == [[0], [*range(1, 33)]]

    destination.gate.set()
    assert await asyncio.gather(*items) == [2 * item for item in range(33)]


async def test_a_small_batch_goes_when_the_one_under_way_has_ended() -> None:
    destination = Recorder(open_gate=False)
    batcher = Batcher(destination.send, max_items=100, max_queue=100, max_in_flight=2, linger_seconds=0)
    first = batcher.submit(1)
    await destination.started.wait()
    second = batcher.submit(2)
    destination.gate.set()

    assert [await first, await second] == [2, 4]
    assert destination.batches == [[1], [2]]


async def test_a_batch_that_hangs_does_not_hold_up_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    hands = Hands(monkeypatch)
    destination = Recorder(open_gate=False)
    batcher = Batcher(destination.send, max_items=10, max_queue=100, max_in_flight=2, linger_seconds=0.005)
    hanging = batcher.submit(1)
    await hands.pass_by(0)

    following = batcher.submit(2)
    await hands.pass_by(0.2)
    assert destination.batches == [[1]]
    await hands.pass_by(0.1)

    assert destination.batches == [[1], [2]]
    destination.gate.set()
    assert [await hanging, await following] == [2, 4]


async def test_a_full_batch_does_not_linger() -> None:
    destination = Recorder()
    batcher = Batcher(destination.send, max_items=3, max_queue=100, linger_seconds=60)
    await batcher.submit(1)

    async with asyncio.timeout(5):
        await asyncio.gather(*(batcher.submit(item) for item in (2, 3, 4)))

    assert destination.batches == [[1], [2, 3, 4]]


async def test_a_batch_is_bounded_in_bytes_but_takes_at_least_one_item() -> None:
    destination = Recorder()
    batcher = Batcher(
        destination.send, max_items=10, max_queue=100, linger_seconds=0, size_of=lambda item: item, max_bytes=10
    )

    await asyncio.gather(*(batcher.submit(item) for item in (4, 6, 1, 50, 2, 3)))

    assert destination.batches == [[4, 6], [1], [50], [2, 3]]


async def test_a_full_queue_refuses_and_takes_again_when_it_has_drained() -> None:
    destination = Recorder(open_gate=False)
    batcher = Batcher(destination.send, max_items=2, max_queue=3, linger_seconds=0)
    accepted = [batcher.submit(0)]
    await destination.started.wait()
    accepted += [batcher.submit(item) for item in (1, 2, 3)]

    with pytest.raises(DomainError) as refused:
        batcher.submit(4)
    assert (refused.value.kind, refused.value.reason) == (ErrorKind.RESOURCE_EXHAUSTED, "QUEUE_FULL")

    destination.gate.set()
    assert await asyncio.gather(*accepted) == [0, 2, 4, 6]
    assert await batcher.submit(5) == 10


async def test_an_exception_in_the_results_fails_that_item_alone() -> None:
    async def send(items: list[int]) -> list[int | Exception]:
        return [KeyError(item) if item == 2 else item for item in items]

    batcher = Batcher(send, max_items=10, max_queue=100)

    results = await asyncio.gather(*(batcher.submit(item) for item in (1, 2, 3)), return_exceptions=True)

    assert results[0] == 1
    assert isinstance(results[1], KeyError)
    assert results[2] == 3


async def test_an_exception_raised_fails_that_batch_and_no_other() -> None:
    async def send(items: list[int]) -> list[int | Exception]:
        if 1 in items:
            raise ConnectionError("gone")
        return [*items]

    batcher = Batcher(send, max_items=2, max_queue=100, linger_seconds=0)

    results = await asyncio.gather(*(batcher.submit(item) for item in (1, 2, 3, 4)), return_exceptions=True)

    assert [str(result) for result in results] == ["gone", "gone", "3", "4"]


async def test_too_few_results_fail_the_batch_instead_of_mixing_up_answers() -> None:
    async def send(items: list[int]) -> list[int | Exception]:
        return [*items[:-1]]

    batcher = Batcher(send, max_items=10, max_queue=100)

    with pytest.raises(RuntimeError, match="1 results for a batch of 2"):
        await asyncio.gather(batcher.submit(1), batcher.submit(2))


async def test_a_cancelled_submitter_leaves_the_others_untouched() -> None:
    destination = Recorder(open_gate=False)
    batcher = Batcher(destination.send, max_items=10, max_queue=100, linger_seconds=0)
    sent = [batcher.submit(1), batcher.submit(2)]
    await destination.started.wait()
    waiting = [batcher.submit(3), batcher.submit(4)]

    sent[0].cancel()
    waiting[0].cancel()
    destination.gate.set()

    assert [await sent[1], await waiting[1]] == [4, 8]
    assert destination.batches == [[1, 2], [4]]


async def test_a_call_cancelled_from_below_is_a_failure_and_no_cancellation() -> None:
    async def send(items: list[int]) -> list[int | Exception]:
        raise asyncio.CancelledError

    batcher = Batcher(send, max_items=10, max_queue=100)

    with pytest.raises(DomainError) as failed:
        await batcher.submit(1)
    assert failed.value.kind is ErrorKind.UNAVAILABLE


async def test_closing_sends_what_waits_and_refuses_the_rest() -> None:
    destination = Recorder()
    batcher = Batcher(destination.send, max_items=2, max_queue=100, linger_seconds=60)
    submitted = [batcher.submit(item) for item in range(5)]

    async with asyncio.timeout(5):
        await batcher.close()

    assert [future.result() for future in submitted] == [0, 2, 4, 6, 8]
    with pytest.raises(DomainError) as refused:
        batcher.submit(9)
    assert refused.value.kind is ErrorKind.UNAVAILABLE


_plans = st.lists(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["wait", "wait", "wait", "cancel"])), max_size=6), max_size=8
)


@settings(max_examples=examples(0.6))
@given(
    plans=_plans,
    max_items=st.integers(1, 5),
    max_in_flight=st.integers(1, 3),
    max_queue=st.integers(1, 12),
    pauses=st.lists(st.integers(0, 4), min_size=1, max_size=5),
    fails=st.sets(st.integers(0, 10)),
)
def test_everyone_gets_exactly_his_own_result_in_order(
    plans: list[list[tuple[int, str]]],
    max_items: int,
    max_in_flight: int,
    max_queue: int,
    pauses: list[int],
    fails: set[int],
) -> None:
    """Each plan is a submitter: for every item, turns of the loop to pass first, and whether to give up on it."""
    batches: list[list[tuple[int, int]]] = []
    running = most_running = longest_queue = 0

    async def send(items: list[tuple[int, int]]) -> list[tuple[int, int] | Exception]:
        nonlocal running, most_running
        number = len(batches)
        batches.append(items)
        running += 1
        most_running = max(most_running, running)
        for _ in range(pauses[number % len(pauses)]):
            await asyncio.sleep(0)
        running -= 1
        if number in fails:
            raise ConnectionError(str(number))
        return [*items]

    async def scenario() -> None:
        nonlocal longest_queue
        batcher = Batcher(
            send, max_items=max_items, max_in_flight=max_in_flight, max_queue=max_queue, linger_seconds=0.0005
        )

        async def submitter(number: int, plan: list[tuple[int, str]]) -> None:
            nonlocal longest_queue
            for position, (turns, ending) in enumerate(plan):
                for _ in range(turns):
                    await asyncio.sleep(0)
                await _submit_one(batcher, (number, position), ending)
                longest_queue = max(longest_queue, len(batcher))

        async with asyncio.timeout(10):
            await asyncio.gather(*(submitter(number, plan) for number, plan in enumerate(plans)))
            await batcher.close()

    asyncio.run(scenario())

    sent = [item for batch in batches for item in batch]
    assert len(sent) == len(set(sent))
    for number in range(len(plans)):
        own = [item for item in sent if item[0] == number]
        assert own == sorted(own)
    assert all(1 <= len(batch) <= max_items for batch in batches)
    assert most_running <= max_in_flight
    assert longest_queue <= max_queue


async def _submit_one(batcher: Batcher[tuple[int, int], tuple[int, int]], item: tuple[int, int], ending: str) -> None:
    with suppress(DomainError, ConnectionError):
        pending = batcher.submit(item)
        if ending == "cancel":
            pending.cancel()
        else:
            assert await pending == item


async def test_batches_wait_for_more_only_when_items_come_thick() -> None:
    destination = Recorder()
    batcher = Batcher(destination.send, max_items=10, max_queue=100, linger_seconds=60, dense_from=3)

    for item in range(4):
        assert await asyncio.wait_for(batcher.submit(item), 5) == 2 * item
    await asyncio.gather(*[batcher.submit(item) for item in (4, 5, 6)])
    waiting = batcher.submit(7)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.05)

    assert destination.batches == [[0], [1], [2], [3], [4, 5, 6]]
    await batcher.close()
    assert await waiting == 14
