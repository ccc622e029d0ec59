"""What a station has been told to do and has answered, and what it has told of its own: for whoever waits for that."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from simulator.transport import Direction, Frame

K = TypeVar("K")


class CommandLog:
    """Counts commands that were answered by a result, and calls of the station's own, by action and status."""

    def __init__(self) -> None:
        self._commands: dict[str, str] = {}
        self._calls: dict[str, tuple[str, str]] = {}
        self._answered: Counter[str] = Counter()
        self._told: Counter[tuple[str, str]] = Counter()
        self._changed = asyncio.Event()

    def watch(self, frame: Frame) -> None:
        """Take notice of a frame; sees every one of the station, and looks into few."""
        is_sent = frame.direction is Direction.SENT
        if frame.text.startswith("[2"):
            self._take_call(frame.text, is_sent)
        elif frame.text.startswith("[3") and (self._commands if is_sent else self._calls):
            self._take_result(frame.text, is_sent)

    def take(self, actions: frozenset[str]) -> bool:
        """Whether a command of these actions was answered that nobody has taken yet; it is taken now."""
        return any(_take_one(self._answered, action) for action in actions)

    def take_status(self, actions: frozenset[str], status: str) -> bool:
        """The same with a message of the station's own that told a status, and was acknowledged."""
        return any(_take_one(self._told, (action, status)) for action in actions)

    async def until(self, condition: Callable[[], bool], within_seconds: float) -> None:
        """Return when a condition on this log holds. Raises TimeoutError."""
        async with asyncio.timeout(within_seconds):
            while not condition():
                await self._changed.wait()

    def _take_call(self, text: str, is_sent: bool) -> None:
        message = _parse(text)
        if len(message) < 4:
            return
        if not is_sent:
            self._commands[str(message[1])] = str(message[2])
        elif isinstance(message[3], Mapping) and isinstance(status := message[3].get("status"), str):
            self._calls[str(message[1])] = str(message[2]), status

    def _take_result(self, text: str, is_sent: bool) -> None:
        message = _parse(text)
        if len(message) < 2:
            return
        if is_sent and (action := self._commands.pop(str(message[1]), None)) is not None:
            self._answered[action] += 1
        elif not is_sent and (told := self._calls.pop(str(message[1]), None)) is not None:
            self._told[told] += 1
        else:
            return
        self._changed.set()
        self._changed = asyncio.Event()


def _take_one(counts: Counter[K], key: K) -> bool:
    is_there = counts[key] > 0
    counts[key] -= is_there
    return is_there


def _parse(text: str) -> list[Any]:
    try:
        message = json.loads(text)
    except ValueError:
        return []
    return message if isinstance(message, list) else []
