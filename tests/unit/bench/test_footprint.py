"""Memory and wake-ups of a family of processes go by the name of the nearest that has one."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from bench import footprint

_SLEEPER = "import time\nwhile True: time.sleep(0.01)"
_PARENT = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {_SLEEPER!r}])"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells")


@pytest.fixture
def parent() -> Iterator[int]:
    """A process with a child that wakes up a hundred times a second."""
    process = subprocess.Popen([sys.executable, "-c", _PARENT], start_new_session=True)
    try:
        while len(footprint.starters(process.pid, {})) < 2:
            time.sleep(0.01)
        yield process.pid
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def test_who_has_no_name_counts_as_the_first(parent: int) -> None:
    first, child = footprint.starters(parent, {}).values()
    assert first == parent
    assert footprint.starters(parent, {"edge": child}) == {footprint.FIRST: parent}
    apart, together = footprint.memory(parent, {"edge": child}), footprint.memory(parent, {})
    assert set(apart.rss) == set(apart.pss) == {footprint.FIRST, "edge"}
    assert together.rss[footprint.FIRST] > apart.rss[footprint.FIRST] > 1
    # Pages of the interpreter are shared by both.
    assert 0 < apart.pss["edge"] < apart.rss["edge"]


def test_wake_ups_are_those_of_the_process_that_woke_up(parent: int) -> None:
    names = {"edge": footprint.starters(parent, {})[f"{footprint.FIRST} 2"]}
    before = footprint.wake_ups(parent, names)
    while (after := footprint.wake_ups(parent, names))["edge"] < before["edge"] + 10:
        time.sleep(0.01)
    assert after[footprint.FIRST] - before[footprint.FIRST] < 10
