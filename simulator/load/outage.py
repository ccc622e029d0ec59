"""What the chargers of a load run do when their server has gone: each comes back by itself and reports anew.

They come at once, as stations do after a power cut, and obey a server that names a pause, up to a bound.
"""

import asyncio
import random
import time
from collections.abc import Sequence

from simulator.load.charger import Kind
from simulator.load.connection import Connection
from simulator.load.opening import Door, greet
from simulator.load.plan import Share
from simulator.load.tally import Tally
from simulator.load.websocket import BadAnswer

# Nobody listens, or the connection broke: try again after about this time.
_RETRY_SECONDS = (0.5, 1.5)
_GIVE_UP_SECONDS = 180.0


async def come_back(
    share: Share, connections: Sequence[Connection], tally: Tally, kinds: Sequence[Kind], longest_pause_seconds: float
) -> list[Connection]:
    """Wait until each connection is lost, open it again, and let its charger say `kinds`.

    Counts each return as an answer to the first of `kinds`, with the time since the loss; what went wrong on the way is
    counted under `refused`, who never came back under `errors`. Returns the new connections.
    """
    door = Door(share.target)

    async def one(connection: Connection) -> Connection:
        await connection.gone
        lost_at = time.monotonic()
        while time.monotonic() - lost_at < _GIVE_UP_SECONDS:
            try:
                return await _return(door, connection, tally, kinds, lost_at)
            except BadAnswer as error:
                tally.refused[str(error)] += 1
                await asyncio.sleep(_pause(error, longest_pause_seconds))
            except (OSError, TimeoutError) as error:
                tally.refused[type(error).__name__] += 1
                await asyncio.sleep(random.uniform(*_RETRY_SECONDS))
        tally.errors["never came back"] += 1
        return connection

    # Their loss is what was announced.
    for connection in connections:
        connection.loss_expected = True
    return list(await asyncio.gather(*(one(connection) for connection in connections)))


async def _return(
    door: Door, connection: Connection, tally: Tally, kinds: Sequence[Kind], lost_at: float
) -> Connection:
    again = await door.open(connection.charger, tally)
    again.loss_expected = True
    try:
        await greet(again, kinds)
    except BaseException:
        again.close()
        raise
    again.loss_expected = False
    tally.answered(kinds[0], time.monotonic() - lost_at)
    return again


def _pause(error: BadAnswer, longest_seconds: float) -> float:
    asked = error.retry_after_seconds
    return min(asked, longest_seconds) if asked else random.uniform(*_RETRY_SECONDS)
