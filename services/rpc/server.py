"""The life of a service process: start, serve, notice the end, drain, stop. The same for every service.

Knows nothing of what is served; that is registered.
"""

import asyncio
import gc
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import grpc
import grpc.aio
import uvloop
from grpc_reflection.v1alpha import reflection

from services.kernel.errors import DomainError
from services.process import process_metrics, tracing
from services.process.exposition import exposed
from services.process.heartbeats import Heartbeat, beating
from services.process.logging import configure
from services.process.service_name import set_service_name
from services.process.settings import ServiceSettings
from services.rpc import local
from services.rpc.auth import TokenVerifier
from services.rpc.health import Health, Ready
from services.rpc.interceptors import ServerStack
from services.rpc.status import is_database_away
from services.rpc.tenants import DefaultAlone, Tenants

Run = Callable[[], Coroutine[Any, Any, None]]
Register = Callable[[grpc.aio.Server], None]

_CLOSE_SECONDS = 5.0
_MAX_CONCURRENT_CALLS = 10_000
_OPTIONS: tuple[tuple[str, int], ...] = (
    # Two processes on one port would split the callers by chance; a second one has to fail.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 8 * 1024 * 1024),
    # REST callers' queries arrive as metadata, twice.
    ("grpc.max_metadata_size", 32 * 1024),
    ("grpc.absolute_max_metadata_size", 64 * 1024),
    # By default grpc-core cancels calls on its own, without a word, when 1,000 wait to be picked up.
    ("grpc.server.max_pending_requests", 100_000),
    ("grpc.server.max_pending_requests_hard_limit", 200_000),
    ("grpc.server_max_unrequested_time_in_server", 3_600),
    # Our channels ping idle connections; by default that counts as abuse.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """What runs beside the server, until it is cancelled or ends by itself.

    `silence_seconds` is how long its steps may take before it counts as stuck (see heartbeats); None for one that
    only speaks when it is spoken to.
    """

    name: str
    run: Run
    silence_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a service is made of once it has its engines: servicers to register, tasks to run beside the server.

    `drain` ends calls that would not end by themselves, see `serve`. `on_stop` is what it closes by itself in the end,
    before the engines are. `tenants` is how it learns of tenants, if it need not ask the identity service.
    """

    register: Register
    tasks: Sequence[Task] = ()
    drain: Callable[[], Awaitable[object]] | None = None
    on_stop: Sequence[Callable[[], Awaitable[object]]] = ()
    tenants: Tenants | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """When a process, or a part of one, is to stop: `asked`, and then in a `hurry` when somebody asks again."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)

    def ask(self) -> None:
        """Ask; the second time in a hurry."""
        (self.hurry if self.asked.is_set() else self.asked).set()


class ServerFailed(Exception):
    """The process cannot go on. The message is for the log; `__cause__` is why, when it is our own fault."""


@asynccontextmanager
async def running_server(
    service: str,
    settings: ServiceSettings,
    *,
    register: Register,
    heartbeats: Sequence[Heartbeat] = (),
    tenants: Tenants | None = None,
) -> AsyncIterator[tuple[int, Health]]:
    """A started server with the whole interceptor stack, health and reflection; yields its port and its health.

    Without `tenants` it serves the default one alone.
    It is NOT_SERVING until told otherwise. When the block ends, calls under way get `settings.grace_seconds`.
    Raises ServerFailed when it cannot listen or has no keys.
    """
    try:
        verifier = TokenVerifier(service, settings.jwt_jwks_file, settings.service_jwks_file)
    except (OSError, ValueError) as error:
        raise ServerFailed(f"JWT_JWKS_FILE, SERVICE_JWKS_FILE: {error}") from None
    surroundings = ServerStack(verifier, tenants or DefaultAlone())
    server = grpc.aio.server(
        interceptors=[surroundings],
        options=_OPTIONS,
        maximum_concurrent_rpcs=_MAX_CONCURRENT_CALLS,
    )
    health = Health(service, heartbeats)
    registrar = _Registrar(server)
    for add in (register, health.register):
        add(cast(grpc.aio.Server, registrar))
    reflection.enable_server_reflection([*registrar.names, reflection.SERVICE_NAME], server)
    address = f"{settings.listen_host}:{settings.listen_port}"
    try:
        port = server.add_insecure_port(address)
    except RuntimeError:
        # The library names every system call that went wrong; callers want to know the address.
        raise ServerFailed(f"cannot listen on {address}") from None
    await health.start(registrar.names)
    await server.start()
    nearby = local.LocalServer(surroundings.intercept_service, registrar.handlers)
    try:
        with local.serving(f"{settings.listen_host}:{port}", nearby):
            yield port, health
    finally:
        await asyncio.gather(server.stop(settings.grace_seconds), nearby.drain(settings.grace_seconds))


async def serve(
    service: str,
    settings: ServiceSettings,
    *,
    register: Register,
    tasks: Sequence[Task] = (),
    ready: Ready | None = None,
    drain: Callable[[], Awaitable[object]] | None = None,
    on_stop: Sequence[Callable[[], Awaitable[object]]] = (),
    tenants: Tenants | None = None,
    stop: Stop | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, or until `stop` is asked for by whoever runs several services in one process.

    `register` adds the servicers. `tasks` run beside the server, from before it starts until after it has stopped;
    one may end, but one that raises ends the process; how they do is part of the health. `ready` is asked every second
    (see Health.watch); without it the service serves from the start. To stop: NOT_SERVING first,
    `settings.drain_seconds` for callers to notice and meanwhile `drain`, which is awaited (a second signal cuts both
    short), then calls under way, then `tasks` are cancelled, then `on_stop` in order. Raises ServerFailed.
    """
    configure(service, settings.log_level, settings.log_format)
    stop = stop or signalled()
    async with AsyncExitStack() as stack:
        await _trace(stack, service, settings)
        for close in reversed(on_stop):
            stack.push_async_callback(_close, close)
        await _measure(stack, settings)
        heartbeats = [Heartbeat(task.name, task.silence_seconds) for task in tasks]
        runs = {task.name: partial(beating, watched, task.run) for task, watched in zip(tasks, heartbeats, strict=True)}
        background = await stack.enter_async_context(_background(runs))
        port, health = await stack.enter_async_context(
            running_server(service, settings, register=register, heartbeats=heartbeats, tenants=tenants)
        )
        watch = await stack.enter_async_context(_background({"health": lambda: health.watch(ready or _always)}))
        _log.info("listening on %s:%d", settings.listen_host, port)
        _tune_garbage_collection()
        failed = await _first_failure(stop.asked, {*background, *watch})
        await health.stop()
        if failed is not None:
            raise ServerFailed(f"the background task {failed.get_name()} failed") from failed.exception()
        _log.info("stopping")
        await _drain(settings.drain_seconds, drain, stop.hurry)
    _log.info("stopped")


async def _trace(stack: AsyncExitStack, service: str, settings: ServiceSettings) -> None:
    """Send traces, when that is wanted. Raises ServerFailed when it cannot be understood how."""
    endpoint = settings.otel_exporter_otlp_endpoint
    try:
        await stack.enter_async_context(tracing.traced(service, endpoint, settings.traced_share))
    except ValueError as error:
        raise ServerFailed(f"a variable OTEL_* has a value that cannot be used: {error}") from None
    if tracing.is_on():
        _log.info("traces go to %s", endpoint)


async def _measure(stack: AsyncExitStack, settings: ServiceSettings) -> None:
    """Show the numbers of the process, when that is wanted. Raises ServerFailed when it cannot listen."""
    if settings.metrics_port is None:
        return
    stack.enter_context(process_metrics.measured())
    host, port = settings.metrics_listen_host, settings.metrics_port
    try:
        port = await stack.enter_async_context(exposed(host, port))
    except OSError:
        raise ServerFailed(f"cannot listen on {host}:{port}") from None
    _log.info("metrics on %s:%d", host, port)


def run(name: str, main: Coroutine[Any, Any, None]) -> None:
    """Run the process of the service `name` to its end. One that cannot start or go on says why in one log line and
    exits with status 1."""
    set_service_name(name)
    try:
        uvloop.run(main)
    except Exception as error:
        if isinstance(error, ServerFailed):
            _log.critical("%s", error, exc_info=error.__cause__)
        else:
            foreseen = isinstance(error, OSError | DomainError) or is_database_away(error)
            _log.critical("cannot run: %s: %s", type(error).__name__, error, exc_info=not foreseen)
        raise SystemExit(1) from None


class _Registrar:
    """The server as servicers see it when they are added; remembers the names of their services."""

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server
        self.names: list[str] = []
        self.handlers: list[grpc.GenericRpcHandler] = []

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        handlers = list(handlers)
        self.handlers += handlers
        self.names += [handler.service_name() for handler in handlers if isinstance(handler, grpc.ServiceRpcHandler)]
        self._server.add_generic_rpc_handlers(handlers)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)


def signalled() -> Stop:
    """Asked for by the first signal to stop, in a hurry by the second."""
    stop = Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.ask)
    return stop


@asynccontextmanager
async def _background(tasks: Mapping[str, Run]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run tasks by their names."""
    started = [asyncio.create_task(run(), name=name) for name, run in tasks.items()]
    try:
        yield started
    finally:
        for task in started:
            task.cancel()
        if started:
            await asyncio.wait(started, timeout=_CLOSE_SECONDS)


async def _first_failure(stopping: asyncio.Event, tasks: set[asyncio.Task[None]]) -> asyncio.Task[None] | None:
    """The first task that raised; None when it was time to stop before any did."""
    stop = asyncio.create_task(stopping.wait())
    pending: set[asyncio.Task[Any]] = {stop, *tasks}
    try:
        while not stop.done():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if not task.cancelled() and task.exception() is not None:
                    return task
        return None
    finally:
        stop.cancel()


async def _drain(seconds: float, drain: Callable[[], Awaitable[object]] | None, hurry: asyncio.Event) -> None:
    """Return when the time is over and `drain` has returned, or when somebody is in a hurry."""
    emptied = asyncio.gather(asyncio.sleep(seconds), _emptied(drain))
    hurried = asyncio.create_task(hurry.wait())
    waits: set[asyncio.Future[Any]] = {emptied, hurried}
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    await asyncio.wait(waits)


async def _emptied(drain: Callable[[], Awaitable[object]] | None) -> None:
    try:
        if drain is not None:
            await drain()
    except Exception as error:
        # The process stops all the same.
        _log.warning("not drained in order: %s: %s", type(error).__name__, error)


async def _always() -> bool:
    return True


async def _close(close: Callable[[], Awaitable[object]]) -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await close()
    except Exception as error:
        # What is left to close must get its turn.
        _log.warning("not closed in order: %s: %s", type(error).__name__, error)


def _tune_garbage_collection() -> None:
    # What start-up made stays: looking through it again and again would stop the process for nothing.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
