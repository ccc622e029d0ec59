"""Five services, the edge and Envoy on the newest schema, each process of this build or of an older one."""

import re
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from stack import builds, children, config, envoy, health, keys, nats, ports, rest
from stack.builds import Build
from stack.children import Child, Program
from stack.config import StackContext
from stack.forks import ForkServer
from stack.inherited import process_environment
from stack.port_claims import claimed_offset, moved
from stack.topology import EDGE, SERVICES

EVERYONE = frozenset((*SERVICES, EDGE))
_SERVING_SECONDS = 60.0
_TOKEN_SECONDS = 3600
_LOOK_SECONDS = 0.05
_COMPLAINT = re.compile(r'"level":"(WARNING|ERROR|CRITICAL)","service":"(\w+)".*?"message":"(.{1,400})')


class Platform:
    """The processes; at first there are none. All of them are told the same settings, whichever build they are of."""

    def __init__(self, context: StackContext, folder: Path, servers: Mapping[Build, ForkServer]) -> None:
        self._context = context
        self._folder = folder
        self._servers = servers
        self._processes: dict[str, tuple[Build, Child]] = {}
        self._envoy: Child | None = None
        self._read: dict[Path, int] = {}

    @property
    def charge_points_url(self) -> str:
        """Where charge points connect."""
        return f"ws://{ports.LOOPBACK}:{self._context.ports['ocpp']}/ocpp"

    @property
    def nats_url(self) -> str:
        return self._context.nats_url

    def facade(self) -> rest.Facade:
        """The REST interface, with every permission."""
        token = keys.mint(self._context.keys.folder, role="admin", driver_id=None, ttl_seconds=_TOKEN_SECONDS)
        return rest.Facade(ports.LOOPBACK, self._context.ports["gateway"], token)

    def run(self, older: Build, of_this_build: Collection[str]) -> None:
        """Return when these processes are of this build, all others of the older one, and every public port serves.

        Who is of the right build already is left alone. Raises StackError with the last words of one that ends.
        """
        expected = {name: builds.ours() if name in of_this_build else older for name in EVERYONE}
        changed = [name for name in EVERYONE if self._build_of(name) != expected[name]]
        self._stop(changed)
        for name in changed:
            self._processes[name] = expected[name], self._start(name, expected[name])
        for name in changed:
            self._processes[name][1].wait_ready()
        if self._envoy is None:
            self._envoy = self._start_envoy()
        self._wait_until_serving()

    def complaints(self) -> list[str]:
        """What the processes have logged as warnings and errors since the last look: level, process, message."""
        found = []
        for log in sorted(self._folder.glob("*.log")):
            with log.open(encoding="utf-8", errors="replace") as handle:
                handle.seek(self._read.get(log, 0))
                for line in handle:
                    if (complaint := _COMPLAINT.search(line)) is not None:
                        found.append(" ".join(complaint.groups()))
                self._read[log] = handle.tell()
        return found

    def stop(self) -> None:
        """End all processes."""
        if self._envoy is not None:
            self._envoy.stop()
        self._stop(list(self._processes))

    def _build_of(self, name: str) -> Build | None:
        return self._processes[name][0] if name in self._processes else None

    def _stop(self, names: Collection[str]) -> None:
        ending = [self._processes.pop(name)[1] for name in names if name in self._processes]
        for child in ending:
            child.ask_to_stop()
        for child in ending:
            child.stop()

    def _start(self, name: str, build: Build) -> Child:
        numbers = self._context.ports
        listened = [numbers.process(name), *([numbers.websocket()] if name == EDGE else [])]
        program = Program(
            name=name,
            command=[str(build.python), "-m", "ocpp_edge" if name == EDGE else f"services.{name}"],
            environment=build.environment(config.environment_for(name, self._context)),
            ready=lambda _pid: all(map(ports.is_listening, listened)),
            ready_within_seconds=_SERVING_SECONDS,
            may_be_forked=True,
        )
        return children.start(program, self._folder / f"{name}.log", self._servers[build])

    def _start_envoy(self) -> Child:
        numbers, made = self._context.ports, self._context.keys
        configuration = self._folder / "envoy.yaml"
        config.render(config.embedded_values(numbers, made, ports.LOOPBACK), configuration)
        log = self._folder / "envoy.log"
        return envoy.start(configuration, admin_port=numbers["envoy admin"], log=log, secrets=made.proxy_secrets)

    def _wait_until_serving(self) -> None:
        give_up_at = time.monotonic() + _SERVING_SECONDS
        while waiting := [one for one in health.ask(self._context.ports, ports.LOOPBACK) if not one.serving]:
            for _, child in self._processes.values():
                child.check_ready()
            assert time.monotonic() < give_up_at, f"not serving: {waiting}"
            time.sleep(_LOOK_SECONDS)


@contextmanager
def prepared(folder: Path, database_url: str, older: Build) -> Iterator[Platform]:
    """A platform on the databases of that server and a NATS of its own, without any process as yet."""
    with ExitStack() as stack:
        offset = stack.enter_context(claimed_offset())
        servers = {build: stack.enter_context(ForkServer(str(build.python))) for build in (builds.ours(), older)}
        for build, server in servers.items():
            server.start(build.environment(process_environment()), folder / f"forks-{build.root.name}.log")
        made = keys.ensure(folder / "keys")
        bus = nats.start(folder / "nats", port=moved(offset)["nats"])
        stack.callback(bus.stop)
        while not all([server.is_settled() for server in servers.values()]):
            time.sleep(_LOOK_SECONDS)
        platform = Platform(StackContext(moved(offset), made, database_url, bus.url), folder, servers)
        stack.callback(platform.stop)
        yield platform
