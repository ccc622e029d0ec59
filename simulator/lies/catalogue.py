"""The lies by name, and who has which: dealt out by the seed, so that each is told in each version that can tell it."""

import random
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

from simulator.configuration import Role
from simulator.lies import clocks, memory, registers, strays, wording
from simulator.lies.liar import Liar
from simulator.lies.lie import Kind, Lie
from simulator.lies.message import Change

# The share of liars that have a second lie.
SECOND_LIE = 0.3
_LOST_ANSWERS = 0.25
_TURNS_OF_MEMORY = 3


def _clock(
    name: str, make: Callable[[random.Random], Change], *, is_occasional: bool = False, needs_order: bool = False
) -> Lie:
    def change(liar: Liar) -> Change:
        return make(liar.rng)

    return Lie(name, _about(make), Kind.CLOCK, change, is_occasional=is_occasional, needs_order=needs_order)


def _words(name: str, kind: Kind, change: Change) -> Lie:
    return Lie(name, _about(change), kind, lambda _: change)


def _memory(name: str, live: Callable[[Liar], Coroutine[Any, Any, None]], *protocols: str) -> Lie:
    # It takes a while until something is lost, and then it is one session of many.
    return Lie(
        name,
        _about(live),
        Kind.MEMORY,
        live=live,
        protocols=protocols or ("1.6", "2.0.1", "2.1"),
        turns=_TURNS_OF_MEMORY,
        is_occasional=True,
        needs_order=True,
    )


def _about(function: object) -> str:
    return (function.__doc__ or "").partition("\n")[0].rstrip(".")


def _lose_answers(liar: Liar) -> None:
    liar.loses_answers = _LOST_ANSWERS


def _insist(liar: Liar) -> None:
    """The station charges by whatever card without asking, and goes on when it is refused"""
    liar.tag = liar.rng.choice(("STRANGER", liar.neighbours_tag))
    liar.station.configuration.assign(Role.STOP_ON_INVALID_ID, "false")


_ALL = (
    _clock("clock-ahead", clocks.ahead, needs_order=True),
    _clock("clock-behind", clocks.behind),
    _clock("clock-without-zone", clocks.without_zone),
    _clock("clock-local-time", clocks.local_time, needs_order=True),
    Lie(
        "clock-1970",
        _about(clocks.since_power_up),
        Kind.CLOCK,
        lambda liar: clocks.since_power_up(liar.power_ups),
        needs_order=True,
    ),
    Lie(
        "clock-jumps",
        _about(clocks.jumping),
        Kind.CLOCK,
        lambda liar: clocks.jumping(liar.rng, liar.power_ups[0]),
        needs_order=True,
    ),
    _clock("stray-stamps", clocks.stray_stamps, is_occasional=True, needs_order=True),
    Lie(
        "no-stamps",
        _about(clocks.no_stamps),
        Kind.CLOCK,
        lambda liar: clocks.no_stamps(liar.rng),
        prepare=_lose_answers,
        needs_order=True,
    ),
    _words("session-register", Kind.REGISTER, registers.of_session),
    _words("mixed-registers", Kind.REGISTER, registers.mixed),
    _words("start-and-stop-of-session", Kind.REGISTER, registers.start_and_stop_of_session),
    _words("start-from-zero", Kind.REGISTER, registers.from_zero),
    _words("begin-beside-periodic", Kind.REGISTER, registers.begin_beside),
    _words("wrong-unit", Kind.REGISTER, registers.wrong_unit),
    _words("no-registers", Kind.REGISTER, registers.no_registers),
    _words("no-stop-register", Kind.STOP_REGISTER, registers.no_stop),
    _words("broken-parts", Kind.WORDING, wording.broken_parts),
    _words("doubles", Kind.WORDING, wording.doubles),
    _words("bad-characters", Kind.WORDING, wording.bad_characters),
    _memory(memory.FORGETS, memory.forget),
    _memory(memory.DENIES, memory.deny, "2.0.1", "2.1"),
    _memory(memory.GOES_SILENT, memory.go_silent),
    Lie("stray-readings", _about(strays.tell_strays), Kind.STRAY, live=strays.tell_strays),
    Lie("insists", _about(_insist), Kind.CARD, prepare=_insist),
)
LIES: Mapping[str, Lie] = {lie.name: lie for lie in _ALL}

# Together nobody could know what is meant: without stamps a start is known again by its words alone.
_NOT_TOGETHER = (
    {"no-stamps", memory.FORGETS},
    {"no-stamps", memory.DENIES},
    {"no-stamps", memory.GOES_SILENT},
)


def deal(
    lies: Sequence[Lie], share: float, protocols: Sequence[str], rng: random.Random, second: float = SECOND_LIE
) -> dict[int, list[Lie]]:
    """Who lies how: the lies of some of as many stations as there are `protocols`, by their numbers; the share `second`
    of them has two."""
    liars = sorted(rng.sample(range(len(protocols)), round(len(protocols) * share))) if lies else []
    turns: dict[str, Iterator[Lie]] = {}
    for protocol in dict.fromkeys(protocols):
        can = [lie for lie in lies if protocol in lie.protocols for _ in range(lie.turns)]
        turns[protocol] = cycle(rng.sample(can, len(can)))
    dealt = {}
    for number in liars:
        first = next(turns[protocols[number]])
        others = [lie for lie in lies if protocols[number] in lie.protocols and _go_together(first, lie)]
        dealt[number] = [first, *(rng.sample(others, 1) if others and rng.random() < second else ())]
    return dealt


def _go_together(one: Lie, other: Lie) -> bool:
    return one.kind is not other.kind and {one.name, other.name} not in _NOT_TOGETHER
