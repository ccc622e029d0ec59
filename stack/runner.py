"""Brings the whole system up on this machine and keeps it until it is told to stop; also migrates the databases alone.

Decides the order; how each part is run is in its own module.
"""

import asyncio
import functools
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from stack import (
    config,
    demo,
    engines,
    envoy,
    health,
    keys,
    ports,
    postgres,
    preflight,
    priority,
    private_files,
    schema,
    welcome,
)
from stack.children import Program
from stack.config import StackContext
from stack.errors import StackError
from stack.forks import ForkServer
from stack.inherited import process_environment
from stack.processes import Supervisor
from stack.progress import Progress
from stack.restarts import Restarts
from stack.settings import StackSettings
from stack.state import State
from stack.topology import EDGE, FOLLOWERS, FOLLOWERS_NICENESS, TOGETHER, Ports

_SERVING_WITHIN_SECONDS = 30.0
_READY_WITHIN_SECONDS = 30.0
_LOOK_SECONDS = 0.02


def up(settings: StackSettings, forks: ForkServer, *, with_demo: bool = True, restart: bool = False) -> None:
    """Run the whole stack until a signal, with demo data and charge points that use it when `with_demo`.

    `forks` has been started: it forks services and edges as soon as it has loaded.
    Raises StackError when it does not come up or, unless a part of it that dies is to be started again, one dies.
    """
    progress = Progress()
    state = State(settings.state_dir.absolute())
    with state.held(settings.ports()):
        preflight.check(settings)
        progress.say(f"starting on {state.root}")
        stack = _Stack(settings, state, progress, Restarts() if restart else None, forks)
        asyncio.run(stack.supervisor.run(functools.partial(stack.live, with_demo)))
        progress.say("stopped")


def migrate(settings: StackSettings) -> None:
    """Bring the databases to the newest revision: of DATABASE_URL, of the stack that runs, or of one that does not.

    The last needs its PostgreSQL, which is started for as long as it takes. Raises StackError.
    """
    state = State(settings.state_dir.absolute())
    stack = _Stack(settings, state, Progress())
    url = settings.database_url
    if url is None and (running := state.running()):
        url = postgres.url(postgres.prepare(state.postgres), running.ports["postgres"])
    if url is not None:
        asyncio.run(stack.supervisor.run(functools.partial(stack.migrate_databases, url)))
        return
    with state.held(settings.ports()):
        asyncio.run(stack.supervisor.run(stack.migrate_own_databases))


class _Stack:
    """The parts of one stack, brought up step by step; the supervisor stops them."""

    def __init__(
        self,
        settings: StackSettings,
        state: State,
        progress: Progress,
        restarts: Restarts | None = None,
        forks: ForkServer | None = None,
    ) -> None:
        self._settings = settings
        self._state = state
        self._ports = settings.ports()
        self._progress = progress
        self._forks = forks or ForkServer()
        self._restarts = restarts
        self.supervisor = Supervisor(
            state.logs, progress.say, restarts=restarts, replaced=self._note_processes, forks=self._forks
        )
        # Stopped from the last to the first: chargers are bidden farewell while all they need still runs.
        self._engines = self.supervisor.layer()
        self._services = self.supervisor.layer()
        self._entrance = self.supervisor.layer()
        self._edges = self.supervisor.layer()
        self._chargers = self.supervisor.layer()

    async def live(self, with_demo: bool) -> None:
        """Bring everything up, then stay."""
        made = await asyncio.to_thread(keys.ensure, self._state.keys)
        await asyncio.gather(self._start_behind(made), self._start_entrance(made))
        await self._until_serving()
        self._note_processes()
        if self._restarts is None:
            # Nobody will be forked any more, and what it has loaded is not small.
            self._forks.stop()
        if with_demo:
            await self._start_demo()
        print(welcome.screen(self._settings, self._state, self._progress.seconds(), with_demo), flush=True)
        databases = [schema.database_of(name) for name in FOLLOWERS]
        await priority.keep_last(self.supervisor.pids, FOLLOWERS, databases, FOLLOWERS_NICENESS)

    async def _start_behind(self, made: keys.Keys) -> None:
        """All that stands behind the entrance: the engines, then the processes on them."""
        running = await engines.start(self._engines, self._settings, self._state)
        self._progress.say(running.summary)
        await self.migrate_databases(running.database_url)
        detours = self._settings.detours
        context = StackContext(
            self._ports,
            made,
            config.by_detour(running.database_url, detours.get("postgres")),
            config.by_detour(running.nats_url, detours.get("nats")),
            {str(name): port for name, port in detours.items()},
            self._state.files,
        )
        await self._start_processes(context)

    async def migrate_own_databases(self) -> None:
        """Migrate with the engines of the state directory, started for it."""
        running = await engines.start(self._engines, self._settings, self._state)
        await self.migrate_databases(running.database_url)

    async def migrate_databases(self, database_url: str) -> None:
        """Migrate the databases that are behind."""
        behind = await schema.outdated(database_url)
        environment = config.migration_environment(database_url)
        if behind:
            # One process for all: loading the tools takes longer than the migrations.
            await self.supervisor.complete(_migration(behind, environment))
        self._progress.say(f"migrated {', '.join(behind)}" if behind else "databases are up to date")

    async def _start_processes(self, context: StackContext) -> None:
        services, edges = list[Program](), list[Program]()
        for names in self._settings.sharing():
            programs = edges if EDGE in names else services
            if len(names) > 1:
                programs.append(_shared(names, context, self._state.shared_settings(names)))
            else:
                programs += [_alone(names[0], context, replica) for replica in range(self._ports.replicas)]
        await self._until_it_can_fork()
        await asyncio.gather(self._services.start(*services), self._edges.start(*edges))
        listening = ", ".join(program.name for program in (*services, *edges))
        self._progress.say(f"{len(services) + len(edges)} processes listen: {listening}")

    async def _until_it_can_fork(self) -> None:
        while not self._forks.is_settled():  # noqa: ASYNC110  # it tells by a socket that is read without waiting
            await asyncio.sleep(_LOOK_SECONDS)

    async def _start_entrance(self, made: keys.Keys) -> None:
        await asyncio.to_thread(self._configure_entrance, made)
        configuration, admin_port = self._state.envoy_configuration, self._ports["envoy admin"]
        await self._entrance.start(envoy.program(configuration, admin_port, made.proxy_secrets))
        self._progress.say("Envoy listens")

    def _configure_entrance(self, made: keys.Keys) -> None:
        values = config.embedded_values(self._ports, made, self._settings.public_host)
        config.render(values, self._state.envoy_configuration)

    async def _start_demo(self) -> None:
        host = health.reachable(self._settings.public_host)
        self._progress.say(await asyncio.to_thread(demo.seed, self._state, self._ports, host))
        await self._chargers.start(_fleet(f"ws://{host}:{self._ports['ocpp']}/ocpp"))
        self._progress.say(f"{len(demo.FLEET)} simulated charge points keep charging: {', '.join(demo.FLEET)}")

    def _note_processes(self) -> None:
        self._state.write_processes(self.supervisor.pids())

    async def _until_serving(self) -> None:
        deadline = self._progress.seconds() + _SERVING_WITHIN_SECONDS
        while waiting := await self._not_serving():
            if self._progress.seconds() > deadline:
                summary = "; ".join(f"{one.name} on port {one.port}: {one.message}" for one in waiting)
                raise StackError(f"not everything serves after {_SERVING_WITHIN_SECONDS:g} s: {summary}")
            await asyncio.sleep(0.05)
        self._progress.say("every public port serves")

    async def _not_serving(self) -> list[health.Health]:
        answers = await asyncio.to_thread(health.ask, self._ports, self._settings.public_host)
        return [answer for answer in answers if not answer.serving]


def _migration(services: Sequence[str], environment: dict[str, str]) -> Program:
    command = [sys.executable, "-m", "services.postgres.migrations", *services]
    return Program("migrate", command, environment)


def _alone(name: str, context: StackContext, replica: int) -> Program:
    """A replica of a service or of the edge in a process of its own."""
    needed = _listened(name, context.ports, replica)
    return Program(
        name=_replica_name(name, replica),
        command=[sys.executable, "-m", "ocpp_edge" if name == EDGE else f"services.{name}"],
        environment=config.environment_for(name, context, replica),
        ready=lambda _pid: all(ports.is_listening(port) for port in needed),
        ready_within_seconds=_ready_within(context),
        may_be_forked=True,
    )


def _shared(names: Sequence[str], context: StackContext, file: Path) -> Program:
    """Several of them in one process; what each is told is written to `file`."""
    environment, own = config.shared_environment({name: config.environment_for(name, context) for name in names})
    private_files.write(file, json.dumps(own))
    needed = [port for name in names for port in _listened(name, context.ports, 0)]
    return Program(
        name=TOGETHER.join(names),
        command=[sys.executable, "-m", "together", str(file)],
        environment=environment,
        ready=lambda _pid: all(ports.is_listening(port) for port in needed),
        ready_within_seconds=_ready_within(context),
        may_be_forked=True,
    )


def _listened(name: str, numbers: Ports, replica: int) -> list[int]:
    """The ports on which it is when it is ready."""
    return [numbers.process(name, replica), *([numbers.websocket(replica)] if name == EDGE else [])]


def _ready_within(context: StackContext) -> float:
    """All start at once, and share the processors while they do."""
    return _READY_WITHIN_SECONDS * context.ports.replicas


def _fleet(url: str) -> Program:
    chosen = ["--ids", ",".join(demo.FLEET), "--tags", ",".join(demo.FLEET_CARDS)]
    command = [sys.executable, "-m", "simulator", "fleet", "--url", url, *chosen]
    return Program("fleet", command, process_environment())


def _replica_name(name: str, replica: int) -> str:
    return name if replica == 0 else f"{name}-{replica + 1}"
