"""Heartbeats tell tasks that get on from those that fail or stand still, and nothing ends a repeated one."""

import asyncio
import logging

import pytest

from services.kernel.errors import unavailable
from services.process import heartbeats
from services.process.heartbeats import FAILURES_IN_A_ROW, Heartbeat, TaskState, beating, every, heartbeat, repeat
from services.process.prometheus import render
from tests.fixtures.background import running


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The one clock of heartbeats; tests move it by changing its only entry."""
    now = [1000.0]
    monkeypatch.setattr(heartbeats, "monotonic", lambda: now[0])
    return now


def test_a_task_fails_when_it_has_failed_several_times_in_a_row() -> None:
    beat = Heartbeat("matching")
    for _ in range(FAILURES_IN_A_ROW - 1):
        beat.failed(unavailable("away"))
    beat.alive()
    assert beat.state is TaskState.WORKING
    beat.failed(unavailable("away"))
    assert (beat.state, beat.failures, beat.error) == (TaskState.FAILING, FAILURES_IN_A_ROW, "away")
    beat.got_on()
    assert (beat.state, beat.failures, beat.error) == (TaskState.WORKING, 0, "")


def test_a_task_is_stuck_when_it_says_nothing_for_longer_than_its_steps_take(seconds: list[float]) -> None:
    beat, patient = Heartbeat("matching", 60), Heartbeat("listening")
    seconds[0] += 59
    assert beat.state is TaskState.WORKING
    seconds[0] += 2
    assert (beat.state, patient.state) == (TaskState.STUCK, TaskState.WORKING)
    for word in (beat.got_on, beat.alive, lambda: beat.failed(unavailable("away"))):
        word()
        assert str(beat.state) == "WORKING"
        seconds[0] += 61
        assert str(beat.state) == "STUCK"


def test_others_hear_nothing_of_our_own_defects(caplog: pytest.LogCaptureFixture) -> None:
    beat = Heartbeat("matching")
    with caplog.at_level(logging.ERROR):
        for _ in range(5):
            beat.failed(KeyError("a secret"))
    assert beat.error == "internal error"
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_failures_and_silence_are_metrics(seconds: list[float]) -> None:
    beat = Heartbeat("a measured task", 60)
    beat.failed(unavailable("away"))
    seconds[0] += 7
    reported = render()
    assert 'background_task_failures_total{task="a measured task"} 1' in reported
    assert 'background_task_silence_seconds{task="a measured task"} 7' in reported


async def test_a_repeated_task_goes_on_whatever_fails() -> None:
    watched, failures = Heartbeat("sample"), [KeyError("x"), unavailable("away"), ZeroDivisionError(), OSError()]
    steps: list[int] = []
    enough = asyncio.Event()

    async def step() -> float:
        assert heartbeat() is watched
        steps.append(watched.failures)
        if len(steps) == 6:
            enough.set()
        if failures:
            raise failures.pop()
        return 0.001

    async with running(beating(watched, lambda: repeat(step, 0.001))):
        await asyncio.wait_for(enough.wait(), 30)
    assert steps[:6] == [0, 1, 2, 3, 4, 0]


async def test_a_repeated_task_can_be_cancelled() -> None:
    task = asyncio.create_task(repeat(asyncio.Event().wait, 0.001))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(("retry_seconds", "pauses"), [(None, [60.0, 60.0]), (5.0, [5.0, 60.0])])
async def test_what_is_done_at_intervals_is_tried_again_sooner_where_that_is_said(
    monkeypatch: pytest.MonkeyPatch, retry_seconds: float | None, pauses: list[float]
) -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == len(pauses):
            raise asyncio.CancelledError

    failures = [unavailable("away")]

    async def work() -> str:
        if failures:
            raise failures.pop()
        return "what comes of it counts for nothing"

    monkeypatch.setattr(asyncio, "sleep", wait)
    with pytest.raises(asyncio.CancelledError):
        await every(60.0, work, retry_seconds)
    assert waited == pauses
