"""Pauses of background tasks: long at rest, short once something is done."""

import asyncio

from services.process.heartbeats import repeat
from services.process.service_name import set_service_name
from services.process.stirring import Rest, stir
from tests.fixtures.background import running

_LONG = 60.0


async def _paused(rest: Rest, seconds: float, pace_seconds: float) -> float:
    """How long a pause took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.wait_for(rest.pause(seconds, pace_seconds), 30)
    return loop.time() - began


async def test_at_rest_a_pause_takes_its_time() -> None:
    assert await _paused(Rest(), 0.1, 0.01) >= 0.1


async def test_when_something_is_done_the_next_look_keeps_the_pace() -> None:
    rest = Rest()
    asyncio.get_running_loop().call_soon(stir)
    assert await _paused(rest, _LONG, 0.1) >= 0.1


async def test_what_is_done_after_the_pace_ends_a_pause_at_once() -> None:
    rest = Rest()
    loop = asyncio.get_running_loop()
    loop.call_later(0.2, stir)
    began = loop.time()
    await asyncio.wait_for(rest.pause(_LONG, 0.1), 30)
    assert loop.time() - began >= 0.2


async def test_who_hurries_waits_for_no_pace() -> None:
    rest = Rest()
    asyncio.get_running_loop().call_soon(rest.hurry)
    assert await _paused(rest, _LONG, _LONG) < _LONG / 2


async def test_who_hurries_is_heard_after_others_have_stirred() -> None:
    rest = Rest()
    loop = asyncio.get_running_loop()
    loop.call_soon(stir)
    loop.call_later(0.1, rest.hurry)
    assert await _paused(rest, _LONG, _LONG) >= 0.1


async def test_a_pace_makes_no_pause_longer() -> None:
    rest = Rest()
    asyncio.get_running_loop().call_soon(stir)
    assert await _paused(rest, 0.05, _LONG) < _LONG / 2


async def test_what_is_done_during_a_look_is_found_by_the_next() -> None:
    looks = 0

    async def look() -> float:
        nonlocal looks
        looks += 1
        if looks == 1:
            stir()
        if looks == 2:
            seen.set()
        return _LONG

    seen = asyncio.Event()
    async with running(repeat(look, _LONG, 0.0)):
        await asyncio.wait_for(seen.wait(), 30)


async def test_services_that_share_a_process_do_not_stir_each_other() -> None:
    async def do_something(service: str) -> None:
        set_service_name(service)
        stir()

    async def pause_of(service: str, done_by: str) -> float:
        set_service_name(service)
        rest = Rest()
        await asyncio.create_task(do_something(done_by))
        return await _paused(rest, 0.3, 0.0)

    assert await asyncio.create_task(pause_of("billing", "driver")) >= 0.3
    assert await asyncio.create_task(pause_of("billing", "billing")) < 0.3


async def test_what_was_done_before_a_look_is_not_looked_for_again() -> None:
    rest = Rest()
    stir()
    rest.begin_look()
    assert await _paused(rest, 0.1, 0.0) >= 0.1


async def test_what_fails_is_tried_again_in_its_own_time() -> None:
    times: list[float] = []
    done, loop = asyncio.Event(), asyncio.get_running_loop()

    async def fail() -> float:
        times.append(loop.time())
        if len(times) == 3:
            done.set()
        stir()
        raise RuntimeError("away")

    async with running(repeat(fail, 0.1, 0.0)):
        await asyncio.wait_for(done.wait(), 30)
    assert times[2] - times[0] >= 0.2
