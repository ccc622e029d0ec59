"""What a lie is: a name, and how a charge point that has it behaves otherwise than it should."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from simulator.lies.message import Change

if TYPE_CHECKING:
    from simulator.lies.liar import Liar


class Kind(StrEnum):
    """What it is about, in the order in which lies are told. A charge point has at most one of a kind."""

    CLOCK = "clock"
    REGISTER = "register"
    STOP_REGISTER = "register at the stop"
    WORDING = "wording"
    MEMORY = "memory"
    STRAY = "stray readings"
    CARD = "card"


@dataclass(frozen=True)
class Lie:
    """One way to lie. `change` makes what changes the messages of a station; `live` is what it does beside charging.

    It is dealt out in so many `turns` more often than others. One that `is_occasional` is a lie only in the sessions in
    which it happens. With `needs_order` nobody could make sense of messages that come newest first.
    """

    name: str
    about: str
    kind: Kind
    change: "Callable[[Liar], Change] | None" = None
    live: "Callable[[Liar], Coroutine[Any, Any, None]] | None" = None
    prepare: "Callable[[Liar], None] | None" = None
    protocols: tuple[str, ...] = ("1.6", "2.0.1", "2.1")
    turns: int = 1
    is_occasional: bool = False
    needs_order: bool = False
