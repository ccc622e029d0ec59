import asyncio
from contextlib import suppress

import pytest

from services.messaging.event_bus import heed_cancellation


async def test_a_swallowed_cancellation_is_heeded() -> None:
    async def loop_over_a_library_that_swallows() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        heed_cancellation()
        raise AssertionError("went on")

    task = asyncio.create_task(loop_over_a_library_that_swallows())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_task_that_nobody_cancelled_goes_on() -> None:
    heed_cancellation()
    with suppress(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.sleep(3600)
    heed_cancellation()
