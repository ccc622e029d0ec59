"""Flags between the contracts and tables: numbers of csms.fact.v1.Doubt.Flag there, texts as `clock_corrected` here.

A flag about a place in a message is `coerced:` or `dropped:` with the path of it; in contracts the paths stand apart.
A number that only a newer release knows is kept as the text of it and handed on; a text that only a newer release knows
is unspecified.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from csms.fact.v1.doubt_pb2 import Doubt

COERCED, DROPPED = "coerced:", "dropped:"

_NAMED = {Doubt.COERCED: COERCED, Doubt.DROPPED: DROPPED}
_TEXTS: dict[int, str] = {
    number: name.lower() for name, number in Doubt.Flag.items() if number and number not in _NAMED
}
_NUMBERS = {text: number for number, text in _TEXTS.items()}


class Flagged(Protocol):
    """A message with flags."""

    @property
    def flags(self) -> Any: ...

    @property
    def coerced_paths(self) -> Any: ...

    @property
    def dropped_paths(self) -> Any: ...


class FlagFields(NamedTuple):
    """The fields of a message with flags."""

    flags: list[int]
    coerced_paths: list[str]
    dropped_paths: list[str]


def flag_fields(texts: Iterable[str]) -> FlagFields:
    """What a message says of the flags `texts`: each number once."""
    numbers: dict[int, None] = {}
    fields = FlagFields([], [], [])
    for text in texts:
        if text.startswith(COERCED):
            numbers[Doubt.COERCED] = None
            fields.coerced_paths.append(text.removeprefix(COERCED))
        elif text.startswith(DROPPED):
            numbers[Doubt.DROPPED] = None
            fields.dropped_paths.append(text.removeprefix(DROPPED))
        else:
            numbers[_number(text)] = None
    fields.flags.extend(numbers)
    return fields


def write_flags(texts: Iterable[str], message: Flagged) -> None:
    """Put flags into a message without any."""
    fields = flag_fields(texts)
    message.flags.extend(fields.flags)
    message.coerced_paths.extend(fields.coerced_paths)
    message.dropped_paths.extend(fields.dropped_paths)


def read_flags(message: Flagged) -> tuple[str, ...]:
    """The flags of a message as texts."""
    numbers = message.flags
    if not numbers:
        return ()
    texts = _texts(tuple(numbers))
    if len(texts) == len(numbers):
        return texts
    return (
        *texts,
        *(f"{COERCED}{path}" for path in message.coerced_paths),
        *(f"{DROPPED}{path}" for path in message.dropped_paths),
    )


@lru_cache(maxsize=1000)  # charge points raise few combinations, and these with every event
def _texts(numbers: tuple[int, ...]) -> tuple[str, ...]:
    """The texts of those numbers that have no paths."""
    return tuple(_TEXTS.get(number) or str(number) for number in numbers if number and number not in _NAMED)


def _number(text: str) -> int:
    number = _NUMBERS.get(text)
    if number is None:
        # Kept as it was told by a newer release, see `read_flags`.
        return int(text) if text.isascii() and text.isdecimal() and len(text) < _LONGEST_NUMBER else 0
    return number


_LONGEST_NUMBER = 10
