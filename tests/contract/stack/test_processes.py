import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from stack import children
from stack.children import Program
from stack.errors import StackError
from stack.processes import Supervisor
from stack.restarts import Restarts
from tests.contract.stack import supervised
from tests.contract.stack.conftest import Eventually

ROOT = Path(__file__).resolve().parents[3]
Run = Callable[..., tuple["subprocess.Popen[str]", list[int]]]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Starts a supervisor process with trivial children; gives it and their pids."""
    started: list[subprocess.Popen[str]] = []

    def start(*names: str, grace_seconds: float = 10) -> tuple["subprocess.Popen[str]", list[int]]:
        command = [sys.executable, "-m", "tests.contract.stack.supervised", str(tmp_path), str(grace_seconds), *names]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        return process, [int(pid) for pid in process.stdout.readline().split()]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def supervisor(tmp_path: Path) -> Supervisor:
    return Supervisor(tmp_path / "logs", lambda _text: None, grace_seconds=10)


def python(name: str, code: str, **options: object) -> Program:
    return Program(name, [sys.executable, "-c", code], os.environ, **options)  # type: ignore[arg-type]


def is_gone(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_in_reverse_order(number: signal.Signals, run: Run, tmp_path: Path) -> None:
    process, pids = run("first", "second", "third")
    process.send_signal(number)
    assert process.wait(10) == 0
    assert (tmp_path / "ended").read_text().split() == ["third", "second", "first"]
    assert all(is_gone(pid) for pid in pids)


def test_no_child_survives_a_killed_supervisor(run: Run, eventually: Eventually) -> None:
    process, pids = run("obedient", "stubborn:deaf")
    assert len(pids) == 2
    process.kill()
    eventually(lambda: all(is_gone(pid) for pid in pids))


def test_a_child_that_does_not_stop_is_killed_after_the_grace_period(run: Run) -> None:
    process, [pid] = run("stubborn:deaf", grace_seconds=0.2)
    process.terminate()
    said, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "killing stubborn" in said
    assert is_gone(pid)


def test_a_second_signal_does_not_wait_for_the_grace_period(run: Run, tmp_path: Path, eventually: Eventually) -> None:
    process, pids = run("first", "stubborn:deaf", grace_seconds=60)
    process.send_signal(signal.SIGINT)
    eventually((tmp_path / "ended").exists)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert all(is_gone(pid) for pid in pids)


async def test_a_child_that_dies_ends_the_stack_and_is_named(supervisor: Supervisor, tmp_path: Path) -> None:
    first, second = supervisor.layer(), supervisor.layer()

    async def work() -> None:
        await first.start(supervised.child(tmp_path, "steady"))
        await second.start(python("frail", "print('my last words', flush=True); raise SystemExit(3)"))
        await asyncio.Event().wait()

    with pytest.raises(StackError, match=r"^frail ended with exit code 3; last log line: my last words$"):
        await supervisor.run(work)
    assert (tmp_path / "ended").read_text() == "steady\n"
    assert [child.exit_code() for child in first.children] == [0]


async def test_a_child_killed_from_outside_is_noticed_at_once(supervisor: Supervisor, tmp_path: Path) -> None:
    layer = supervisor.layer()
    killed_at = 0.0

    async def work() -> None:
        nonlocal killed_at
        await layer.start(supervised.child(tmp_path, "victim"), supervised.child(tmp_path, "other"))
        killed_at = time.monotonic()
        os.kill(layer.children[0].pid, signal.SIGKILL)
        await asyncio.Event().wait()

    with pytest.raises(StackError, match=r"^victim was ended by SIGKILL; it logged nothing"):
        await supervisor.run(work)
    assert time.monotonic() - killed_at < 5


async def test_a_child_that_is_never_ready_fails_the_start(supervisor: Supervisor) -> None:
    slow = python("slow", "import time; time.sleep(60)", ready=lambda _pid: False, ready_within_seconds=0.1)
    with pytest.raises(StackError, match=r"^slow was not ready within 0\.1 s"):
        await supervisor.run(lambda: supervisor.layer().start(slow))


async def test_a_program_that_does_not_exist_fails_the_start(supervisor: Supervisor, tmp_path: Path) -> None:
    missing = Program("missing", [str(tmp_path / "nothing")], {})
    with pytest.raises(StackError, match=r"^missing could not be started: .*No such file"):
        await supervisor.run(lambda: supervisor.layer().start(missing))


async def test_jobs_run_side_by_side_to_their_end(supervisor: Supervisor, tmp_path: Path) -> None:
    # Each waits for the other's file: one after the other they would never end.
    code = (
        "import pathlib, time\n"
        "pathlib.Path({mine!r}).touch()\n"
        "while not pathlib.Path({its!r}).exists(): time.sleep(0.01)"
    )
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    jobs = [python("job-1", code.format(mine=one, its=two)), python("job-2", code.format(mine=two, its=one))]
    await asyncio.wait_for(supervisor.run(lambda: supervisor.complete(*jobs)), 10)


async def test_a_job_that_fails_ends_the_others_and_is_named(supervisor: Supervisor) -> None:
    jobs = [python("endless", "import time; time.sleep(60)"), python("broken", "raise SystemExit('no such table')")]
    with pytest.raises(StackError, match=r"^broken ended with exit code 1; last log line: no such table$"):
        await asyncio.wait_for(supervisor.run(lambda: supervisor.complete(*jobs)), 10)


async def test_the_log_of_the_run_before_is_kept_beside_the_new_one(supervisor: Supervisor, tmp_path: Path) -> None:
    for words in ("yesterday", "today"):
        await supervisor.run(lambda words=words: supervisor.complete(python("job", f"print({words!r})")))  # type: ignore[misc]
    assert (tmp_path / "logs" / "job.log").read_text() == "today\n"
    assert (tmp_path / "logs" / "job.previous.log").read_text() == "yesterday\n"


async def test_a_child_cannot_be_started_where_it_would_die_with_a_thread(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="main thread"):
        await asyncio.to_thread(children.start, python("child", ""), tmp_path / "log")


class Restarting:
    """A supervisor that starts again what dies; `seen` gets everybody's pids after each new start."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        self.seen: asyncio.Queue[dict[str, int]] = asyncio.Queue()
        self.supervisor = Supervisor(folder, self.said.append, restarts=Restarts(), replaced=self._note)

    def _note(self) -> None:
        self.seen.put_nowait(self.supervisor.pids())


async def test_a_child_that_dies_is_started_again_when_that_is_wanted(tmp_path: Path) -> None:
    stack = Restarting(tmp_path / "logs")
    layer, bystanders = stack.supervisor.layer(), stack.supervisor.layer()
    victims: list[int] = []
    others: set[int] = set()

    async def work() -> None:
        await bystanders.start(supervised.child(tmp_path, "bystander"))
        await layer.start(supervised.child(tmp_path, "victim"))
        victims.append(layer.children[0].pid)
        for _ in range(3):
            os.kill(victims[-1], signal.SIGKILL)
            pids = await stack.seen.get()
            victims.append(pids["victim"])
            others.add(pids["bystander"])

    await asyncio.wait_for(stack.supervisor.run(work), 30)
    assert len(set(victims)) == 4
    assert len(others) == 1
    assert [line.split(":")[0] for line in stack.said] == ["starting victim again"] * 3
    assert all(is_gone(pid) for pid in victims)


async def test_a_child_that_dies_while_its_layer_comes_up_fails_the_start_all_the_same(tmp_path: Path) -> None:
    stack = Restarting(tmp_path / "logs")
    frail = python("frail", "raise SystemExit(3)", ready=lambda _pid: False)
    with pytest.raises(StackError, match=r"^frail ended with exit code 3"):
        await stack.supervisor.run(lambda: stack.supervisor.layer().start(frail))


async def test_what_a_child_logged_before_it_was_started_again_is_kept(tmp_path: Path) -> None:
    stack = Restarting(tmp_path / "logs")
    may_die = tmp_path / "may die"
    code = "import pathlib, sys, time\nwhile not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.01)\nprint('again')"
    frail = Program("frail", [sys.executable, "-c", code, str(may_die)], os.environ)

    async def work() -> None:
        await stack.supervisor.layer().start(frail)
        may_die.touch()
        for _ in range(2):
            await stack.seen.get()

    await asyncio.wait_for(stack.supervisor.run(work), 30)
    assert (tmp_path / "logs" / "frail.log").read_text().count("again") >= 2
