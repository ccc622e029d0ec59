"""The system that is measured: a stack of its own, started with `csms up`, and further edge processes beside it.

Only starts, names and stops processes. Everything lies in one folder that is deleted at the end.
"""

import os
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.used_log import use_log
from simulator.load import processes
from stack import children, config, keys, nats, postgres
from stack import ports as port_checks
from stack.children import Child, Program
from stack.config import Surroundings
from stack.errors import StackError
from stack.room import claimed_offset, moved
from stack.state import State
from stack.topology import EDGE, Ports

_UP_WITHIN_SECONDS = 90.0
_STOP_WITHIN_SECONDS = 40.0
_TOKEN_SECONDS = 12 * 3600
# Those of the stack are counted from 0; far enough from any that it could have.
_FIRST_OWN_REPLICA = 20
# What an operator limits is not what is measured.
_SETTINGS = {"CSMS_RATE_LIMIT_PER_SECOND": "1000000", "CSMS_REPLICAS": "1"}
_OUTSIDE_ENGINES = ("DATABASE_URL", "NATS_URL")


@dataclass(frozen=True)
class System:
    """A stack that runs."""

    folder: Path
    ports: Ports
    pids: Mapping[str, int]
    token: str

    def database_url(self, database: str) -> str:
        """The URL of one of its databases."""
        home = postgres.prepare(self.folder / "stack" / "postgres")
        return postgres.url(home, self.ports["postgres"]).removesuffix("postgres") + database

    @property
    def nats_url(self) -> str:
        return nats.url(self.folder / "stack" / "nats", self.ports["nats"])

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['gateway']}"

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
    """Start a stack on free ports in a new folder; stop it and delete the folder at the end. Raises StackError."""
    folder = Path(tempfile.mkdtemp(prefix="csms-bench-"))
    # The account of PostgreSQL must get through.
    folder.chmod(0o711)
    state = State(folder / "stack")
    with claimed_offset() as offset:
        child = children.start(_stack(state, offset), folder / "stack.log")
        try:
            child.wait_ready()
            token = keys.mint(state.keys, role="admin", driver_id=None, ttl_seconds=_TOKEN_SECONDS, subject="bench")
            system = System(folder, moved(offset), processes.of_stack(state.root), token)
            use_log(system.database_url("postgres"))
            yield system
        finally:
            child.stop(_STOP_WITHIN_SECONDS)
            state.forget()
            postgres.remove(folder)


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
    surroundings = Surroundings(system.ports, made, system.database_url("postgres"), system.nats_url)
    replica = _FIRST_OWN_REPLICA + number
    port, metrics_port = system.ports.websocket(replica), port_checks.free_port()
    own = {"METRICS_PORT": str(metrics_port), **(tls or {})}
    program = Program(
        name=f"{EDGE} {number} of the bench",
        command=[sys.executable, "-m", "ocpp_edge"],
        environment={**config.environment_for(EDGE, surroundings, replica), **own},
        ready=lambda _pid: port_checks.is_listening(port),
    )
    child = children.start(program, system.folder / f"edge-{number}.log")
    child.wait_ready()
    return OwnEdge(child, port, metrics_port, bool(tls))


def _stack(state: State, offset: int) -> Program:
    environment = {name: value for name, value in os.environ.items() if name not in _OUTSIDE_ENGINES}
    own = {"CSMS_PORT_OFFSET": str(offset), "CSMS_STATE_DIR": str(state.root), "PYTHONPATH": config.python_path()}
    return Program(
        name="stack",
        command=[sys.executable, "-m", "stack.cli", "up", "--no-demo"],
        environment={**environment, **_SETTINGS, **own},
        # Written when everything serves.
        ready=lambda _pid: state.processes.exists(),
        ready_within_seconds=_UP_WITHIN_SECONDS,
    )
