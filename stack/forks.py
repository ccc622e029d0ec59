"""Python programs that are up in a moment: forked by a process that has loaded what they have in common.

The libraries of a service take one to two seconds of a processor to load, and every process of a stack would load them
anew. One process does it once, while the engines start. Who is forked from it is a process like any other: it loads
what is its own, shares memory until it writes to it, and is up again soon after its death (ADR 66).

It is a shortcut and no more: where it cannot be had, as on other systems than Linux, `ForkServer.spawn` answers None,
and the program is started as usual. Those that are forked are handed over to us (PR_SET_CHILD_SUBREAPER): they are
children of this process as all others are, and die with it.
"""

import ctypes
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_LOADED = b"loaded"
_MOST_BYTES = 1 << 18
_ANSWER_SECONDS = 10.0
_LOOK_SECONDS = 0.01
# What all services need. What only one of them needs it loads itself, so that nothing of the others is in it.
_SHARED = ("services.kernel", "services.process", "services.postgres", "services.messaging", "services.rpc")
# For other programs; and what few need, when they do.
_LEFT_OUT = ("services.postgres.migrations", "services.process.otlp", "services.process.prometheus")


class Forked:
    """A child that was forked for us: the part of `subprocess.Popen` that a `Child` needs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal, or None while it runs."""
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended. Raises subprocess.TimeoutExpired."""
        give_up_at = time.monotonic() + timeout if timeout is not None else None
        while (code := self.poll()) is None:
            if give_up_at is not None and time.monotonic() >= give_up_at:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            time.sleep(_LOOK_SECONDS)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal; nothing happens when it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class ForkServer:
    """The process that forks, from `start` to `stop`. Call all of it from the main thread.

    `python` is the interpreter of the build that is forked, which may be another one than ours.
    """

    def __init__(self, python: str = sys.executable) -> None:
        self._python = python
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._is_loaded = False

    def start(self, environment: Mapping[str, str], log: Path) -> None:
        """Start it; what it complains of goes to `log`. It loads for a second or more, see `is_settled`."""
        if sys.platform != "linux" or self._process is not None:
            return
        log.parent.mkdir(parents=True, exist_ok=True)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, log.open("ab") as output:
            self._process = subprocess.Popen(
                # This very file, whatever else the environment leads to: an older build need not have it. -P: nothing
                # beside it may be taken for a package.
                [self._python, "-P", __file__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                preexec_fn=bound_to(os.getpid(), signal.SIGKILL),
            )
        ours.settimeout(_ANSWER_SECONDS)
        self._channel = ours

    def is_settled(self) -> bool:
        """Whether it can fork, or never will."""
        if self._channel is None or self._is_loaded:
            return True
        try:
            self._is_loaded = self._channel.recv(_MOST_BYTES, socket.MSG_DONTWAIT) == _LOADED
        except BlockingIOError:
            return False
        except OSError:
            self._is_loaded = False
        if not self._is_loaded:
            self.stop()
        return True

    def spawn(
        self, command: Sequence[str], environment: Mapping[str, str], output: int, death_signal: int
    ) -> Forked | None:
        """A child that does what `command` would (this Python, -m, a module, its arguments); None if none can be had.

        Its output goes to the open file `output`, and the kernel sends it `death_signal` when this process is gone.
        """
        if self._channel is None or not self._is_loaded:
            return None
        _interpreter, _option, module, *arguments = command
        request = _Request(module, arguments, dict(environment), int(death_signal), os.getpid())
        libc().prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        try:
            socket.send_fds(self._channel, [request.encoded()], [output])
            return Forked(int(self._channel.recv(_MOST_BYTES)))
        except (OSError, ValueError):
            self.stop()
            return None
        finally:
            libc().prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)

    def stop(self) -> None:
        """End it. Those that it has forked live on."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        self._is_loaded = False
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> "ForkServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def bound_to(parent: int, death_signal: int) -> Callable[[], None] | None:
    """What a new child does to bind its life to that of the process `parent`. None where the kernel has no such bond.

    Call it after a change of user, because the kernel forgets the death signal when the user changes.
    """
    if sys.platform != "linux":
        return None
    prctl = libc().prctl

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        # The parent may have gone before the bond was made.
        if os.getppid() != parent:
            os._exit(1)

    return bind


@functools.cache
def libc() -> ctypes.CDLL:
    """The C library of this process, loaded before a child needs it."""
    return ctypes.CDLL(None, use_errno=True)


# ---------------------------------------------------------------- the process that forks, and who is forked


@dataclass(frozen=True)
class _Request:
    """The program that is asked for, and the process whose child it shall be."""

    module: str
    arguments: list[str]
    environment: dict[str, str]
    death_signal: int
    parent: int

    def encoded(self) -> bytes:
        return json.dumps(self.__dict__).encode()


def _load() -> None:
    for room in _SHARED:
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not module.name.startswith(_LEFT_OUT):
                importlib.import_module(module.name)
    gc.collect()
    # Else the first look for garbage would write to all that is shared.
    gc.freeze()


def _serve(channel: socket.socket) -> None:
    """Fork for whom is at the other end of `channel`, until nobody is."""
    _load()
    channel.send(_LOADED)
    while True:
        request, files, _flags, _address = socket.recv_fds(channel, _MOST_BYTES, 1)
        if not request:
            return
        [output] = files
        answer, reply = os.pipe()
        between = os.fork()
        if between == 0:
            # The child of a child that has ended belongs to whoever asked.
            between = os.getpid()
            if (forked := os.fork()) != 0:
                os.write(reply, str(forked).encode())
                os._exit(0)
            os.close(answer)
            os.close(reply)
            channel.close()
            _become(_Request(**json.loads(request)), output, between)
            return
        os.close(output)
        os.close(reply)
        os.waitpid(between, 0)
        with open(answer, "rb") as pipe:
            channel.send(pipe.read())


def _become(request: _Request, output: int, between: int) -> None:
    """Run the program in this process, as if it had just been started."""
    while os.getppid() == between:
        time.sleep(0.0005)
    if bind := bound_to(request.parent, request.death_signal):
        bind()
    os.setsid()
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)
    os.environ.clear()
    os.environ.update(request.environment)
    time.tzset()
    # `top` and `ps -e` show the name; the kernel takes 15 characters.
    libc().prctl(_PR_SET_NAME, request.module.removeprefix("services.").encode()[:15], 0, 0, 0)
    sys.argv = [request.module, *request.arguments]
    runpy.run_module(request.module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
