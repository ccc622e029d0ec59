"""services.process.threads"""

import asyncio
import threading

import pytest

from services.kernel.errors import DomainError, ErrorKind
from services.process.threads import ThreadQueue

pytestmark = pytest.mark.field_case("E5")


class UnitOfWork:
    """Work that goes on until it is let go."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.begun = threading.Event()
        self.started = 0

    def __call__(self) -> str:
        self.started += 1
        self.begun.set()
        self.go_on.wait(30)
        return "done"


async def _refusal(queue: ThreadQueue, caller: str, work: UnitOfWork) -> DomainError:
    with pytest.raises(DomainError) as refused:
        await queue.run(caller, work)
    return refused.value


async def test_what_has_no_place_is_refused_at_once_and_told_when_to_come_back() -> None:
    queue, work = ThreadQueue("test", threads=2, places=4, places_each=3), UnitOfWork()
    under_way = [asyncio.ensure_future(queue.run("a", work)) for _ in range(3)]
    await asyncio.sleep(0)

    # One caller does not take all the places.
    crowded = await _refusal(queue, "a", work)
    under_way.append(asyncio.ensure_future(queue.run("b", work)))
    await asyncio.sleep(0)
    full = await _refusal(queue, "c", work)

    for error in (crowded, full):
        assert (error.kind, error.reason) == (ErrorKind.RESOURCE_EXHAUSTED, "QUEUE_FULL")
        assert error.metadata == {"retryAfterSeconds": "1"}
    assert work.started <= 2
    work.go_on.set()
    assert await asyncio.gather(*under_way) == ["done"] * 4
    assert await queue.run("a", lambda: "again") == "again"


async def test_whoever_goes_away_keeps_the_thread_busy_and_so_his_place() -> None:
    queue, work = ThreadQueue("test", threads=1, places=2, places_each=2), UnitOfWork()
    running = asyncio.ensure_future(queue.run("a", work))
    waiting = asyncio.ensure_future(queue.run("a", work))
    await asyncio.to_thread(work.begun.wait, 30)

    running.cancel()
    waiting.cancel()
    await asyncio.gather(running, waiting, return_exceptions=True)

    # What waited is taken back; what runs goes on, and no second thread is begun.
    next_one = asyncio.ensure_future(queue.run("b", work))
    await asyncio.sleep(0)
    await _refusal(queue, "c", work)
    assert work.started == 1
    work.go_on.set()
    assert await next_one == "done"


async def test_a_failure_is_the_callers_and_frees_the_place() -> None:
    queue = ThreadQueue("test", threads=1, places=1, places_each=1)

    def fail() -> None:
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            await queue.run("a", fail)
