"""What a misbehaviour is, and how a charge point comes by it."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from simulator.charge_point import ChargePoint
from simulator.lies.lie import Lie
from simulator.transport import Distortion, compact

ANY = ("1.6", "2.0.1", "2.1")
TWO = ("2.0.1", "2.1")

Live = Callable[[ChargePoint, random.Random], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Misbehaviour:
    """One of them. `source` is the clause that it goes against, or where it was seen.

    `lie`: what is told is not true, so that the ledger has the truth beside it (see `simulator.lies`). `distort` makes
    what changes frames, `prepare` what changes the station before it runs, `live` is what it does beside charging.
    """

    name: str
    about: str
    source: str
    protocols: tuple[str, ...] = ANY
    lie: Lie | None = None
    distort: Callable[[], Distortion] | None = None
    prepare: Callable[[ChargePoint], None] | None = None
    live: Live | None = None

    def befall(self, station: ChargePoint) -> None:
        """Have a station misbehave so, but for the lie, which its liar tells. It counts in `station.misbehaved`."""
        if self.distort is not None:
            station.distort = _counting(station, self.distort())
        if self.prepare is not None:
            self.prepare(station)

    def begin(self, station: ChargePoint, rng: random.Random) -> "asyncio.Task[None] | None":
        """Start what it does beside charging, until the task is cancelled or the station stops."""
        if self.live is None:
            return None
        return station.spawn(self.live(station, rng), f"{self.name} of {station.identity}")


def deal(every: Sequence[Misbehaviour], share: float, protocols: Sequence[str]) -> dict[int, Misbehaviour]:
    """Who misbehaves how: the misbehaviours of some of as many stations as there are `protocols`, by their numbers. The
    stations of a version have them in turn, so that each is seen in each version that is large enough."""
    dealt: dict[int, Misbehaviour] = {}
    for place, protocol in enumerate(dict.fromkeys(protocols)):
        can = [one for one in every if protocol in one.protocols]
        there = [number for number, spoken in enumerate(protocols) if spoken == protocol]
        # Small fleets show different ones in each version.
        turns: Iterator[Misbehaviour] = islice(cycle(can), place * len(can) // 3, None)
        for turn, number in enumerate(there):
            if can and int((turn + 1) * share) > int(turn * share):
                dealt[number] = next(turns)
    return dealt


def _counting(station: ChargePoint, distort: Distortion) -> Distortion:
    def count(frame: list[Any]) -> Sequence[str]:
        told = distort(frame)
        station.misbehaved += list(told) != [compact(frame)]
        return told

    return count
