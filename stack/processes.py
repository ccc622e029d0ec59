"""The children of the stack together: started, watched, and stopped layer by layer whatever happens.

Knows nothing of what they do. A child that dies ends the whole stack or, when the supervisor was made so, is started
again. SIGINT, SIGTERM and SIGHUP end everything, and a second of these kills what is left.
"""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stack import children
from stack.children import Child, Program
from stack.errors import StackError
from stack.forks import ForkServer
from stack.restarts import Restarts

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_SECONDS = 0.02
# SIGCHLD tells of a death at once; this only bounds the harm of a lost signal.
_WATCH_SECONDS = 5.0
# What the kernel needs to take a killed process away, at most.
_KILL_SECONDS = 5.0


class Layer:
    """Children that are started together and stopped together. Made by `Supervisor.layer`."""

    def __init__(self, spawn: Callable[[Program], Child]) -> None:
        self._spawn = spawn
        self.children: list[Child] = []
        self.is_up = False

    async def start(self, *programs: Program) -> None:
        """Start `programs` side by side and return when all are ready. They run until the end of `Supervisor.run`.

        Raises StackError when one is not ready in its time.
        """
        started = []
        for program in programs:
            started.append(self._spawn(program))
            self.children.append(started[-1])
        await asyncio.gather(*(_until_ready(child) for child in started))
        self.is_up = True

    def replace(self, dead: Child, successor: Child) -> None:
        """Let `successor` stand where the child `dead` did."""
        self.children[self.children.index(dead)] = successor


class Supervisor:
    """Runs programs as children, with a log file each in `logs`; `say` is told what a person wants to know.

    With `restarts` a child that dies after its layer came up is started again, and `replaced` is called after that.
    With `forks` children that may be forked are.
    """

    def __init__(
        self,
        logs: Path,
        say: Callable[[str], None],
        *,
        grace_seconds: float = 15.0,
        restarts: Restarts | None = None,
        replaced: Callable[[], None] = lambda: None,
        forks: ForkServer | None = None,
    ) -> None:
        self._logs = logs
        self._say = say
        self._grace_seconds = grace_seconds
        self._restarts = restarts
        self._replaced = replaced
        self._forks = forks
        self._layers: list[Layer] = []
        self._signalled = asyncio.Event()
        self._stop_asked = asyncio.Event()
        self._hurried = False

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work`, which starts children, then stop them all.

        Returns early when asked to stop by a signal. Raises StackError when a child dies or the work fails. Call it
        from the main thread.
        """
        with self._signals():
            try:
                await self._until_over(work)
            finally:
                await self._stop_everyone()

    def layer(self) -> Layer:
        """A new layer, still empty. It is stopped before the layers made earlier, whenever its children are started."""
        layer = Layer(self._spawn)
        self._layers.append(layer)
        return layer

    def pids(self) -> dict[str, int]:
        """The process of every child by its name."""
        return {child.name: child.pid for child in self._everyone()}

    async def complete(self, *programs: Program) -> None:
        """Run `programs` side by side to their end. Raises StackError when one ends with another code than 0."""
        jobs: list[Child] = []
        try:
            for program in programs:
                jobs.append(self._spawn(program))
            while _running(jobs):
                _raise_for_failure(jobs)
                await self._news(_WATCH_SECONDS)
            _raise_for_failure(jobs)
        finally:
            for job in jobs:
                job.kill()

    async def _until_over(self, work: Callable[[], Awaitable[None]]) -> None:
        tasks = [
            asyncio.ensure_future(self._watch()),
            asyncio.ensure_future(work()),
            asyncio.ensure_future(self._stop_asked.wait()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not self._stop_asked.is_set():
            for task in tasks:
                if task in done:
                    task.result()

    async def _watch(self) -> None:
        """Raise StackError at the first death that is not followed by a new start."""
        while True:
            pause = _WATCH_SECONDS
            # Those started first are looked at first: when the database dies, its clients' deaths are not the news.
            for layer in self._layers:
                for child in list(layer.children):
                    if child.exit_code() is None:
                        continue
                    if self._restarts is None or not layer.is_up:
                        raise StackError(child.obituary())
                    pause = min(pause, self._start_again(layer, child, self._restarts))
            await self._news(pause)

    def _start_again(self, layer: Layer, dead: Child, restarts: Restarts) -> float:
        """Start a dead child again when it is due; otherwise the seconds until then."""
        wait = restarts.wait(dead.name, time.monotonic(), lived=dead.lived_seconds)
        if wait > 0:
            return wait
        self._say(f"starting {dead.name} again: {dead.obituary()}")
        layer.replace(dead, children.start(dead.program, dead.log, self._forks))
        restarts.started(dead.name)
        self._replaced()
        return _WATCH_SECONDS

    async def _stop_everyone(self) -> None:
        for layer in (layer.children for layer in reversed(self._layers)):
            for child in layer:
                child.ask_to_stop()
            await self._until_gone(layer, self._grace_seconds)
            if stubborn := _running(layer):
                self._say(f"killing {', '.join(child.name for child in stubborn)}, still there after the stop signal")
                for child in stubborn:
                    child.kill()
                await self._until_gone(layer, _KILL_SECONDS)

    async def _until_gone(self, layer: list[Child], seconds: float) -> None:
        give_up_at = time.monotonic() + seconds
        while _running(layer) and not self._hurried and (left := give_up_at - time.monotonic()) > 0:
            await self._news(min(left, _WATCH_SECONDS))

    async def _news(self, seconds: float) -> None:
        """Wait for the end of some child or a signal, but not longer than that. Look before waiting again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._signalled.wait()
        self._signalled.clear()

    def _everyone(self) -> Iterator[Child]:
        for layer in self._layers:
            yield from layer.children

    def _spawn(self, program: Program) -> Child:
        log = self._logs / f"{program.name}.log"
        with suppress(FileNotFoundError):
            os.replace(log, log.with_suffix(".previous.log"))
        return children.start(program, log, self._forks)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        handlers = {number: self._on_stop_signal for number in _STOP_SIGNALS}
        handlers[signal.SIGCHLD] = self._signalled.set
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)

    def _on_stop_signal(self) -> None:
        if self._stop_asked.is_set():
            self._hurried = True
            self._signalled.set()
            return
        self._say("stopping; once more to kill at once")
        self._stop_asked.set()


async def _until_ready(child: Child) -> None:
    # In a thread, because the question may take the length of a connection attempt.
    while True:
        if await asyncio.to_thread(child.check_ready):
            return
        await asyncio.sleep(_LOOK_SECONDS)


def _running(layer: list[Child]) -> list[Child]:
    return [child for child in layer if child.exit_code() is None]


def _raise_for_failure(jobs: list[Child]) -> None:
    for job in jobs:
        if job.exit_code() not in (None, 0):
            raise StackError(job.obituary())
