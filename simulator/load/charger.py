"""What the chargers of a load run say: one charger's next message at a time, rendered from byte templates.

Every message is new to the server: timestamps and registers of a charger only grow, at a power that is physically true.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import StrEnum
from itertools import cycle
from typing import Any, ClassVar

import orjson


class Kind(StrEnum):
    """Classes of messages, as they are counted."""

    BOOT = "boot"
    HEARTBEAT = "heartbeat"
    AUTHORIZE = "authorize"
    STATUS = "status"
    METER_VALUES = "metervalues"
    START = "start"
    STOP = "stop"


_M, _H, _S = Kind.METER_VALUES, Kind.HEARTBEAT, Kind.STATUS
MIXES: dict[str, tuple[Kind, ...]] = {
    "metervalues": (_M,),
    "starts": (Kind.START, Kind.STOP),
    "transaction": (Kind.START, *[_M] * 8, Kind.STOP),
    "heartbeat": (_H,),
    "status": (_S,),
    "authorize": (Kind.AUTHORIZE,),
    "boot": (Kind.BOOT,),
    # 20 messages: 60 % meter values, 20 % heartbeats, 10 % status, a stop and a start
    "mixed": (_M, _M, _H, _M, _M, _S, _M, _M, _H, Kind.STOP, Kind.START, _M, _H, _M, _M, _M, _H, _M, _S, _M),
}

_POWER_W = 11_000
_WITH_STATUS = (Kind.START, Kind.AUTHORIZE, Kind.BOOT)


class TimestampCache:
    """Timestamps as bytes, cheap because each second is formatted once."""

    def __init__(self) -> None:
        self._second = -1
        self._text = b""

    def stamp(self, milliseconds: int) -> bytes:
        """A moment since 1970, such as `2025-01-31T12:00:00.000Z`."""
        second, rest = divmod(milliseconds, 1_000)
        if second != self._second:
            self._second = second
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        return b"%b.%03dZ" % (self._text, rest)


class Charger(ABC):
    """One charger's side of the conversation: it says what comes next in its mix and takes the answers.

    `number` is its place in the run: chargers of a mixed run are at different places of the pattern, else they would
    start and stop in step. What cannot be said yet (a stop without a start) is replaced by a start.
    """

    subprotocol: ClassVar[str]

    def __init__(self, identity: str, id_tag: str, mix: str, number: int, timestamps: TimestampCache) -> None:
        self.identity = identity
        self.id_tag = id_tag
        self._number = number
        self.charging = False
        self.sent = 0
        self._timestamps = timestamps
        self._latest_ms = self._began_ms = int(time.time() * 1_000)
        self._statuses = 0
        self.turn_to(mix)
        self._render: dict[Kind, Callable[[bytes, int], bytes]] = {
            Kind.BOOT: self._boot,
            Kind.HEARTBEAT: self._heartbeat,
            Kind.AUTHORIZE: self._authorize,
            Kind.STATUS: self._status,
            Kind.METER_VALUES: self._meter_values,
            Kind.START: self._start,
            Kind.STOP: self._stop,
        }

    @property
    def result_begins(self) -> bytes:
        """How the result of the message sent last begins, in compact JSON."""
        return b'[3,"%08x",' % self.sent

    @property
    def message_id(self) -> str:
        """The id of the message sent last."""
        return f"{self.sent:08x}"

    def turn_to(self, mix: str) -> None:
        """From now on say what this mix wants."""
        pattern = MIXES[mix]
        offset = self._number % len(pattern)
        self._kinds = cycle(pattern[offset:] + pattern[:offset])
        self._samples = Kind.METER_VALUES in pattern
        self._starts = Kind.START in pattern

    def errand(self) -> Kind | None:
        """What is to be said before the mix begins: a mix of samples alone finds a session, others find none."""
        if self._samples and not self._starts:
            return None if self.charging else Kind.START
        return Kind.STOP if self.charging else None

    def next(self) -> Kind:
        """The kind of message that comes next."""
        kind = next(self._kinds)
        if kind is Kind.START and self.charging:
            return Kind.STOP
        if kind in (Kind.STOP, Kind.METER_VALUES) and not self.charging:
            return Kind.START
        return kind

    def say(self, kind: Kind) -> bytes:
        """A message of that kind as JSON."""
        self.sent += 1
        # Strictly growing, whatever the rate: a repeated timestamp would be a duplicate to the server.
        self._latest_ms = max(self._latest_ms + 1, int(time.time() * 1_000))
        energy_wh = _POWER_W * (self._latest_ms - self._began_ms) // 3_600_000
        return self._render[kind](self._timestamps.stamp(self._latest_ms), energy_wh)

    def hear(self, kind: Kind, result: bytes) -> str | None:
        """Take a CALLRESULT; returns the status in it, if it has one and that is not Accepted."""
        if kind is Kind.STOP:
            self.charging = False
        if kind not in _WITH_STATUS:
            return None
        answer = orjson.loads(result)[2]
        if kind is Kind.START:
            self.charging = True
            self._started(answer)
        status = answer.get("status") if kind is Kind.BOOT else self._authorization(answer)
        return None if status in (None, "Accepted") else str(status)

    def _next_status(self) -> tuple[int, bool]:
        """Connector and whether it is occupied: both connectors in turn, and every status is a change."""
        self._statuses += 1
        return 2 - self._statuses % 2, self._statuses % 4 in (1, 2)

    @abstractmethod
    def _boot(self, moment: bytes, energy_wh: int) -> bytes: ...

    def _heartbeat(self, moment: bytes, energy_wh: int) -> bytes:
        return b'[2,"%08x","Heartbeat",{}]' % self.sent

    @abstractmethod
    def _authorize(self, moment: bytes, energy_wh: int) -> bytes: ...

    @abstractmethod
    def _status(self, moment: bytes, energy_wh: int) -> bytes: ...

    @abstractmethod
    def _meter_values(self, moment: bytes, energy_wh: int) -> bytes: ...

    @abstractmethod
    def _start(self, moment: bytes, energy_wh: int) -> bytes: ...

    @abstractmethod
    def _stop(self, moment: bytes, energy_wh: int) -> bytes: ...

    @abstractmethod
    def _started(self, answer: dict[str, Any]) -> None:
        """The start was answered."""

    @abstractmethod
    def _authorization(self, answer: dict[str, Any]) -> str | None:
        """The status of the tag in the answer to a start or an Authorize."""
