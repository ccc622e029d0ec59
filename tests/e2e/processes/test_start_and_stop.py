"""How the system comes up and goes down: demo data, Ctrl-C, a second start, ports in use, a dead child, two stacks."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack import postgres
from stack.config import python_path
from stack.room import claimed_offset
from tests.fixtures.system import System, running_system, until


@pytest.fixture
def state_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="csms-e2e-"))
    yield folder
    postgres.remove(folder / "postgres")
    shutil.rmtree(folder, ignore_errors=True)


def test_a_second_start_finds_the_demo_data_again(system: System, state_dir: Path) -> None:
    # `system` runs beside it all the time: two stacks do not see each other.
    with running_system(state_dir) as first:
        stations = first.get("/stations").json
        assert stations["totalSize"] == 3
        assert first.get("/drivers").json["totalSize"] == 10
        assert first.get("/rfid-cards").json["totalSize"] == 10
        points = {point["id"]: point for point in first.get("/charge-points").data}
        assert set(points) == {"CP001", "CP002", "CP003", "CP004", "CP005"}
        until(lambda: first.get("/connections").json["totalSize"] == 3)
        until(lambda: first.get("/transactions?state=ACTIVE").data, within_seconds=30)
        assert "csms token --role operator" in "".join(first.output)
        assert first.stop() == 0
    with running_system(state_dir) as second:
        again = second.get("/stations").json
        assert {station["id"] for station in again["data"]} == {station["id"] for station in stations["data"]}
        pid = second.process.pid
        assert second.csms("up").stderr.count("\n") == 1
        assert second.csms("clean").returncode == 1
    assert not Path(f"/proc/{pid}").exists()
    cleaned = subprocess.run(
        [sys.executable, "-m", "stack.cli", "clean"], env=second.environment, timeout=30, check=False
    )
    assert cleaned.returncode == 0
    assert not (state_dir / "logs").exists()


def test_a_port_in_use_is_one_clear_line(state_dir: Path) -> None:
    # Connections of a stack that had these ports a moment ago may still linger, which must not hinder us.
    with claimed_offset() as offset, socket.create_server(("127.0.0.1", 3000 + offset)):
        environment = {
            **os.environ,
            "PYTHONPATH": python_path(),
            "CSMS_PORT_OFFSET": str(offset),
            "CSMS_STATE_DIR": str(state_dir),
        }
        done = subprocess.run(
            [sys.executable, "-m", "stack.cli", "up"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    assert str(3000 + offset) in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr.count("\n") == 1


def test_a_dead_child_is_one_clear_line_and_everything_stops(state_dir: Path) -> None:
    with running_system(state_dir, "--no-demo") as stack:
        pids = json.loads((state_dir / "processes.json").read_text())
        os.kill(pids["billing"], signal.SIGKILL)
        assert stack.process.wait(30) == 1
    said = "".join(stack.output)
    assert "billing" in said.splitlines()[-1] or "billing" in said.splitlines()[-2]
    assert "Traceback" not in said
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids.values())


@pytest.mark.field_case("C16")
def test_a_stack_in_the_background_is_stopped_by_its_state_directory(state_dir: Path) -> None:
    with claimed_offset() as offset:
        environment = {
            **os.environ,
            "PYTHONPATH": python_path(),
            "CSMS_PORT_OFFSET": str(offset),
            "CSMS_STATE_DIR": str(state_dir),
        }

        def csms(*words: str) -> "subprocess.CompletedProcess[str]":
            return subprocess.run(
                [sys.executable, "-m", "stack.cli", *words],
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )

        started = csms("up", "--detach", "--no-demo")
        try:
            assert (started.returncode, started.stderr) == (0, "")
            assert started.stdout.startswith("CSMS is up after")
            # Nobody is at its terminal.
            assert "Ctrl-C" not in started.stdout
            assert f"CSMS_STATE_DIR={state_dir} " in started.stdout.splitlines()[0]
            assert csms("status").returncode == 0
            pids = json.loads((state_dir / "processes.json").read_text())
            assert csms("up", "--detach").returncode == 1
        finally:
            stopped = csms("stop")
        assert stopped.returncode == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids.values())
        assert csms("stop").stderr.startswith("csms: no stack runs on")
