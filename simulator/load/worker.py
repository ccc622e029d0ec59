"""One generator process: opens its share of the connections, drives them when told, reports what it counted.

It talks to the parent over a pipe: `Ready` or `Failed`, then it is told when to go, then a `Result`.
"""

import asyncio
import resource
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe

import uvloop

from simulator.load.charger import Kind
from simulator.load.connection import Connection
from simulator.load.opening import NotPrepared, open_all
from simulator.load.plan import Share
from simulator.load.tally import Tally

_TICK_SECONDS = 0.001
# A call that waits longer than this at the end of the window is counted as unanswered.
_OVERDUE_SECONDS = 10.0
_GOODBYE_SECONDS = 10.0


@dataclass(frozen=True)
class Ready:
    """All connections are open and taken in."""

    connections: int


@dataclass(frozen=True)
class Failed:
    """They could not be opened."""

    reason: str


@dataclass(frozen=True)
class Result:
    """What was counted within the window."""

    tally: Tally


def main(share: Share, pipe: Pipe) -> None:
    """Run one share; the entry point of the process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with suppress(KeyboardInterrupt):
        uvloop.run(_run(share, pipe))


async def _run(share: Share, pipe: Pipe) -> None:
    tally = Tally()
    try:
        connections = await open_all(share, tally)
    except NotPrepared as error:
        pipe.send(Failed(str(error)))
        return
    pipe.send(Ready(len(connections)))
    start: float = await asyncio.to_thread(pipe.recv)
    await _window(share, connections, tally, start)
    pipe.send(Result(tally))
    # The parent reads its clocks before the transactions of this run are ended.
    await asyncio.to_thread(pipe.recv)
    with suppress(TimeoutError):
        async with asyncio.timeout(_GOODBYE_SECONDS):
            await asyncio.gather(*(_goodbye(connection) for connection in connections))


async def _window(share: Share, connections: list[Connection], tally: Tally, start: float) -> None:
    await _until(start)
    pacing = None
    if share.rate:
        pacing = asyncio.create_task(_pace(connections, share.rate, start))
    else:
        for connection in connections:
            connection.drive()
    await _until(start + share.warmup_seconds)
    for connection in connections:
        connection.measuring = True
    await _until(start + share.warmup_seconds + share.seconds)
    end = time.monotonic()
    for connection in connections:
        connection.measuring = False
        connection.halt()
        since = connection.outstanding_since
        if connection.alive and since is not None and end - since > _OVERDUE_SECONDS:
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


async def _goodbye(connection: Connection) -> None:
    with suppress(ConnectionError):
        await connection.settled()
        if connection.alive and connection.charger.charging:
            await connection.ask(Kind.STOP)
    connection.close()


async def _until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.monotonic()))
