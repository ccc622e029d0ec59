"""Waits until the platform has done all that it still has to do: on conditions that it shows, never for a time.

An audit before that would find work under way, not work forgotten.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping

import nats.errors
import psycopg

from chaos import stream

_LOOK_SECONDS = 0.5
_SAID_EVERY = 10
_WAITING = {
    "outbox": "SELECT count(*) FROM outbox WHERE publish_time IS NULL",
    "bills": "SELECT count(*) FROM charging_sessions WHERE hold_reason = 'pending'",
}


async def settled(
    databases: Mapping[str, str], nats_url: str, within_seconds: float, say: Callable[[str], None]
) -> list[str]:
    """Return when nothing is under way any more, twice in a row; else what still is when the time is over.

    `say` is told now and then what is waited for.
    """
    quiet, looks = 0, 0
    left: list[str] = ["nothing was looked at"]
    try:
        async with asyncio.timeout(within_seconds):
            # What was just handled may have led to new events.
            while quiet < 2:
                left = await _under_way(databases, nats_url)
                quiet = 0 if left else quiet + 1
                if left and looks % _SAID_EVERY == 0:
                    say(f"waiting for {'; '.join(left)}")
                looks += 1
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        return left
    return []


async def _under_way(databases: Mapping[str, str], nats_url: str) -> list[str]:
    try:
        waiting = await asyncio.to_thread(lambda: list(_rows_waiting(databases)))
        behind = [one for one in await stream.consumers(nats_url) if one.unfinished]
    except (psycopg.Error, nats.errors.Error, OSError) as error:
        return [f"cannot be asked: {error}"]
    return waiting + [f"{one.unfinished} events before consumer {one.name}" for one in behind]


def _rows_waiting(databases: Mapping[str, str]) -> Iterator[str]:
    for service, url in databases.items():
        with psycopg.connect(url, autocommit=True) as connection:
            for what, query in _WAITING.items():
                if what == "bills" and service != "billing":
                    continue
                row = connection.execute(query).fetchone()
                if row and row[0]:
                    yield f"{row[0]} rows: {what} of {service}"
