import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from stack import postgres, priority
from tests.contract.stack.conftest import Eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets others be put last in this way")

_BUSY_SECONDS = 1.0
# Two of these want one processor all the time, and tell how much of it they had.
_BUSY = f"""
import os, sys, time
os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}})
print("ready", flush=True)
sys.stdin.readline()
begin, used = time.monotonic(), time.process_time()
while time.monotonic() < begin + {_BUSY_SECONDS}: pass
print(time.process_time() - used)
"""
Connect = Callable[[str], "psycopg.Connection"]


@pytest.fixture
def busy() -> Iterator[dict[str, "subprocess.Popen[str]"]]:
    """Two processes that wait for a line before they use the processor, each in a session of its own."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    processes = {
        name: subprocess.Popen([sys.executable, "-c", _BUSY], text=True, start_new_session=True, **pipes)  # type: ignore[call-overload]
        for name in ("transaction", "billing-2")
    }
    yield processes
    for process in processes.values():
        process.kill()
        process.communicate()


@pytest.fixture
def connect(postgres_server: postgres.Server) -> Connect:
    """Connects to a database of the server."""
    return lambda database: psycopg.connect(postgres_server.url, dbname=database, autocommit=True)


def niceness(connection: psycopg.Connection) -> int:
    return os.getpriority(os.PRIO_PROCESS, connection.info.backend_pid)


def test_a_follower_leaves_the_processor_to_the_others(busy: dict[str, "subprocess.Popen[str]"]) -> None:
    for process in busy.values():
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    priority.put_last({name: process.pid for name, process in busy.items()}, {"billing"}, (), 10)
    for process in busy.values():
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    used = {name: float(process.communicate(timeout=30)[0]) for name, process in busy.items()}
    # Even shares would be 50 to 50; these are 90 to 10.
    assert used["transaction"] > 2 * used["billing-2"]


def test_only_backends_of_the_databases_that_are_named_go_last(
    connect: Connect, postgres_server: postgres.Server
) -> None:
    pids = {"postgres": postgres_server.child.pid}
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    with connect("postgres") as path, connect("template1") as follower:
        priority.put_last(pids, frozenset(), ["template1"], 5)
        assert (niceness(path), niceness(follower)) == (usual, min(usual + 5, 19))
        if os.path.exists("/proc/self/autogroup"):
            sessions = [f"/proc/{each.info.backend_pid}/autogroup" for each in (path, follower)]
            assert [Path(session).read_text().split()[-1] for session in sessions] == ["0", "5"]


async def test_a_connection_that_is_made_later_goes_last_as_well(
    connect: Connect, postgres_server: postgres.Server, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stack.priority._COMING_UP_SECONDS", 0.0)
    pids = {"postgres": postgres_server.child.pid}
    expected = min(os.getpriority(os.PRIO_PROCESS, 0) + 5, 19)
    keeping = asyncio.create_task(priority.keep_last(lambda: pids, frozenset(), ["template1"], 5))
    await asyncio.sleep(0)
    with connect("template1") as follower:
        await asyncio.to_thread(eventually, lambda: niceness(follower) == expected)
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping


async def test_who_is_started_again_comes_up_before_he_goes_last(
    busy: dict[str, "subprocess.Popen[str]"], eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stack.priority._LOOK_SECONDS", 0.01)
    monkeypatch.setattr("stack.priority._COMING_UP_SECONDS", 0.5)
    pid = busy["billing-2"].pid
    usual = os.getpriority(os.PRIO_PROCESS, pid)
    looks = 0

    def pids() -> dict[str, int]:
        nonlocal looks
        looks += 1
        return {"billing-2": pid}

    keeping = asyncio.create_task(priority.keep_last(pids, {"billing"}, (), 5))
    begin = asyncio.get_running_loop().time()
    await asyncio.to_thread(eventually, lambda: os.getpriority(os.PRIO_PROCESS, pid) == min(usual + 5, 19))
    assert asyncio.get_running_loop().time() >= begin + 0.5
    assert looks > 1
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping


def test_processes_that_are_gone_are_no_harm() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    priority.put_last({"billing": gone.pid, "postgres": gone.pid}, {"billing"}, ["template1"], 5)
