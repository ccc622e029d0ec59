"""The process that renders documents: it holds nobody up, comes back, and goes."""

import asyncio
import os
import signal
import time

import pytest

from services.billing.adapters.document_worker import DocumentWorker
from services.kernel.errors import DomainError
from tests.fixtures.background import eventually
from tests.unit.services.billing.documents import DOCUMENTS, document, invoice

USUAL = DOCUMENTS["all kinds of lines and a discount"]
MANY, AT_ONCE = 100, 20
TICK_SECONDS = 0.005
# Beyond that others on the machine are to blame, or a thread that keeps the interpreter.
MOST_LAG_SECONDS = 0.05


async def _lags(until: asyncio.Task[None]) -> list[float]:
    """How late the event loop was, of many times, until something is done."""
    found = []
    while not until.done():
        began = time.monotonic()
        await asyncio.sleep(TICK_SECONDS)
        found.append(time.monotonic() - began - TICK_SECONDS)
    return sorted(found)


async def _render_many(worker: DocumentWorker) -> None:
    turns = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with turns:
            assert (await worker.render("me", USUAL)).startswith(b"%PDF-1.")

    await asyncio.gather(*(one() for _ in range(MANY)))


async def test_the_event_loop_is_not_held_up_while_a_hundred_documents_are_rendered() -> None:
    worker = DocumentWorker()
    lags = await _lags(asyncio.create_task(_render_many(worker)))
    await worker.close()
    assert len(lags) > MANY
    assert lags[len(lags) * 99 // 100] < MOST_LAG_SECONDS, lags[-5:]


async def test_a_process_that_was_killed_is_started_again_and_nothing_is_lost() -> None:
    worker = DocumentWorker()
    first = await worker.render("me", USUAL)
    before = worker.process_id
    assert before is not None
    os.kill(before, signal.SIGKILL)
    assert await worker.render("me", USUAL) == first
    assert worker.process_id not in (None, before)
    await worker.close()
    assert worker.process_id is None


async def test_it_ends_when_it_is_not_needed() -> None:
    worker = DocumentWorker(idle_seconds=0.05)
    await worker.render("me", USUAL)

    async def ended() -> bool:
        return worker.process_id is None

    await eventually(ended)
    assert (await worker.render("me", USUAL)).startswith(b"%PDF-1.")
    await worker.close()


async def test_a_document_that_takes_too_long_is_given_up() -> None:
    worker = DocumentWorker(longest_seconds=0.001)
    with pytest.raises(DomainError) as refused:
        await worker.render("me", USUAL)
    assert refused.value.reason == "UNAVAILABLE"
    await worker.close()


async def test_who_asks_for_too_many_at_once_is_told_to_come_again() -> None:
    worker = DocumentWorker()
    asked = [worker.render("me", USUAL) for _ in range(AT_ONCE + 1)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, DomainError)]
    assert [error.reason for error in refused] == ["QUEUE_FULL"]
    assert sum(isinstance(outcome, bytes) for outcome in outcomes) == AT_ONCE
    await worker.close()


async def test_what_cannot_be_rendered_fails_alone() -> None:
    worker = DocumentWorker()
    odd = document(invoice()._replace(number=None))  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="cannot be rendered"):
        await worker.render("me", odd)
    assert (await worker.render("me", USUAL)).startswith(b"%PDF-1.")
    await worker.close()
