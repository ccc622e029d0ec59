"""Opening the connections of a load run: a bounded number at a time, patient with a server that asks for patience."""

import asyncio
import ssl
import time

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
    """Connect and boot every charger, and start a transaction where its mix needs one.

    Raises:
        NotPrepared: the first that failed; the others are left as they are.
    """
    gate = asyncio.Semaphore(_AT_ONCE)
    timestamps = TimestampCache()
    tls = share.target.tls
    make = LOAD_DIALECTS[share.version]

    async def prepare(number: int) -> Connection:
        place = share.first_number + number
        charger = make(share.identities[number], share.tags[number], share.mix, place, timestamps)
        async with gate:
            try:
                connection = await _open(share.target, tls, charger, tally)
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await _take_in(connection)
            except (BadAnswer, OSError, TimeoutError) as error:
                raise NotPrepared(f"{charger.identity}: {error or type(error).__name__}") from error
        return connection

    return list(await asyncio.gather(*(prepare(number) for number in range(len(share.identities)))))


async def _open(target: Target, tls: ssl.SSLContext | None, charger: Charger, tally: Tally) -> Connection:
    host, port = target.address
    loop = asyncio.get_running_loop()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        request, key = opening_request(
            f"{host}:{port}", target.path(charger.identity), charger.subprotocol, target.authorization(charger.identity)
        )
        _, connection = await loop.create_connection(
            lambda request=request, key=key: Connection(charger, tally, request, key), host, port, ssl=tls
        )
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await connection.opened
            return connection
        except BadAnswer as error:
            if error.status not in (429, 503) or time.monotonic() > deadline:
                raise
            await asyncio.sleep(max(_RETRY_SECONDS, error.retry_after_seconds))


async def _take_in(connection: Connection) -> None:
    status = await connection.ask(Kind.BOOT)
    if status is not None:
        raise BadAnswer(f"BootNotification is {status}")
    if connection.charger.needs_transaction:
        await connection.ask(Kind.START)
