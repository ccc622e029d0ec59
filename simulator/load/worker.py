"""One generator process: opens its share of the connections, loads the server when told, reports what it counted.

It talks to the parent over a pipe: `Ready` or `Failed`; then it does what it is told, one order after the other, and
answers each with a `Result`. An order of None sends it home.
"""

import asyncio
import gc
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe

import uvloop

from simulator.load.charger import Kind
from simulator.load.connection import Connection
from simulator.load.opening import NotPrepared, greet, open_all
from simulator.load.outage import come_back
from simulator.load.plan import Share, Window
from simulator.load.tally import Tally
from simulator.load.websocket import BadAnswer

_TICK_SECONDS = 0.001
# A call that waits longer than this at the end of the window is counted as unanswered.
_OVERDUE_SECONDS = 10.0
# All transactions of a large crowd take a while to end.
_GOODBYE_SECONDS = 10.0
_GOODBYE_SECONDS_EACH = 0.01
_ERRANDS_AT_ONCE = 50


@dataclass(frozen=True)
class Ready:
    """All connections are open and greeted, after so many seconds."""

    connections: int
    seconds: float


@dataclass(frozen=True)
class Failed:
    """They could not be opened."""

    reason: str


@dataclass(frozen=True)
class Load:
    """An order: a stretch of load that begins at `start` (monotonic)."""

    window: Window
    start: float


@dataclass(frozen=True)
class Say:
    """An order: every charger says these, one after the other."""

    kinds: tuple[Kind, ...]


@dataclass(frozen=True)
class Prepare:
    """An order: every charger turns to a mix and starts or ends its session, as the mix needs it."""

    mix: str


@dataclass(frozen=True)
class ComeBack:
    """An order: the server will go away; every charger comes back by itself and says these again."""

    kinds: tuple[Kind, ...]
    longest_pause_seconds: float


@dataclass(frozen=True)
class Result:
    """What was counted while an order was carried out."""

    tally: Tally


Order = Load | Prepare | Say | ComeBack | None


def main(share: Share, pipe: Pipe) -> None:
    """Run one share; the entry point of the process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with suppress(KeyboardInterrupt):
        uvloop.run(_run(share, pipe))


async def _run(share: Share, pipe: Pipe) -> None:
    tally, began = Tally(), time.monotonic()
    try:
        connections = await open_all(share, tally)
    except NotPrepared as error:
        pipe.send(Failed(str(error)))
        return
    pipe.send(Ready(len(connections), time.monotonic() - began))
    while (order := await asyncio.to_thread(_next_order, pipe)) is not None:
        tally.clear()
        connections = await _carry_out(order, share, connections, tally)
        pipe.send(Result(tally))
    with suppress(TimeoutError):
        async with asyncio.timeout(_GOODBYE_SECONDS + len(connections) * _GOODBYE_SECONDS_EACH):
            await asyncio.gather(*(_goodbye(connection) for connection in connections))


def _next_order(pipe: Pipe) -> Order:
    order: Order = pipe.recv()
    return order


async def _carry_out(order: Order, share: Share, connections: list[Connection], tally: Tally) -> list[Connection]:
    """Returns the connections that there are afterwards."""
    match order:
        case Load(window, start):
            for connection in connections:
                connection.charger.turn_to(window.mix)
            with _undisturbed():
                await _load(window.part(share.fraction), connections, tally, start)
            await _settle(connections)
        case Prepare(mix):
            for connection in connections:
                connection.charger.turn_to(mix)
            errands = [(each, kind) for each in connections if (kind := each.charger.errand()) is not None]
            await _say([(connection, (kind,)) for connection, kind in errands], tally)
        case Say(kinds):
            await _say([(connection, kinds) for connection in connections], tally)
        case ComeBack(kinds, longest_pause):
            return await come_back(share, connections, tally, kinds, longest_pause)
    return connections


async def _load(window: Window, connections: list[Connection], tally: Tally, start: float) -> None:
    await _until(start)
    pacing = None
    if window.rate:
        pacing = asyncio.create_task(_pace(connections, window.rate, start))
    else:
        for connection in connections:
            connection.drive()
    await _until(start + window.warmup_seconds)
    for connection in connections:
        connection.measuring = True
    await _until(start + window.warmup_seconds + window.seconds)
    end = time.monotonic()
    for connection in connections:
        connection.measuring = False
        connection.halt()
        since = connection.outstanding_since
        if not connection.alive:
            tally.errors["not connected"] += 1
        elif since is not None and end - since > _OVERDUE_SECONDS:
            tally.errors["unanswered"] += 1
    if pacing is not None:
        pacing.cancel()


async def _pace(connections: list[Connection], rate: float, start: float) -> None:
    """Offer messages on schedule, whatever the server does; each charger in turn."""
    offered = 0
    while True:
        now = time.monotonic()
        due = int((now - start) * rate) + 1
        while offered < due:
            connection = connections[offered % len(connections)]
            if connection.alive:
                connection.offer(start + offered / rate)
            offered += 1
        await asyncio.sleep(max(_TICK_SECONDS, start + offered / rate - time.monotonic()))


async def _say(sayings: list[tuple[Connection, tuple[Kind, ...]]], tally: Tally) -> None:
    gate = asyncio.Semaphore(_ERRANDS_AT_ONCE)

    async def one(connection: Connection, kinds: tuple[Kind, ...]) -> None:
        async with gate:
            try:
                await greet(connection, kinds)
            except (BadAnswer, ConnectionError, TimeoutError) as error:
                tally.errors[str(error) or type(error).__name__] += 1

    await asyncio.gather(*(one(*saying) for saying in sayings))


async def _settle(connections: list[Connection]) -> None:
    """Wait for the answers that the window has left open."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_OVERDUE_SECONDS):
            await asyncio.gather(*(connection.settled() for connection in connections), return_exceptions=True)


async def _goodbye(connection: Connection) -> None:
    with suppress(ConnectionError):
        await connection.settled()
        if connection.alive and connection.charger.charging:
            await connection.ask(Kind.STOP)
    connection.close()


async def _until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.monotonic()))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """No pause of our own garbage collector in what is measured."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
