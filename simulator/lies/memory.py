"""Charge points that lose their sessions: forgotten in a power cut, or gone with the charge point."""

import asyncio

from simulator.connector import Transaction
from simulator.lies.liar import Liar
from simulator.truth import Ending

FORGETS, DENIES, GOES_SILENT = "forgets", "denies", "goes-silent"
# Power fails so often, on the average, while something runs that can be forgotten.
_MEAN_SECONDS_BETWEEN_CUTS = 15.0
_MEAN_SECONDS_TO_THE_END = 60.0
_LOOK_SECONDS = 0.3
# How many of the forgetful never charge again.
_SHARE_IDLE = 0.1


async def forget(liar: Liar) -> None:
    """After a power cut the station does not know its session any more, and says that its connector is free."""
    await _forget_now_and_then(liar, FORGETS)


async def deny(liar: Liar) -> None:
    """The same with the vehicle still plugged in: only when asked the station says that the session does not go on."""
    await _forget_now_and_then(liar, DENIES)


async def go_silent(liar: Liar) -> None:
    """The station is gone in the middle of a session, for good."""
    station = liar.station
    await asyncio.sleep(liar.rng.expovariate(1 / _MEAN_SECONDS_TO_THE_END))
    while True:
        transaction = _running(liar)
        others = transaction is not None and len(station.queue) > station.queue.count(transaction.key)
        # What is told of other sessions is told before.
        if transaction is not None and station.link.ready and not others:
            liar.is_gone = True
            station.link.pause()
            station.link.cut()
            liar.lose(transaction, Ending.SILENT, GOES_SILENT)
            return
        await asyncio.sleep(_LOOK_SECONDS)


async def _forget_now_and_then(liar: Liar, lie: str) -> None:
    while True:
        await asyncio.sleep(liar.rng.expovariate(1 / _MEAN_SECONDS_BETWEEN_CUTS))
        transaction = _running(liar)
        if transaction is None or not liar.station.link.ready:
            continue
        liar.lose_power()
        liar.lose(transaction, Ending.FORGOTTEN, lie)
        if liar.session is not None:
            await asyncio.wait({liar.session})
        # By 1.6 that is Preparing, which says as much as Available; by 2.x Occupied, which says nothing.
        if lie == DENIES or liar.rng.random() < 0.3:
            liar.station.connectors[transaction.connector_id].plugged_in = True
        if lie == FORGETS:
            liar.is_idle = liar.is_idle or liar.rng.random() < _SHARE_IDLE


def _running(liar: Liar) -> Transaction | None:
    return next(iter(liar.station.transactions()), None)
