"""Signals reach a process with all that it started, and what was frozen goes on."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from typing import cast

import psutil
import pytest

from chaos import injection, queues
from chaos.schedule import Fault, FaultKind
from chaos.system import System

_PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"


@pytest.fixture
def family() -> Iterator[list[psutil.Process]]:
    """A process and the one that it started."""
    head = subprocess.Popen([sys.executable, "-c", _PARENT])
    process = psutil.Process(head.pid)
    while not (children := process.children()):
        pass
    yield [process, *children]
    for child in children:
        if child.is_running():
            child.kill()
    head.kill()
    head.wait()


def test_whoever_is_killed_takes_his_children_along(family: list[psutil.Process]) -> None:
    head, child = family
    assert injection._kill(head.pid) == 2
    gone, alive = psutil.wait_procs([head, child], timeout=5)
    assert alive == []
    assert len(gone) == 2
    assert injection._kill(head.pid) == 0


async def test_whoever_is_frozen_stands_still_and_goes_on(family: list[psutil.Process]) -> None:
    head, child = family
    with injection._frozen([head.pid]):
        async with asyncio.timeout(5):
            while {head.status(), child.status()} != {psutil.STATUS_STOPPED}:  # noqa: ASYNC110  # another process' state
                await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        while psutil.STATUS_STOPPED in (head.status(), child.status()):  # noqa: ASYNC110  # another process' state
            await asyncio.sleep(0.01)
    assert child.is_running()


async def test_whoever_is_killed_while_frozen_is_no_trouble(family: list[psutil.Process]) -> None:
    with injection._frozen([family[0].pid]):
        injection._kill(family[0].pid)
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []


async def test_a_queue_is_filled_until_something_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = iter([0, 0, 0, 7])
    monkeypatch.setattr(injection, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(queues, "waiting", lambda system, stopped: next(waiting))
    fault = Fault(0.0, FaultKind.FILL, ("nats",), 0.0)
    assert await injection._deepest(cast(System, None), fault) == 7
