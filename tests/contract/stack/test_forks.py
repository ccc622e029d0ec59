"""Programs that are forked by a process that has loaded their libraries: children like any other, sooner."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stack import children
from stack.children import Child, Program
from stack.forks import ForkServer
from stack.inherited import process_environment
from tests.contract.stack.conftest import Eventually

HELLO = "tests.contract.stack.forked_hello"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands children over")


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    """A fork server that has loaded."""
    with ForkServer() as server:
        log = tmp_path_factory.mktemp("forks") / "forks.log"
        server.start(process_environment(), log)
        yield _settled(server, log)


def _settled(server: ForkServer, log: Path) -> ForkServer:
    give_up_at = time.monotonic() + 60
    while not server.is_settled():
        assert time.monotonic() < give_up_at, log.read_text()
        time.sleep(0.02)
    return server


def start(forks: ForkServer | None, log: Path, *arguments: str, module: str = HELLO, **environment: str) -> Child:
    program = Program(
        "hello",
        [sys.executable, "-m", module, *arguments],
        {**process_environment(), **environment},
        may_be_forked=True,
    )
    return children.start(program, log, forks)


def said(child: Child, eventually: Eventually) -> dict[str, Any]:
    eventually(lambda: child.log.read_text().endswith("\n"))
    reported: dict[str, Any] = json.loads(child.log.read_text())
    return reported


def test_a_forked_program_finds_what_one_that_was_started_finds(
    forks: ForkServer, tmp_path: Path, eventually: Eventually
) -> None:
    forked = start(forks, tmp_path / "forked.log", "one", "--two", GREETING="hello")
    started = start(None, tmp_path / "started.log", "one", "--two", GREETING="hello")
    found, expected = said(forked, eventually), said(started, eventually)
    assert set(found["modules"]) > set(expected["modules"])
    for child, reported in ((forked, found), (started, expected)):
        assert reported["session"] == child.pid
        assert reported["parent"] == os.getpid()
        assert reported["threads"] == 1
    for same in ("arguments", "greeting", "variables"):
        assert found[same] == expected[same]
    assert [child.stop() for child in (forked, started)] == [7, 7]


def test_nothing_of_one_service_is_loaded_in_another(forks: ForkServer, tmp_path: Path, eventually: Eventually) -> None:
    child = start(forks, tmp_path / "log")
    loaded = said(child, eventually)["modules"]
    child.stop()
    assert "services.rpc.server" in loaded
    services = ("station", "driver", "billing", "monitoring", "transaction")
    assert [name for name in loaded if name.split(".")[:2] in [["services", each] for each in services]] == []
    assert [name for name in loaded if name.startswith("ocpp_edge")] == []


def test_its_end_is_told_however_it_ends(forks: ForkServer, tmp_path: Path, eventually: Eventually) -> None:
    killed = start(forks, tmp_path / "killed.log")
    said(killed, eventually)
    os.kill(killed.pid, signal.SIGKILL)
    eventually(lambda: killed.exit_code() == -signal.SIGKILL)
    assert "SIGKILL" in killed.obituary()
    broken = start(forks, tmp_path / "broken.log", module="services.nobody")
    eventually(lambda: broken.exit_code() == 1)
    assert "No module named services.nobody" in broken.obituary()


def test_a_service_that_is_told_too_little_says_so_as_if_it_had_been_started(
    forks: ForkServer, tmp_path: Path, eventually: Eventually
) -> None:
    child = start(forks, tmp_path / "log", module="services.driver")
    eventually(lambda: child.exit_code() == 2)
    assert "bad settings: LISTEN_PORT" in child.log.read_text()


def test_without_a_server_that_can_fork_programs_are_started_as_usual(tmp_path: Path, eventually: Eventually) -> None:
    gone = ForkServer()
    gone.start(process_environment(), tmp_path / "forks.log")
    _settled(gone, tmp_path / "forks.log")
    assert gone._process is not None
    gone._process.kill()
    gone._process.wait()
    try:
        for server in (gone, gone, ForkServer()):
            child = start(server, tmp_path / "log")
            said(child, eventually)
            assert child.stop() == 7
            child.log.unlink()
    finally:
        gone.stop()


def test_those_who_were_forked_die_with_who_asked_for_them(tmp_path: Path, eventually: Eventually) -> None:
    code = f"""
import sys, time
from pathlib import Path
from stack import children
from stack.children import Program
from stack.inherited import process_environment
from stack.forks import ForkServer
forks = ForkServer()
forks.start(process_environment(), Path(sys.argv[1]) / "forks.log")
while not forks.is_settled():
    time.sleep(0.02)
program = Program("hello", [sys.executable, "-m", "{HELLO}"], process_environment(), may_be_forked=True)
child = children.start(program, Path(sys.argv[1]) / "hello.log", forks)
print(child.pid, forks._process.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=process_environment()
    ) as asked:
        assert asked.stdout is not None
        pids = [int(pid) for pid in asked.stdout.readline().split()]
        asked.kill()
    assert len(pids) == 2
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
