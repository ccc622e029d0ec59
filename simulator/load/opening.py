"""Opening the connections of a load run: a bounded number at a time, patient with a server that asks for patience."""

import asyncio
import time
from collections.abc import Sequence

from simulator.load.charger import Charger, Kind, TimestampCache
from simulator.load.connection import Connection
from simulator.load.dialects import LOAD_DIALECTS
from simulator.load.plan import Share, Target
from simulator.load.tally import Tally
from simulator.load.websocket import BadAnswer, opening_request

_AT_ONCE = 50
_PATIENCE_SECONDS = 60.0
_RETRY_SECONDS = 0.5
_ANSWER_SECONDS = 30.0


class NotPrepared(Exception):
    """A charger could not be connected, or was not taken in."""


async def open_all(share: Share, tally: Tally) -> list[Connection]:
    """Connect every charger and let it say its greeting.

    Raises:
        NotPrepared: the first that failed; the others are left as they are.
    """
    gate = asyncio.Semaphore(_AT_ONCE)
    timestamps = TimestampCache()
    door = Door(share.target)
    make = LOAD_DIALECTS[share.version]

    async def prepare(number: int) -> Connection:
        place = share.first_number + number
        charger = make(share.identities[number], share.tags[number], share.mix, place, timestamps)
        async with gate:
            try:
                connection = await _open_patiently(door, charger, tally)
                await greet(connection, share.greeting)
            except (BadAnswer, OSError, TimeoutError) as error:
                raise NotPrepared(f"{charger.identity}: {error or type(error).__name__}") from error
        return connection

    return list(await asyncio.gather(*(prepare(number) for number in range(len(share.identities)))))


class Door:
    """Opens connections to one target."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._tls = target.tls

    async def open(self, charger: Charger, tally: Tally) -> Connection:
        """One attempt. Raises BadAnswer, OSError or TimeoutError."""
        target = self._target
        host, port = target.address
        request, key = opening_request(
            f"{host}:{port}", target.path(charger.identity), charger.subprotocol, target.authorization(charger.identity)
        )
        async with asyncio.timeout(_ANSWER_SECONDS):
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(charger, tally, request, key), host, port, ssl=self._tls
            )
            await connection.opened
        return connection


async def greet(connection: Connection, kinds: Sequence[Kind]) -> None:
    """Say these, one after the other. Raises BadAnswer, ConnectionError or TimeoutError."""
    async with asyncio.timeout(_ANSWER_SECONDS):
        for kind in kinds:
            status = await connection.ask(kind)
            if kind is Kind.BOOT and status is not None:
                raise BadAnswer(f"BootNotification is {status}")


async def _open_patiently(door: Door, charger: Charger, tally: Tally) -> Connection:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return await door.open(charger, tally)
        except BadAnswer as error:
            if error.status not in (429, 503) or time.monotonic() > deadline:
                raise
            await asyncio.sleep(max(_RETRY_SECONDS, error.retry_after_seconds))
