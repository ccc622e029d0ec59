"""Signals reach a process with all that it started, and what was frozen goes on."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from chaos import injection

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


async def test_whoever_is_frozen_stands_still_for_the_time_and_goes_on(family: list[psutil.Process]) -> None:
    head, child = family
    freezing = asyncio.create_task(injection._freeze([head.pid], 0.2))
    async with asyncio.timeout(5):
        while {head.status(), child.status()} != {psutil.STATUS_STOPPED}:  # noqa: ASYNC110  # another process' state
            await asyncio.sleep(0.01)
    await freezing
    async with asyncio.timeout(5):
        while psutil.STATUS_STOPPED in (head.status(), child.status()):  # noqa: ASYNC110  # another process' state
            await asyncio.sleep(0.01)
    assert child.is_running()


async def test_whoever_is_killed_while_frozen_is_no_trouble(family: list[psutil.Process]) -> None:
    freezing = asyncio.create_task(injection._freeze([family[0].pid], 0.2))
    await asyncio.sleep(0)
    injection._kill(family[0].pid)
    await freezing
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []
