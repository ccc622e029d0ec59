"""One child process: started so that it cannot outlive us, asked whether it is ready, and ended.

Knows nothing of what the child does. A child has its own session (a Ctrl-C at the terminal reaches only us), its output
goes to one log file, and when this process is killed the kernel ends the child.
"""

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from stack.errors import StackError
from stack.forks import Forked, ForkServer, bound_to
from stack.privileges import Account

_TAIL_BYTES = 8192
_LINE_LIMIT = 400
_BAD_NEWS = re.compile(r"\b(?:FATAL|PANIC|CRITICAL|ERROR|critical|FTL)\b")


@dataclass(frozen=True)
class Program:
    """What to run and how to tell that it is up.

    `ready` is asked with the child's pid every few milliseconds and must answer at once; None means that the child is
    ready as soon as it runs. `death_signal` is what the kernel sends to the child when this process is gone. One that
    `may_be_forked` is this Python, `-m`, a module of ours and its arguments.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    ready: Callable[[int], bool] | None = None
    ready_within_seconds: float = 30.0
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    account: Account | None = None
    directory: Path | None = None
    may_be_forked: bool = False


class Child:
    """A started `Program`. Every method may be called again after the child has ended."""

    def __init__(
        self, program: Program, process: "subprocess.Popen[bytes] | Forked", log: Path, log_begins_at: int
    ) -> None:
        self.program = program
        self.log = log
        self._log_begins_at = log_begins_at
        self._process = process
        self._started_at = time.monotonic()
        self._overdue_at = self._started_at + program.ready_within_seconds
        self._ended_at: float | None = None

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """The exit code, negative for a signal, or None while the child runs."""
        code = self._process.poll()
        if code is not None and self._ended_at is None:
            self._ended_at = time.monotonic()
        return code

    @property
    def lived_seconds(self) -> float:
        """How long the child has run, or ran until its end was first noticed."""
        self.exit_code()
        return (time.monotonic() if self._ended_at is None else self._ended_at) - self._started_at

    def check_ready(self) -> bool:
        """Whether the child is ready. Raises StackError when it has ended or its time is over."""
        if self.exit_code() is not None:
            raise StackError(self.obituary())
        if self.program.ready is None or self.program.ready(self.pid):
            return True
        if time.monotonic() > self._overdue_at:
            within = self.program.ready_within_seconds
            raise StackError(f"{self.name} was not ready within {within:g} s; {self._last_words()}")
        return False

    def wait_ready(self) -> None:
        """Block until the child is ready. Raises StackError as `check_ready` does; the child is stopped then."""
        try:
            while not self.check_ready():
                time.sleep(0.01)
        except StackError:
            self.stop(grace_seconds=1)
            raise

    def ask_to_stop(self) -> None:
        """Send the stop signal, without waiting."""
        if self.exit_code() is None:
            self._process.send_signal(self.program.stop_signal)

    def kill(self) -> None:
        """End the child and everything it started, at once."""
        if self.exit_code() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def stop(self, grace_seconds: float = 10.0) -> int:
        """Ask the child to stop, kill it when it has not within the grace period, and return its exit code."""
        self.ask_to_stop()
        try:
            return self._process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()

    def obituary(self) -> str:
        """One line about a child that has ended: its name, how it ended and its last words."""
        return f"{self.name} {_ending(self.exit_code())}; {self._last_words()}"

    def _last_words(self) -> str:
        words = last_words(self.log, self._log_begins_at)
        return f"last log line: {words}" if words else f"it logged nothing to {self.log}"


def start(program: Program, log: Path, forks: ForkServer | None = None) -> Child:
    """Start `program` with its output appended to `log`, by `forks` if it may; the child dies with this process.

    Call it from the main thread: the kernel takes the end of the starting thread for the end of the parent.
    Raises StackError when the program cannot be executed.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(f"{program.name} must be started from the main thread")
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("ab") as output:
            log_begins_at = output.tell()
            forked = None
            if forks is not None and program.may_be_forked:
                forked = forks.spawn(program.command, program.environment, output.fileno(), program.death_signal)
            return Child(program, forked or _execute(program, output), log, log_begins_at)
    except (OSError, subprocess.SubprocessError) as error:
        raise StackError(f"{program.name} could not be started: {error}") from error


def _execute(program: Program, output: IO[bytes]) -> "subprocess.Popen[bytes]":
    account = program.account
    return subprocess.Popen(
        list(program.command),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(program.environment),
        cwd=program.directory,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        preexec_fn=bound_to(os.getpid(), program.death_signal),
    )


def last_words(log: Path, since: int = 0) -> str:
    """The line near the end of `log` that tells most: the last that speaks of an error, else the last one.

    Only what lies behind the first `since` bytes counts.
    """
    try:
        with log.open("rb") as handle:
            handle.seek(max(since, log.stat().st_size - _TAIL_BYTES))
            text = handle.read().decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()][-10:]
    telling = [line for line in lines if _BAD_NEWS.search(line)] or lines
    return _plain(telling[-1])[:_LINE_LIMIT] if telling else ""


def _plain(line: str) -> str:
    """What a line of our own JSON logs says, with the last line of its traceback; any other line as it is."""
    try:
        entry = json.loads(line)
        error = str(entry.get("error", "")).strip().splitlines()
        return ": ".join((entry["message"], *error[-1:]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return line


def _ending(exit_code: int | None) -> str:
    if exit_code is None:
        return "is still running"
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    try:
        return f"was ended by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"was ended by signal {-exit_code}"
