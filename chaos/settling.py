"""Waits until the platform has done all that it still has to do: on conditions that it shows, never for a time.

An audit before that would find work under way, not work forgotten.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping

import nats.errors
import psycopg

from chaos import stream

_LOOK_SECONDS = 0.5
_SAID_EVERY = 10
_WORDS = {
    "outbox": "unpublished events",
    "transaction": "sessions that run, or are to be looked at again",
    "billing": "sessions to be billed",
    "station": "open connections",
}
# By service, or for all of them. The chargers have gone: connections of killed edges run out with their leases.
_WAITING = {
    "outbox": "SELECT count(*) FROM outbox WHERE publish_time IS NULL",
    # Looked at again within seconds of each change, as long as there is one. When the chargers have gone, what nobody
    # has ended ends by evidence; and it is billed so when nobody has told its end for a while.
    "transaction": (
        "SELECT count(*) FROM transactions WHERE state = 'ACTIVE' OR"
        " update_time > coalesce((SELECT max(until_time) FROM reconciliations), '-infinity')"
    ),
    "billing": "SELECT count(*) FROM charging_sessions WHERE hold_reason IN ('pending', 'estimated_end')",
    "station": "SELECT count(*) FROM connections WHERE close_time IS NULL",
}


# What says that all events had their effects, whether or not sessions run.
EVENTS = ("outbox",)


async def settled(
    databases: Mapping[str, str],
    nats_url: str,
    patience_seconds: float,
    say: Callable[[str], None],
    kinds: Collection[str] = tuple(_WAITING),
) -> list[str]:
    """Return when nothing is under way any more, twice in a row; else what still is, when for so long it was no less.

    `say` is told now and then what is waited for, `kinds` are what counts: beside events before their consumers, which
    always do.
    """
    quiet, looks, least = 0, 0, sys.maxsize
    give_up_at = time.monotonic() + patience_seconds
    while True:
        left = await _under_way(databases, nats_url, kinds)
        # What was just handled may have led to new events.
        quiet = 0 if left else quiet + 1
        if quiet == 2:
            return []
        if sum(left.values()) < least:
            least, give_up_at = sum(left.values()), time.monotonic() + patience_seconds
        waiting = [f"{count} {what}" for what, count in left.items()]
        if time.monotonic() > give_up_at:
            return waiting
        if waiting and looks % _SAID_EVERY == 0:
            say(f"waiting for {'; '.join(waiting)}")
        looks += 1
        await asyncio.sleep(_LOOK_SECONDS)


async def _under_way(databases: Mapping[str, str], nats_url: str, kinds: Collection[str]) -> dict[str, int]:
    """How much of what is still to be done."""
    try:
        waiting = await asyncio.to_thread(lambda: dict(_rows_waiting(databases, kinds)))
        for one in await stream.consumers(nats_url):
            waiting[f"events before consumer {one.name}"] = one.unfinished
    except (psycopg.Error, nats.errors.Error, OSError) as error:
        return {f"databases or streams that cannot be asked: {error}": sys.maxsize}
    return {what: count for what, count in waiting.items() if count}


def _rows_waiting(databases: Mapping[str, str], kinds: Collection[str]) -> Iterator[tuple[str, int]]:
    for service, url in databases.items():
        with psycopg.connect(url, autocommit=True) as connection:
            for what, query in _WAITING.items():
                if what in kinds and what.startswith(("outbox", service)):
                    row = connection.execute(query.encode()).fetchone()
                    yield f"{_WORDS[what]} of {service}", row[0] if row else 0
