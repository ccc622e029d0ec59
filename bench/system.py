"""The system that is measured: a stack of its own, started with `csms up`, and further edge processes beside it.

Only starts, names and stops processes. Everything lies in one folder that is deleted at the end.
"""

import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from bench.used_log import use_log
from simulator.load import processes
from stack import builds, children, config, keys, nats, postgres
from stack import ports as port_checks
from stack.builds import Build
from stack.children import Child, Program
from stack.config import StackContext
from stack.errors import StackError
from stack.port_claims import claimed_offset
from stack.rest import Facade
from stack.state import State
from stack.topology import EDGE, Ports

_UP_WITHIN_SECONDS = 90.0
_STOP_WITHIN_SECONDS = 40.0
_TOKEN_TIME = "12h"
_TOKEN_WITHIN_SECONDS = 60.0
# Those of the stack are counted from 0; far enough from any that it could have.
_FIRST_OWN_REPLICA = 20
# What an operator limits, and what is asked of charge points besides, is not what is measured.
_SETTINGS = {"CSMS_RATE_LIMIT_PER_SECOND": "1000000", "CSMS_REPLICAS": "1", "OCPP_ASK_INVENTORY": "false"}
_NONE: Mapping[str, str] = {}
_OUTSIDE_ENGINES = ("DATABASE_URL", "NATS_URL")


@dataclass(frozen=True)
class System:
    """A stack of a build that runs. `first` is the process that started all others, `ready_seconds` how long it took
    until everything served."""

    build: Build
    folder: Path
    ports: Ports
    pids: Mapping[str, int]
    token: str
    first: int
    ready_seconds: float

    def database_url(self, database: str) -> str:
        """The URL of one of its databases."""
        # Where an older build keeps the password need not be where ours does, but its processes have been told.
        found = psutil.Process(processes.pid_of(self.pids, "transaction")).environ().get("DATABASE_URL")
        if found is None:
            found = postgres.url(postgres.prepare(State(self.folder / "stack").postgres), self.ports["postgres"])
        return urlsplit(found)._replace(path=f"/{database}").geturl()

    @property
    def nats_url(self) -> str:
        return nats.url(self.folder / "stack" / "nats", self.ports["nats"])

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['gateway']}"

    def facade(self) -> Facade:
        """A caller of its REST interface, to be closed."""
        return Facade("127.0.0.1", self.ports["gateway"], self.token)

    def ocpp_url(self, path: str) -> str:
        """Where charge points connect: straight to the `edge`, or through `envoy`."""
        port = self.ports.websocket() if path == EDGE else self.ports["ocpp"]
        return f"ws://127.0.0.1:{port}/ocpp"


@dataclass(frozen=True)
class OwnEdge:
    """An edge process beside the stack's own, which may be killed. `tls` tells whether it speaks wss."""

    child: Child
    port: int
    metrics_port: int
    tls: bool

    @property
    def url(self) -> str:
        return f"{'wss' if self.tls else 'ws'}://127.0.0.1:{self.port}/ocpp"

    def resident_bytes(self) -> int:
        """Its memory now."""
        return processes.resident_bytes({EDGE: self.child.pid})[EDGE]

    def metric(self, name: str) -> float | None:
        """One of its metrics, without labels; None when it does not tell."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return None
        return next((float(line.split(" ")[1]) for line in lines if line.startswith(f"{name} ")), None)


@contextmanager
def running() -> Iterator[System]:
    """Start this checkout's stack as `starting` does, and wait until it serves. Raises StackError.

    Each service is a process of its own: what a message costs is told by service.
    """
    with starting(builds.ours(), {"CSMS_PROCESSES": "each"}) as wait:
        yield wait()


@contextmanager
def starting(build: Build, chosen: Mapping[str, str] = _NONE) -> Iterator[Callable[[], System]]:
    """Start a stack of a build on free ports in a new folder; stop it and delete the folder at the end.

    `chosen` are settings besides those that every measured stack has.

    Gives what waits until it serves. Raises StackError.
    """
    with housed(build, chosen) as house, house.starting() as wait:
        yield wait


@contextmanager
def housed(build: Build, chosen: Mapping[str, str] = _NONE) -> Iterator["House"]:
    """A new folder and free ports for stacks of a build, one after the other; deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix="csms-bench-"))
    # The account of PostgreSQL must get through.
    folder.chmod(0o711)
    state = State(folder / "stack")
    try:
        with claimed_offset() as offset:
            settings = {**_SETTINGS, **chosen, "CSMS_PORT_OFFSET": str(offset), "CSMS_STATE_DIR": str(state.root)}
            yield House(build, folder, state, build.environment(settings, without=_OUTSIDE_ENGINES))
    finally:
        state.forget()
        postgres.remove(folder)


@dataclass(frozen=True)
class House:
    """Where stacks of a build run, one after the other, on the same data and ports."""

    build: Build
    folder: Path
    state: State
    environment: Mapping[str, str]

    @contextmanager
    def starting(self) -> Iterator[Callable[[], System]]:
        """Start a stack here and stop it at the end. Gives what waits until it serves. Raises StackError."""
        is_new = not self.state.processes.exists()
        self.state.processes.unlink(missing_ok=True)
        child = children.start(_stack(self), self.folder / "stack.log")

        def wait() -> System:
            child.wait_ready()
            ready_seconds = child.lived_seconds
            if (running := self.state.running()) is None:
                raise StackError(child.obituary())
            pids = processes.of_stack(self.state.root)
            system = System(self.build, self.folder, running.ports, pids, _token(self), child.pid, ready_seconds)
            if is_new:
                use_log(system.database_url("postgres"))
            return system

        try:
            yield wait
        finally:
            child.stop(_STOP_WITHIN_SECONDS)


def check(system: System) -> None:
    """Raises StackError when a process of the stack is gone: then no figure means anything any more."""
    gone = [name for name, pid in system.pids.items() if not Path(f"/proc/{pid}").exists()]
    if gone and Path("/proc").exists():
        raise StackError(f"{', '.join(gone)} of the measured stack is gone")


def start_own_edge(system: System, number: int = 0, tls: Mapping[str, str] | None = None) -> OwnEdge:
    """Start one more edge process, for who will stop or kill it; `tls` are the settings that make it speak wss.

    Raises StackError.
    """
    state = State(system.folder / "stack")
    made = keys.ensure(state.keys)
    context = StackContext(system.ports, made, system.database_url("postgres"), system.nats_url)
    replica = _FIRST_OWN_REPLICA + number
    port, metrics_port = system.ports.websocket(replica), port_checks.free_port()
    own = {"METRICS_PORT": str(metrics_port), **(tls or {})}
    program = Program(
        name=f"{EDGE} {number} of the bench",
        command=[sys.executable, "-m", "ocpp_edge"],
        environment={**config.environment_for(EDGE, context, replica), **own},
        ready=lambda _pid: port_checks.is_listening(port),
    )
    child = children.start(program, system.folder / f"edge-{number}.log")
    child.wait_ready()
    return OwnEdge(child, port, metrics_port, bool(tls))


def _stack(house: House) -> Program:
    return Program(
        name="stack",
        command=house.build.command("up", "--no-demo"),
        environment=house.environment,
        # Written when everything serves.
        ready=lambda _pid: house.state.processes.exists(),
        ready_within_seconds=_UP_WITHIN_SECONDS,
        # Where no file of settings lies.
        directory=house.folder,
    )


def _token(house: House) -> str:
    """An administrator's, as the build itself makes them."""
    command = house.build.command("token", "--role", "admin", "--ttl", _TOKEN_TIME, "--subject", "bench")
    found = subprocess.run(
        command,
        cwd=house.folder,
        env=house.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=_TOKEN_WITHIN_SECONDS,
    )
    if found.returncode != 0:
        raise StackError(f"no token for {house.build.root}: {found.stderr.strip()}")
    return found.stdout.strip()
