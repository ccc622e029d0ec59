"""The stack under test: `csms up --restart` on ports and in a state directory of its own, with proxies in its ways.

Starts, watches and stops it from outside, as an operator would. Breaks nothing itself.
"""

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chaos.proxy import Proxy, open_in_steps
from chaos.schedule import Landscape
from stack import children, health, keys, nats, postgres
from stack import ports as tcp
from stack.children import Child, Program
from stack.errors import StackError
from stack.inherited import process_environment
from stack.port_claims import claimed_offset, moved
from stack.rest import Facade
from stack.state import State
from stack.topology import EDGE, REPLICA_STEP, SERVICES, Ports, who_runs_in

CHARGERS = "chargers"
_TOKEN_SECONDS = 6 * 3600
_UP_SECONDS = 180.0
_LOOK_SECONDS = 0.1


@dataclass
class System:
    """A stack that runs. `links` are the proxies by what stands behind them, those of a service's replicas apart."""

    state: State
    ports: Ports
    links: Mapping[str, Proxy]
    stack: Child
    environment: Mapping[str, str] = field(repr=False)

    def pids(self) -> dict[str, int]:
        """The processes by name, as they are now."""
        found: dict[str, int] = json.loads(self.state.processes.read_text(encoding="utf-8"))
        return found

    def landscape(self) -> Landscape:
        """What there is to break."""
        processes = sorted(self.pids())
        # One that the edge shares leaves no queue: who would fill it stands still as well.
        parts = {name: who_runs_in(name) for name in processes}
        transactions = tuple(name for name in processes if "transaction" in parts[name] and EDGE not in parts[name])
        stoppable = [group for group in (transactions, ("nats",)) if group]
        return Landscape(processes, sorted(self.links), stoppable)

    def is_serving(self) -> bool:
        """Whether every public port answers that all is well."""
        return all(one.serving for one in health.ask(self.ports, tcp.LOOPBACK))

    def is_listening(self, name: str) -> bool:
        """Whether a process accepts connections on all its ports."""
        _, _, number = name.partition("-")
        replica = int(number) - 1 if number else 0
        return all(tcp.is_listening(port) for part in who_runs_in(name) for port in self._ports_of(part, replica))

    def _ports_of(self, part: str, replica: int) -> list[int]:
        if part == EDGE:
            return [self.ports.process(EDGE, replica), self.ports.websocket(replica)]
        if part in SERVICES:
            return [self.ports.process(part, replica)]
        return [self.ports["envoy admin" if part == "envoy" else part]]

    def facade(self) -> Facade:
        """The REST interface, with every permission."""
        token = keys.mint(
            self.state.keys, role="admin", driver_id=None, ttl_seconds=_TOKEN_SECONDS, subject="csms chaos"
        )
        return Facade(tcp.LOOPBACK, self.ports["gateway"], token)

    def database_url(self, database: str) -> str:
        """A database of the stack, past the proxy."""
        url = postgres.url(postgres.prepare(self.state.postgres), self.ports["postgres"])
        return f"{url.rsplit('/', 1)[0]}/{database}"

    def nats_url(self) -> str:
        """The stack's NATS, past the proxy."""
        return nats.url(self.state.nats, self.ports["nats"])

    def charger_url(self) -> str:
        """Where charge points connect: at the proxy in front of the entrance."""
        return f"ws://{tcp.LOOPBACK}:{self.links[CHARGERS].port}/ocpp"


@asynccontextmanager
async def running(state_dir: Path, logs: Path, replicas: int) -> AsyncIterator[System]:
    """Start a stack on `state_dir`, an absolute path, give it when everything serves, and stop it at the end.

    Raises StackError.
    """
    with claimed_offset(replicas) as offset:
        ports = moved(offset, replicas)
        links = await _links(ports)
        child = children.start(_stack(state_dir, offset, replicas, links), logs / "stack.log")
        try:
            system = System(State(state_dir), ports, links, child, child.program.environment)
            await _until_up(system)
            yield system
        finally:
            await asyncio.to_thread(child.stop, 40.0)
            for link in links.values():
                await link.close()


# What takes days and minutes elsewhere has to happen within a run: that a session ends of which nothing is heard, and
# that it is billed by an end that nobody has told.
_SHORT_PATIENCE = {"SESSION_SILENCE_HOURS": "0.01", "ESTIMATED_END_PATIENCE_MINUTES": "0.25"}


def _stack(state_dir: Path, offset: int, replicas: int, links: Mapping[str, Proxy]) -> Program:
    environment = {
        **process_environment(),
        "CSMS_PORT_OFFSET": str(offset),
        "CSMS_STATE_DIR": str(state_dir),
        "CSMS_REPLICAS": str(replicas),
        **_SHORT_PATIENCE,
        "CSMS_DETOURS": json.dumps({name: links[name].port for name in _DETOURS if name in links}),
    }
    # Another server than our own must not be broken.
    for elsewhere in ("DATABASE_URL", "NATS_URL"):
        environment.pop(elsewhere, None)
    return Program("stack", [sys.executable, "-m", "stack.cli", "up", "--no-demo", "--restart"], environment)


async def _links(ports: Ports) -> dict[str, Proxy]:
    """Proxies in front of the engines, the charge points' entrance and every replica of the transaction service.

    One without another shares the process of the edge, and is called without a connection that could break.
    """
    links = {name: Proxy(name, ports[target]) for name, target in _IN_FRONT.items()}
    for link in links.values():
        await link.open()
    replicas = [
        Proxy(f"transaction{f'-{number + 1}' * bool(number)}", port)
        for number, port in enumerate(ports.processes("transaction"))
        if ports.replicas > 1
    ]
    await open_in_steps(replicas, REPLICA_STEP, random.sample(_PORTS, 100))
    return links | {link.name: link for link in replicas}


# Below those that the kernel gives to connections.
_PORTS = range(20_000, 30_000)
_DETOURS = ("postgres", "nats", "transaction")
_IN_FRONT = {"postgres": "postgres", "nats": "nats", CHARGERS: "ocpp"}


async def _until_up(system: System) -> None:
    """Return when everything serves. Raises StackError when the stack ends, or takes too long."""
    try:
        async with asyncio.timeout(_UP_SECONDS):
            # The list of processes is written when all serve.
            while not system.state.processes.exists():
                if system.stack.exit_code() is not None:
                    raise StackError(system.stack.obituary())
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        raise StackError(f"the stack was not up within {_UP_SECONDS:g} s; see {system.stack.log}") from None
