"""Which fault strikes what, when and for how long. Pure: the same seed gives the same schedule."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

# Nothing is broken before everybody is connected, nor so late that nobody would notice.
_LEAD_SECONDS = 6.0
_TAIL_SECONDS = 6.0
# Rounds are only repeated when the faults keep this far apart.
_LEAST_SPACING_SECONDS = 4.0
_HOLD_SECONDS = (2.0, 5.0)
_FREEZES = 3


class FaultKind(StrEnum):
    """What can happen."""

    KILL = "kill -9"
    FREEZE = "freeze"
    STALL = "stall"
    CUT = "cut"
    TEAR = "cut in mid-frame"
    FILL = "fill a queue"
    BLACKOUT = "kill -9 of everything at once"


@dataclass(frozen=True)
class Fault:
    """One fault, `at_seconds` after the beginning; `seconds` is how long it is held, 0 for what is over at once.

    `targets` are processes, or one connection for STALL, CUT and TEAR.
    """

    at_seconds: float
    kind: FaultKind
    targets: tuple[str, ...]
    seconds: float = 0.0


@dataclass(frozen=True)
class Landscape:
    """What can be struck.

    `links` are the proxies; `stoppable` are the groups of processes that leave a queue to fill when they stand still.
    """

    processes: Sequence[str]
    links: Sequence[str]
    stoppable: Sequence[tuple[str, ...]]


def schedule(landscape: Landscape, seconds: float, seed: int) -> list[Fault]:
    """The faults of a run of that length, in order: every kind at every target at least once, more in longer runs."""
    rng = random.Random(seed)
    room = seconds - _LEAD_SECONDS - _TAIL_SECONDS
    if room <= 0:
        raise ValueError(f"a run takes more than {_LEAD_SECONDS + _TAIL_SECONDS:g} seconds")
    drawn = list(_round(landscape, rng))
    rounds = max(1, int(room // (len(drawn) * _LEAST_SPACING_SECONDS)))
    for _ in range(1, rounds):
        drawn += _round(landscape, rng)
    spacing = room / sum(_weight(kind) for kind, _, _ in drawn)
    faults, at = [], _LEAD_SECONDS
    for kind, targets, held in drawn:
        faults.append(Fault(round(at + rng.uniform(0, spacing / 2), 2), kind, targets, held))
        at += _weight(kind) * spacing
    return faults


def _round(landscape: Landscape, rng: random.Random) -> Iterator[tuple[FaultKind, tuple[str, ...], float]]:
    """Every kind at every target, in any order; what is frozen is drawn by lot."""
    faults: list[tuple[FaultKind, tuple[str, ...]]] = [(FaultKind.KILL, (name,)) for name in landscape.processes]
    faults += [(FaultKind.FREEZE, (name,)) for name in rng.sample(list(landscape.processes), _FREEZES)]
    faults += [(kind, (link,)) for link in landscape.links for kind in (FaultKind.STALL, FaultKind.CUT, FaultKind.TEAR)]
    faults += [(FaultKind.FILL, group) for group in landscape.stoppable]
    faults.append((FaultKind.BLACKOUT, tuple(landscape.processes)))
    rng.shuffle(faults)
    for kind, targets in faults:
        held = round(rng.uniform(*_HOLD_SECONDS), 1) if kind in _HELD else 0.0
        yield kind, targets, held


_HELD = (FaultKind.FREEZE, FaultKind.STALL, FaultKind.FILL)


def _weight(kind: FaultKind) -> int:
    """How many turns a fault takes: everything needs longer to come back than one."""
    return 4 if kind is FaultKind.BLACKOUT else 1
