"""Readings of sessions that never were, of those that are over, and of connectors that charge nothing.

The registers that they tell are true.
"""

import asyncio
from uuid import uuid4

from simulator.connector import Connector, Transaction
from simulator.lies.liar import STRAY, Liar
from simulator.session import CallFailed

_MEAN_SECONDS_BETWEEN = 5.0
_NEVER_A_NUMBER = 777_000


async def tell_strays(liar: Liar) -> None:
    """Readings under numbers that never were, of idle connectors, of sessions that are over, within others' time."""
    while True:
        await asyncio.sleep(liar.rng.expovariate(1 / _MEAN_SECONDS_BETWEEN))
        session = liar.station.link.session
        if session is None or not liar.station.link.in_service:
            continue
        connector = liar.rng.choice(list(liar.station.connectors.values()))
        request = liar.station.stray_reading(connector, _named(liar, connector))
        try:
            await session.exchange(request, f"{STRAY}{uuid4().hex[:24]}")
        except CallFailed as failure:
            liar.station.problem("MeterValues", str(failure))


def _named(liar: Liar, connector: Connector) -> Transaction | int | None:
    """The session that a reading claims to be of: none, one that never was, or the last that is over there."""
    over = [one for one in liar.sessions_at(connector.id) if one.stop_time is not None]
    choices: list[Transaction | int | None] = [None, _NEVER_A_NUMBER + liar.rng.randrange(1000)]
    if over and (over[0].transaction_id is not None or liar.station.protocol != "1.6"):
        choices.append(over[0])
    return liar.rng.choice(choices)
