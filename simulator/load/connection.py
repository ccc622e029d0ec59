"""One socket of a load run: opens, says what its charger says, checks each answer. One call outstanding at a time.

This is the hot path of the generator: no task, no future and no JSON parsing per message.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import orjson

from simulator.load.charger import Charger, Kind
from simulator.load.tally import Tally
from simulator.load.websocket import (
    CLOSE,
    PING,
    PONG,
    TEXT,
    BadAnswer,
    FrameReader,
    check_answer,
    client_frame,
)

_NOT_IMPLEMENTED = "NotImplemented"


class Connection(asyncio.Protocol):
    """A charger's connection.

    `opened`, `gone` and each `ask` are futures for the unhurried part of a run. Then `drive` makes it send the next
    message as soon as the last was answered, or `offer` sends one for a scheduled time, which is where its latency
    counts from. A loss is counted as an error unless it is `loss_expected`.
    """

    def __init__(self, charger: Charger, tally: Tally, request: bytes, key: bytes) -> None:
        self.charger = charger
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.alive = False
        self.measuring = False
        self.loss_expected = False
        self._tally = tally
        self._request, self._key = request, key
        self._head = b""
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._send: Callable[[bytes], Any] = lambda _: None
        self._closed_loop = False
        self._scheduled: deque[float] = deque()
        self._kind: Kind | None = None
        self._since = 0.0
        self._asked: asyncio.Future[str | None] | None = None

    @property
    def outstanding_since(self) -> float | None:
        """When the call that waits for its answer was due, if there is one."""
        return None if self._kind is None else self._since

    async def ask(self, kind: Kind) -> str | None:
        """Send one message outside the measurement.

        Returns the status in its answer when that is not Accepted. Raises ConnectionError when no result came.
        """
        self._asked = asyncio.get_running_loop().create_future()
        self._say(kind, time.monotonic())
        return await self._asked

    def drive(self) -> None:
        """From now on send a message whenever the last one was answered."""
        self._closed_loop = True
        self._say(self.charger.next(), time.monotonic())

    def offer(self, scheduled: float) -> None:
        """Send a message that was due at `scheduled`, now or when the outstanding one is answered."""
        if self._kind is None:
            self._say(self.charger.next(), scheduled)
        else:
            self._scheduled.append(scheduled)

    def halt(self) -> None:
        """Send nothing more by itself."""
        self._closed_loop = False
        self._scheduled.clear()

    async def settled(self) -> None:
        """Return when nothing is outstanding; the answer is no longer measured."""
        if self._kind is not None and self.alive:
            self._asked = asyncio.get_running_loop().create_future()
            await self._asked

    def close(self) -> None:
        """Say goodbye."""
        if self.alive and self._transport is not None:
            self.alive = False
            self._send(client_frame(b"\x03\xe8", CLOSE))
            self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send = self._transport.write
        self._send(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.alive:
            data = self._open(data)
        for first, payload in self._reader.feed(data):
            if first == TEXT:
                self._hear(payload)
            elif first == PING:
                self._send(client_frame(payload, PONG))
            elif first == CLOSE:
                self.close_received()
            elif first != PONG:
                self._tally.errors["not OCPP"] += 1

    def close_received(self) -> None:
        """The server says goodbye."""
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(BadAnswer(str(exc or "closed before it was open")))
        if self._asked is not None and not self._asked.done():
            self._asked.set_exception(ConnectionError("disconnected"))
        if self.alive:
            self.alive = False
            if not self.loss_expected:
                self._tally.errors["disconnected"] += 1
        if not self.gone.done():
            self.gone.set_result(None)

    def _open(self, data: bytes) -> bytes:
        self._head += data
        head, found, rest = self._head.partition(b"\r\n\r\n")
        if not found or self.opened.done():
            return b""
        try:
            check_answer(head, self._key, self.charger.subprotocol)
        except BadAnswer as error:
            self.opened.set_exception(error)
            self.close_received()
            return b""
        self.alive = True
        self.opened.set_result(None)
        return rest

    def _say(self, kind: Kind, since: float) -> None:
        self._kind, self._since = kind, since
        self._send(client_frame(self.charger.say(kind)))

    def _hear(self, payload: bytes) -> None:
        kind = self._kind
        if kind is not None and payload.startswith(self.charger.result_begins):
            self._answered(kind, payload)
        else:
            self._hear_otherwise(payload)

    def _answered(self, kind: Kind, payload: bytes) -> None:
        self._kind = None
        status = self.charger.hear(kind, payload)
        asked = self._asked
        if asked is not None:
            self._asked = None
            if not asked.done():
                asked.set_result(status)
            return
        if self.measuring:
            self._tally.answered(kind, time.monotonic() - self._since)
            if status is not None:
                self._tally.refused[status] += 1
        self._go_on()

    def _go_on(self) -> None:
        if self._closed_loop:
            self._say(self.charger.next(), time.monotonic())
        elif self._scheduled:
            self._say(self.charger.next(), self._scheduled.popleft())

    def _hear_otherwise(self, payload: bytes) -> None:
        """A call of the server, an error, or a result that is not compact or has another id."""
        message = _parse(payload)
        kind = self._kind
        match message[:2]:
            case [2, message_id]:
                self._tally.server_calls += 1
                self._send(client_frame(orjson.dumps([4, message_id, _NOT_IMPLEMENTED, "", {}])))
            case [3, message_id] if kind is not None and message_id == self.charger.message_id:
                self._answered(kind, payload)
            case [4, message_id] if kind is not None and message_id == self.charger.message_id:
                self._failed(str(message[2]) if len(message) > 2 else "CALLERROR")
            case [3 | 4, _]:
                self._tally.errors["wrong id"] += 1
            case _:
                self._tally.errors["not OCPP"] += 1

    def _failed(self, code: str) -> None:
        self._kind = None
        if self._asked is not None:
            asked, self._asked = self._asked, None
            if not asked.done():
                asked.set_exception(ConnectionError(f"CALLERROR {code}"))
            return
        self._tally.errors[code] += 1
        self._go_on()


def _parse(payload: bytes) -> list[Any]:
    try:
        message = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return []
    return message if isinstance(message, list) else []
