"""The state directory of a stack: what lies where in it, and that only one stack runs on it at a time."""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from stack import builds, postgres
from stack.errors import StackError
from stack.topology import TOGETHER, Ports

# A `csms status` that looks at the very same moment holds the lock for an instant.
_LOCK_PATIENCE_SECONDS = 0.3


@dataclass(frozen=True)
class Running:
    """The stack that runs on a state directory."""

    pid: int
    ports: Ports


@dataclass(frozen=True)
class State:
    """The places in one state directory. Nothing is made before it is needed."""

    root: Path

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def nats(self) -> Path:
        return self.root / "nats"

    @property
    def files(self) -> Path:
        return self.root / "files"

    @property
    def envoy_configuration(self) -> Path:
        return self.root / "envoy.yaml"

    @property
    def demo_password(self) -> Path:
        return self.keys / "demo-operator-password"

    def shared_settings(self, names: Sequence[str]) -> Path:
        """What each of those that share a process is told; secrets are in it."""
        return self.keys / f"{TOGETHER.join(names)}.json"

    @property
    def builds(self) -> Path:
        """Older builds to compare with."""
        return self.root / "builds"

    @property
    def processes(self) -> Path:
        return self.root / "processes.json"

    @property
    def _lock(self) -> Path:
        return self.root / "running.json"

    @contextmanager
    def held(self, ports: Ports) -> Iterator[None]:
        """Hold the state directory for this process. Raises StackError when another stack runs on it."""
        self.root.mkdir(parents=True, exist_ok=True)
        # The account that PostgreSQL runs as must get through; what others may not read has modes of its own.
        self.root.chmod(0o711)
        with self._lock.open("a+", encoding="utf-8") as handle:
            if not _lock_soon(handle):
                raise StackError(f"a stack runs on {self.root} already (process {_read(self._lock).pid})")
            handle.truncate(0)
            json.dump({"pid": os.getpid(), "replicas": ports.replicas, "ports": dict(ports.numbers)}, handle)
            handle.flush()
            yield

    def write_processes(self, pids: Mapping[str, int]) -> None:
        """Note which process is which, for whoever measures them; a reader never finds half of it."""
        fresh = self.processes.with_suffix(".new")
        fresh.write_text(json.dumps(pids, indent=1) + "\n", encoding="utf-8")
        fresh.replace(self.processes)

    def running(self) -> Running | None:
        """The stack that runs on this directory right now, if any. A stack that was killed does not count."""
        try:
            with self._lock.open(encoding="utf-8") as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            return _read(self._lock)
        return None

    def forget(self) -> None:
        """Delete everything a stack has made here. Raises StackError while one runs.

        Only what we know is ours goes, so that a mistyped directory loses nothing else.
        """
        if running := self.running():
            raise StackError(f"a stack runs on {self.root} (process {running.pid}); stop it first")
        postgres.remove(self.postgres)
        builds.remove(self.builds)
        for folder in (self.nats, self.logs, self.keys):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (self.envoy_configuration, self.processes, self._lock):
            file.unlink(missing_ok=True)
        with suppress(OSError):
            self.root.rmdir()


def _lock_soon(handle: TextIO) -> bool:
    give_up_at = time.monotonic() + _LOCK_PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                return False
            time.sleep(0.02)


def _read(lock: Path) -> Running:
    try:
        said = json.loads(lock.read_text(encoding="utf-8"))
        return Running(said["pid"], Ports(said["ports"], said["replicas"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StackError(f"a stack is just starting or stopping on {lock.parent}; try again") from error
