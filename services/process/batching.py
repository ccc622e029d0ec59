"""Gathers single items into batches: one call, one transaction or one COPY for many of them.

A lone item goes at once; while a batch is under way, or when items come thick, the next ones gather. Knows nothing
of what it carries. For one event loop.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from services.kernel.errors import DomainError, ErrorKind, unavailable
from services.process import metrics

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_Entry = tuple[_Item, asyncio.Future[_Result]]

# As many share the cost of a call well enough for two calls at a time.
_ENOUGH = 32
# One that hangs does not hold up all others.
_PATIENCE_SECONDS = 0.25


class Batcher(Generic[_Item, _Result]):
    """Sends submitted items in batches and gives everyone their own result.

    `send` gets at most `max_items` items (and no more than `max_bytes` by `size_of`, but always one) in the order
    they were submitted, and answers with as many results in that order; an Exception among them is the failure of
    that item alone, an exception raised fails the whole batch. At most `max_in_flight` calls of it run at once, and
    beside another only batches of 32 items or more: smaller ones wait for the one under way, a quarter of a second at
    most. One that is not full starts no sooner than `linger_seconds` after the one before, if that had `dense_from`
    items at least: fewer are not worth a wait. Made inside a running event loop.
    """

    def __init__(
        self,
        send: Callable[[list[_Item]], Awaitable[Sequence[_Result | Exception]]],
        *,
        max_items: int,
        max_queue: int,
        max_in_flight: int = 1,
        linger_seconds: float = 0.003,
        dense_from: int = 0,
        size_of: Callable[[_Item], int] | None = None,
        max_bytes: int = 4 * 1024 * 1024,
        name: str = "unnamed",
    ) -> None:
        self._send = send
        self._max_items = max_items
        self._max_queue = max_queue
        self._max_in_flight = max_in_flight
        self._enough = min(_ENOUGH, max_items)
        self._linger = linger_seconds
        self._dense_from = dense_from
        self._size_of = size_of
        self._max_bytes = max_bytes
        self._loop = asyncio.get_running_loop()
        # Batches serve many submitters: they run in the context of who made the batcher, not of who came first.
        self._context = contextvars.copy_context()
        self._queue: deque[_Entry[_Item, _Result]] = deque()
        self._in_flight = 0
        # The batches under way and when each has started.
        self._tasks: dict[asyncio.Task[None], float] = {}
        self._wake_up: asyncio.Handle | None = None
        self._last_started = float("-inf")
        self._last_size = 0
        self._closed = False
        self._items_sent = metrics.counter("batch_items_total", "Items sent in batches.", batcher=name)
        self._batches_sent = metrics.counter("batches_total", "Batches sent.", batcher=name)
        self._refused = metrics.counter("batch_refused_total", "Items refused by a full queue.", batcher=name)
        metrics.gauge("batch_queue_length", "Items waiting.", batcher=name).read_from(self._queue.__len__)

    def __len__(self) -> int:
        """Items that wait to be sent."""
        return len(self._queue)

    def submit(self, item: _Item) -> asyncio.Future[_Result]:
        """Queue `item`; await what is returned for its result. Cancelling that takes the item out if it still waits.

        Raises DomainError at once: RESOURCE_EXHAUSTED when the queue is full, UNAVAILABLE after `close`.
        """
        queue = self._queue
        waiting = len(queue)
        if waiting >= self._max_queue or self._closed:
            raise self._refusal()
        future: asyncio.Future[_Result] = self._loop.create_future()
        queue.append((item, future))
        if waiting == 0 or waiting + 1 == self._enough or waiting + 1 == self._max_items:
            self._schedule()
        return future

    def waiting_seconds(self) -> float:
        """About how long an item submitted now waits for its result: the batches before it take as long as the one
        that is under way longest has taken up to now. Zero when none is."""
        if not self._tasks:
            return 0.0
        taken = self._loop.time() - min(self._tasks.values())
        return taken * (1 + len(self._queue) / (self._max_items * self._max_in_flight))

    async def close(self) -> None:
        """Refuse new items, send those that wait, and return when the last one is answered."""
        self._closed = True
        while self._queue or self._tasks:
            self._start_batch()
            if self._tasks:
                await asyncio.wait(self._tasks)

    def _refusal(self) -> DomainError:
        if self._closed:
            return unavailable("the server is stopping")
        self._refused.add()
        return DomainError(ErrorKind.RESOURCE_EXHAUSTED, "QUEUE_FULL", "too much is waiting; try again later")

    def _schedule(self) -> None:
        """Settle when the next batch starts."""
        if self._wake_up is not None:
            self._wake_up.cancel()
            self._wake_up = None
        wait = self._wait() if self._queue else None
        if wait is None:
            return
        if wait > 0:
            self._wake_up = self._loop.call_later(wait, self._start_batch, context=self._context)
        else:
            # Not in this instant: what else this turn of the loop brings goes along.
            self._wake_up = self._loop.call_soon(self._start_batch, context=self._context)

    def _wait(self) -> float | None:
        """Seconds until the next batch may start; None when another has to end first, which settles it anew."""
        if self._in_flight >= self._max_in_flight:
            return None
        if len(self._queue) >= self._max_items:
            return 0
        # Two small ones at a time would only make each other slower.
        if self._in_flight and len(self._queue) < self._enough:
            pause = _PATIENCE_SECONDS
        else:
            pause = self._linger if self._last_size >= self._dense_from else 0.0
        return self._last_started + pause - self._loop.time()

    def _start_batch(self) -> None:
        if self._in_flight < self._max_in_flight:
            batch = self._take()
            if batch:
                self._in_flight += 1
                self._last_started, self._last_size = self._loop.time(), len(batch)
                task = self._loop.create_task(self._run(batch), context=self._context)
                self._tasks[task] = self._last_started
                task.add_done_callback(self._tasks.pop)
        self._schedule()

    def _take(self) -> list[_Entry[_Item, _Result]]:
        batch: list[_Entry[_Item, _Result]] = []
        queue, room = self._queue, self._max_bytes
        while queue and len(batch) < self._max_items:
            entry = queue[0]
            if not entry[1].cancelled():
                if self._size_of is not None:
                    room -= self._size_of(entry[0])
                    if room < 0 and batch:
                        break
                batch.append(entry)
            queue.popleft()
        return batch

    async def _run(self, batch: list[_Entry[_Item, _Result]]) -> None:
        try:
            results = await self._send([item for item, _ in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"{len(results)} results for a batch of {len(batch)}")
        except Exception as error:
            _fail(batch, error)
        except asyncio.CancelledError:
            # A channel that is closed cancels its calls. To the submitters, whom nobody cancelled, that is a failure.
            _fail(batch, unavailable("the batch was given up"))
            raise
        else:
            self._items_sent.add(len(batch))
            self._batches_sent.add()
            for (_, future), result in zip(batch, results, strict=True):
                if future.done():
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)
        finally:
            self._in_flight -= 1
            self._schedule()


def _fail(batch: list[_Entry[_Item, _Result]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
