"""What stations do at the wrong time, too often, or in the wrong order; each of their messages is true.

A function of the first kind changes a station before it runs. A coroutine runs beside charging until the station stops.
"""

import asyncio
import random
from contextlib import suppress
from uuid import uuid4

from simulator.charge_point import ChargePoint
from simulator.connector import Transaction
from simulator.meter import Reading
from simulator.offline import QueuedMessage
from simulator.scripts import GARBAGE
from simulator.transport import TransportClosed

_BEAT_SECONDS = 1.5
_STORM_RECONNECTS = 4
_STORM_SECONDS, _GARBAGE_SECONDS, _FLIGHT_SECONDS, _AWAY_SECONDS, _OUTAGE_SECONDS = 30.0, 12.0, 8.0, 20.0, 25.0


async def never_obeys_the_interval(station: ChargePoint, _: random.Random) -> None:
    """A Heartbeat every second or two, whatever interval the central system has given"""
    while True:
        await asyncio.sleep(_BEAT_SECONDS)
        if station.link.ready:
            await station.heartbeat()
            station.misbehaved += 1


async def reconnect_storm(station: ChargePoint, rng: random.Random) -> None:
    """Now and then the line breaks several times in a row without a close frame, and it comes back at once"""
    while True:
        await asyncio.sleep(rng.expovariate(1 / _STORM_SECONDS))
        for _ in range(_STORM_RECONNECTS):
            await station.ready()
            station.link.cut()
            while station.link.session is not None:
                await station.link.changed()
            station.link.restore()
            station.misbehaved += 1


async def malformed_frames(station: ChargePoint, rng: random.Random) -> None:
    """Among its messages are frames that are no OCPP at all"""
    while True:
        await asyncio.sleep(rng.expovariate(1 / _GARBAGE_SECONDS))
        session = station.link.session
        if session is not None and station.link.in_service:
            with suppress(TransportClosed):
                await session.transport.send_raw(rng.choice(GARBAGE))
                station.misbehaved += 1


async def two_calls_in_flight(station: ChargePoint, rng: random.Random) -> None:
    """A second call follows 1 ms after the first, whose answer it does not wait for"""
    while True:
        await asyncio.sleep(rng.expovariate(1 / _FLIGHT_SECONDS))
        session = station.link.session
        if session is None or not station.link.in_service:
            continue
        calls = []
        for _ in range(2):
            calls.append(asyncio.ensure_future(session.exchange_raw([2, str(uuid4()), "Heartbeat", {}])))
            await asyncio.sleep(0.001)
        await asyncio.gather(*calls, return_exceptions=True)
        station.misbehaved += 1


async def boots_at_each_connection(station: ChargePoint, rng: random.Random) -> None:
    """After a mere loss of the line it boots as if power had failed, and goes on with its session"""
    while True:
        await asyncio.sleep(rng.expovariate(1 / _OUTAGE_SECONDS))
        if station.link.ready:
            station.link.forget_registration("PowerUp")
            station.link.cut()
            station.misbehaved += 1


async def no_boot_after_power_cut(station: ChargePoint, rng: random.Random) -> None:
    """After a power cut it comes back without BootNotification and tells nothing but that it is there"""
    while True:
        await asyncio.sleep(rng.expovariate(1 / _OUTAGE_SECONDS))
        if station.link.ready:
            # What had been told before is not known any more.
            for connector in station.connectors.values():
                connector.reported = None
            station.link.cut()
            station.misbehaved += 1


async def reversed_replay(station: ChargePoint, rng: random.Random) -> None:
    """What was queued without a connection is told newest first"""
    while True:
        await asyncio.sleep(rng.expovariate(1 / _AWAY_SECONDS))
        if not station.link.ready:
            continue
        station.link.pause()
        station.link.cut()
        try:
            await asyncio.sleep(rng.uniform(0.3, 0.6) * _AWAY_SECONDS)
            station.queue.reverse()
            station.misbehaved += len(station.queue) > 1
        finally:
            station.link.restore()


def late_readings(station: ChargePoint) -> None:
    """The readings of a session are told after its end, with the stamps of when they were taken"""
    samples: set[int] = set()
    held: dict[str, list[QueuedMessage]] = {}
    take_sample, post = station.sampled, station.post_nowait

    def sampled(transaction: Transaction, reading: Reading) -> QueuedMessage:
        message = take_sample(transaction, reading)
        samples.add(id(message))
        return message

    def post_nowait(message: QueuedMessage) -> None:
        if id(message) in samples:
            samples.discard(id(message))
            held.setdefault(message.transaction_key, []).append(message)
            return
        post(message)
        over = not any(one.key == message.transaction_key for one in station.transactions())
        for late in held.pop(message.transaction_key, ()) if over else ():
            post(late)
            station.misbehaved += 1

    # Each is one of the station's own methods, put in the place of itself.
    station.sampled = sampled  # type: ignore[method-assign]
    station.post_nowait = post_nowait  # type: ignore[method-assign]
