"""A stack without a terminal: brought up in the background, and stopped from anywhere by its state directory."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from stack import welcome
from stack.children import last_words
from stack.errors import StackError
from stack.state import State

# What a stack takes to stop by itself: the grace of each of its layers.
_STOP_WITHIN_SECONDS = 90.0
_KILL_WITHIN_SECONDS = 10.0
_UP_WITHIN_SECONDS = 300.0
_LOOK_SECONDS = 0.05


def up(state: State, options: Sequence[str]) -> str:
    """Run `csms up` with these options in a session of its own, and return what it shows when it is up.

    Its output goes to `up.log` in the logs. Raises StackError when it ends before, or does not come up in five minutes.
    """
    if running := state.running():
        raise StackError(f"a stack runs on {state.root} already (process {running.pid})")
    state.logs.mkdir(parents=True, exist_ok=True)
    log = state.logs / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "stack.cli", "up", *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def is_up() -> bool:
        if process.poll() is not None:
            raise StackError(f"the stack did not come up; last log line: {last_words(log)}")
        return welcome.FIRST_WORDS in log.read_text(encoding="utf-8", errors="replace")

    if not _within(_UP_WITHIN_SECONDS, is_up):
        raise StackError(f"the stack is not up yet after {_UP_WITHIN_SECONDS:g} s; see {log}")
    said = log.read_text(encoding="utf-8", errors="replace")
    return said[said.index(welcome.FIRST_WORDS) :].strip()


def stop(state: State) -> None:
    """Stop the stack that runs on a state directory, and return when it has.

    Chargers are bidden farewell and work under way is finished. Raises StackError when none runs, when it is somebody
    else's, or when it cannot be stopped.
    """
    running = state.running()
    if running is None:
        raise StackError(f"no stack runs on {state.root}")

    def is_gone() -> bool:
        now = state.running()
        return now is None or now.pid != running.pid

    # The first asks, the second ends what is left at once.
    for patience in (_STOP_WITHIN_SECONDS, _KILL_WITHIN_SECONDS):
        try:
            with suppress(ProcessLookupError):
                os.kill(running.pid, signal.SIGTERM)
        except PermissionError:
            raise StackError(f"the stack on {state.root} is another user's (process {running.pid})") from None
        if _within(patience, is_gone):
            return
    raise StackError(f"the stack on {state.root} does not stop (process {running.pid})")


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    give_up_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(_LOOK_SECONDS)
    return True
