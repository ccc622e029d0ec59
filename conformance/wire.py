"""The wire of a charge point that a case plays, frame by frame. It forgives nothing that the CSMS sends."""

import asyncio
import base64
import json
import ssl
from collections import deque
from dataclasses import dataclass
from itertools import count
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from conformance import schemas
from conformance.place import Place
from conformance.verdicts import Failed, same

Payload = dict[str, Any]
ANSWER_SECONDS = 15.0
_KEPT_FRAMES = 40
_LONGEST_MESSAGE_ID = 36
# OCPP-J 1.6 section 4.2.3, OCPP 2.0.1 part 4 section 4.3.
_ERROR_CODES = {
    "1.6": frozenset(
        "NotImplemented NotSupported InternalError ProtocolError SecurityError FormationViolation "
        "PropertyConstraintViolation OccurenceConstraintViolation TypeConstraintViolation GenericError".split()
    ),
    "2.0.1": frozenset(
        "FormatViolation GenericError InternalError MessageTypeNotSupported NotImplemented NotSupported "
        "OccurrenceConstraintViolation PropertyConstraintViolation ProtocolError RpcFrameworkError SecurityError "
        "TypeConstraintViolation".split()
    ),
}
_ERROR_CODES["2.1"] = _ERROR_CODES["2.0.1"]


@dataclass(frozen=True, slots=True)
class CallError:
    """An answer that is an error."""

    code: str
    description: str = ""


class Wire:
    """What one charge point says and is asked, not connected at first.

    `broken` is what the CSMS got wrong in passing: it fails the case, also when nobody waited for it.
    """

    def __init__(self, version: str, identity: str, place: Place) -> None:
        self.version, self.identity, self.place = version, identity, place
        self.frames: deque[str] = deque(maxlen=_KEPT_FRAMES)
        self.broken: list[str] = []
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ids = count(1)
        self._waiting: dict[str, tuple[str, asyncio.Future[Payload | CallError]]] = {}
        self._asked: asyncio.Queue[tuple[str, str, Payload]] = asyncio.Queue()

    # ---------------------------------------------------------------- the socket

    async def connect(
        self,
        password: str | None = None,
        *,
        user: str | None = None,
        offered: tuple[str, ...] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Open the socket. Raises Failed when the CSMS does not let it in, or picks another version."""
        status, chosen = await self.knock(password, user=user, offered=offered, tls=tls, stay=True)
        same("HTTP status of the upgrade", status, 101)
        same("subprotocol", chosen, f"ocpp{self.version}")

    async def knock(
        self,
        password: str | None = None,
        *,
        user: str | None = None,
        offered: tuple[str, ...] = (),
        tls: ssl.SSLContext | None = None,
        stay: bool = False,
    ) -> tuple[int, str]:
        """Ask for an upgrade: HTTP status and the subprotocol that was picked.

        Raises OSError (ssl.SSLError) when no TLS came about.
        """
        headers = {}
        if password is not None:
            credentials = f"{self.identity if user is None else user}:{password}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(credentials).decode()
        url = self.place.ocpp_url if tls is None else self.place.tls_url
        try:
            socket = await connect(
                f"{url}/{self.identity}",
                subprotocols=[Subprotocol(name) for name in offered or (f"ocpp{self.version}",)],
                additional_headers=headers,
                ssl=tls,
                proxy=None,
                open_timeout=ANSWER_SECONDS,
                close_timeout=1,
            )
        except InvalidStatus as refusal:
            self.frames.append(f"-- HTTP {refusal.response.status_code}")
            return refusal.response.status_code, ""
        except InvalidHandshake as refusal:
            raise Failed(f"expected an answer of HTTP to the upgrade, seen {refusal}") from refusal
        except OSError as error:
            if tls is not None:
                raise
            raise Failed(f"expected that somebody listens at {url}, seen {error}") from error
        self.frames.append(f"-- connected, {socket.subprotocol}")
        if stay:
            await self.disconnect()
            self._socket, self._reader = socket, asyncio.create_task(self._read(socket))
        else:
            await socket.close()
        return 101, socket.subprotocol or ""

    async def disconnect(self) -> None:
        """Close the socket, if there is one."""
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader
        self._socket = self._reader = None

    # ---------------------------------------------------------------- what it says

    async def call(self, action: str, payload: Payload) -> Payload:
        """Say something. Returns the answer. Raises Failed for an error, and for none."""
        answer = await self._call(action, payload)
        if isinstance(answer, CallError):
            raise Failed(f"expected an answer to {action}, seen CALLERROR {answer.code}: {answer.description}")
        return answer

    async def acknowledged(self, action: str, payload: Payload) -> None:
        """Say something to which there is nothing to answer."""
        same(f"answer to {action}", await self.call(action, payload), {})

    async def refused(self, action: str, payload: Payload, *codes: str) -> None:
        """Say something that has to be answered by one of these errors."""
        answer = await self._call(action, payload)
        if not isinstance(answer, CallError) or answer.code not in codes:
            raise Failed(f"expected CALLERROR {' or '.join(codes)} to {action}, seen {answer}")

    async def _call(self, action: str, payload: Payload) -> Payload | CallError:
        schemas.demand(self.version, action, payload, is_answer=False)
        message_id = f"{self.identity[-20:]}-{next(self._ids)}"
        answered: asyncio.Future[Payload | CallError] = asyncio.get_running_loop().create_future()
        self._waiting[message_id] = action, answered
        await self._send([2, message_id, action, payload])
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answered
        except TimeoutError:
            raise Failed(f"expected an answer to {action} within {ANSWER_SECONDS:g} s, seen none") from None

    # ---------------------------------------------------------------- what it is asked

    async def answers(self, action: str, answer: Payload | CallError) -> Payload:
        """Answer the next call of the CSMS. Returns what was asked. Raises Failed for another call, and for none."""
        message_id, seen, payload = await self._next_call(action)
        same("call of the CSMS", seen, action)
        if isinstance(answer, CallError):
            await self._send([4, message_id, answer.code, answer.description, {}])
        else:
            schemas.demand(self.version, action, answer, is_answer=True)
            await self._send([3, message_id, answer])
        return payload

    async def _next_call(self, action: str) -> tuple[str, str, Payload]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._asked.get()
        except TimeoutError:
            raise Failed(f"expected {action} from the CSMS within {ANSWER_SECONDS:g} s, seen nothing") from None

    # ---------------------------------------------------------------- frames

    def unasked(self) -> list[str]:
        """What the CSMS asked for that no part of the case waited for."""
        left = []
        while not self._asked.empty():
            _, action, payload = self._asked.get_nowait()
            left.append(f"{action} {json.dumps(payload)[:200]}, for which nobody had asked")
        return left

    async def _send(self, frame: list[Any]) -> None:
        if self._socket is None:
            raise Failed("the case is wrong: it speaks before it is connected")
        text = json.dumps(frame)
        self.frames.append(f"-> {text[:600]}")
        try:
            await self._socket.send(text)
        except ConnectionClosed as closed:
            raise Failed(f"expected an open connection, seen that the CSMS closed it: {closed}") from closed

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                self.frames.append(f"<- {str(text)[:600]}")
                if found := self._take(text):
                    self.broken.append(found)
        except ConnectionClosed as closed:
            self.frames.append(f"-- closed: {closed}")
        for _, answered in self._waiting.values():
            if not answered.done():
                answered.set_exception(Failed("expected an answer, seen that the connection was closed"))
        self._waiting.clear()

    def _take(self, text: str | bytes) -> str:
        """Take in a frame. Returns what is wrong with it; empty for a sound one."""
        try:
            frame = json.loads(text)
        except ValueError:
            return f"a frame that is no JSON: {text[:200]!r}"
        match frame:
            case [2, str(message_id), str(action), dict(payload)]:
                self._asked.put_nowait((message_id, action, payload))
                if len(message_id) > _LONGEST_MESSAGE_ID:
                    return f"a message id of {len(message_id)} characters"
                return schemas.problem(self.version, action, payload, is_answer=False)
            case [3, str(message_id), dict(payload)] if message_id in self._waiting:
                action, answered = self._waiting.pop(message_id)
                answered.set_result(payload)
                return schemas.problem(self.version, action, payload, is_answer=True)
            case [4, str(message_id), str(code), str(description), dict()] if message_id in self._waiting:
                _, answered = self._waiting.pop(message_id)
                answered.set_result(CallError(code, description))
                return "" if code in _ERROR_CODES[self.version] else f"an error code that does not exist: {code}"
        return f"a frame that is none of OCPP: {str(text)[:200]}"
