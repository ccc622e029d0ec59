"""A charge point by OCPP 1.6 that keeps what it has to tell until it is acknowledged, and its book of what was."""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

_ANSWER_SECONDS = 20.0
# Between two attempts to connect; real ones are no more patient.
_PAUSE_SECONDS = (0.1, 0.4)
_BOOT = {"chargePointVendor": "Vendor", "chargePointModel": "Model"}

# A request made when it is sent: the number of the transaction comes with an earlier answer.
Make = Callable[[], dict[str, Any]]


class NotAnswered(Exception):
    """The connection ended before the answer came."""


@dataclass
class Book:
    """What happened to one charge point. Times are of one monotonic clock, in seconds."""

    acknowledged: list[tuple[str, dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    refused: list[tuple[str, Any]] = field(default_factory=list)
    # Messages that were sent again because the connection ended before their answer.
    repeated: int = 0
    # When and with which code each connection ended, and how long it took to have a new one.
    ends: list[tuple[float, int]] = field(default_factory=list)
    away_seconds: list[float] = field(default_factory=list)
    turned_away: int = 0
    slowest_answer_seconds: float = 0.0


class Charger:
    """One charge point. `urls` are tried in turn, the last one that worked first."""

    def __init__(self, identity: str, *urls: str) -> None:
        self.identity = identity
        self.urls: Sequence[str] = urls
        self.book = Book()
        self.transaction_id = 0
        self.register_wh = 1000
        self.obeys = True
        # Requests of the platform, by id and action, and the action of those that are not answered for now.
        self.asked: list[tuple[str, str]] = []
        self.holds = ""
        self.comes_back = True
        self._socket: ClientConnection | None = None
        self._living: list[asyncio.Task[None]] = []
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._queue: deque[tuple[str, Make]] = deque()
        self._changed = asyncio.Event()
        self._serial = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Charger"]:
        """Connected, and connected again when cut, for the length of the block."""
        await self.begin()
        try:
            yield self
        finally:
            await self.leave()

    async def begin(self) -> None:
        """Connect, and stay connected until `leave`. Raises TimeoutError."""
        self._living = [asyncio.create_task(self._stay_connected()), asyncio.create_task(self._deliver())]
        await self.connected()

    async def leave(self) -> None:
        """Hang up for good."""
        for task in self._living:
            task.cancel()
        await asyncio.gather(*self._living, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()

    async def connected(self, within_seconds: float = 30.0) -> None:
        """Return when there is a connection. Raises TimeoutError."""
        await self._until(lambda: self._socket is not None, within_seconds)

    async def closed(self, within_seconds: float = 30.0) -> int:
        """The code that the connection ends with. Raises TimeoutError."""
        await self._until(lambda: self._socket is None, within_seconds)
        return self.book.ends[-1][1]

    async def closed_more_often_than(self, times: int, within_seconds: float = 30.0) -> None:
        """Return when so many connections and one more have ended. Raises TimeoutError."""
        await self._until(lambda: len(self.book.ends) > times, within_seconds)

    async def reported(self, within_seconds: float = 30.0) -> None:
        """Return when everything is acknowledged. Raises TimeoutError."""
        await self._until(lambda: not self._queue, within_seconds)

    @property
    def waiting(self) -> int:
        """How many messages are not acknowledged."""
        return len(self._queue)

    def tell(self, action: str, payload: dict[str, Any] | Make) -> None:
        """Queue what must arrive."""
        self._queue.append((action, payload if callable(payload) else lambda: payload))
        self.notify()

    def boot(self) -> None:
        self.tell("BootNotification", _BOOT)

    def status(self, status: str) -> None:
        self.tell("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": status})

    def start(self, id_tag: str) -> None:
        start = {"connectorId": 1, "idTag": id_tag, "meterStart": self.register_wh, "timestamp": _now()}
        self.tell("StartTransaction", start)

    def sample(self) -> None:
        self.register_wh += 10
        value = {"value": str(self.register_wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
        values = [{"timestamp": _now(), "sampledValue": [value]}]
        self.tell(
            "MeterValues",
            lambda: {"connectorId": 1, "transactionId": self.transaction_id, "meterValue": values},
        )

    def stop(self) -> None:
        stop = {"meterStop": self.register_wh, "timestamp": _now()}
        self.tell("StopTransaction", lambda: {**stop, "transactionId": self.transaction_id})

    def notify(self) -> None:
        """Something has changed: let whoever waits look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def send_blindly(self, action: str, payload: dict[str, Any]) -> None:
        """Send a request whose answer is of no interest."""
        assert self._socket is not None
        self._serial += 1
        await self._socket.send(orjson.dumps([2, f"blind-{self._serial}", action, payload]), text=True)

    async def answer_held(self) -> None:
        """Answer what it did not answer, and hold nothing any more."""
        held, self.holds = self.holds, ""
        for message_id, action in self.asked:
            if action == held:
                await self._accept(message_id)

    async def _accept(self, message_id: str) -> None:
        assert self._socket is not None
        await self._socket.send(orjson.dumps([3, message_id, {"status": "Accepted"}]), text=True)

    async def _stay_connected(self) -> None:
        lost: float | None = None
        while True:
            try:
                socket = await self._connect()
            except (InvalidHandshake, OSError, TimeoutError, EOFError):
                self.book.turned_away += 1
                self.urls = [*self.urls[1:], self.urls[0]]
                await asyncio.sleep(random.uniform(*_PAUSE_SECONDS))
                continue
            if lost is not None:
                self.book.away_seconds.append(time.monotonic() - lost)
            self._socket = socket
            self.notify()
            await self._read(socket)
            lost = time.monotonic()
            self.book.ends.append((lost, socket.close_code or 0))
            self._socket = None
            for answer in self._answers.values():
                answer.cancel()
            self._answers.clear()
            self.notify()
            await self._until(lambda: self.comes_back)
            await asyncio.sleep(random.uniform(*_PAUSE_SECONDS))

    async def _connect(self) -> ClientConnection:
        protocols = [Subprotocol("ocpp1.6")]
        return await connect(
            f"{self.urls[0]}/{self.identity}", subprotocols=protocols, ping_interval=None, proxy=None, open_timeout=5
        )

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                message = orjson.loads(text)
                if message[0] == 2:
                    self.asked.append((message[1], message[2]))
                    if self.obeys and message[2] != self.holds:
                        await self._accept(message[1])
                elif message[0] in (3, 4) and (answer := self._answers.pop(message[1], None)):
                    answer.set_result(message)
        except ConnectionClosed:
            return

    async def _deliver(self) -> None:
        while True:
            await self._until(lambda: bool(self._queue) and self._socket is not None)
            action, make = self._queue[0]
            payload = make()
            try:
                answer = await self._exchange(action, payload)
            except NotAnswered:
                self.book.repeated += 1
                continue
            if answer[0] == 4:
                self.book.refused.append((action, answer[2:]))
                await asyncio.sleep(0.2)
                continue
            self.book.acknowledged.append((action, payload, answer[2]))
            if action == "StartTransaction":
                self.transaction_id = answer[2]["transactionId"]
            self._queue.popleft()
            self.notify()

    async def _exchange(self, action: str, payload: dict[str, Any]) -> Any:
        assert self._socket is not None
        self._serial += 1
        message_id = f"{self.identity}-{self._serial}"
        answer = self._answers[message_id] = asyncio.get_running_loop().create_future()
        began = time.monotonic()
        try:
            await self._socket.send(orjson.dumps([2, message_id, action, payload]), text=True)
            async with asyncio.timeout(_ANSWER_SECONDS):
                await asyncio.wait((answer,))
        except ConnectionClosed:
            raise NotAnswered from None
        if answer.cancelled():
            raise NotAnswered
        took = time.monotonic() - began
        self.book.slowest_answer_seconds = max(self.book.slowest_answer_seconds, took)
        return answer.result()

    async def _until(self, condition: Callable[[], bool], within_seconds: float | None = None) -> None:
        async with asyncio.timeout(within_seconds):
            while not condition():
                await self._changed.wait()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
