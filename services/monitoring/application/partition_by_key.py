"""Many things at once: what concerns one thing stays in its order, and what concerns different things goes together."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


def partition_by_key(items: Iterable[_Item], key: Callable[[_Item], Hashable]) -> Sequence[Sequence[_Item]]:
    """`items` in as few rounds as possible; a round has a key once at most, and those of one key keep their order."""
    found: list[list[_Item]] = []
    seen: dict[Hashable, int] = {}
    for item in items:
        number = seen.get(key(item), 0)
        seen[key(item)] = number + 1
        if number == len(found):
            found.append([])
        found[number].append(item)
    return found
