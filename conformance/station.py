"""A charge point that a case plays, frame by frame. It forgives nothing that the CSMS sends."""

import asyncio
import base64
import json
import ssl
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from conformance import schemas
from conformance.place import Place
from conformance.rest import eventually
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


@dataclass(frozen=True, slots=True)
class Asked:
    """A command of the operator: what the CSMS sent for it, and the record of it."""

    payload: Payload
    command: Any


class Station:
    """One charge point of one case: registered at the CSMS, not connected at first.

    `broken` is what the CSMS got wrong in passing: it fails the case, also when nobody waited for it.
    """

    def __init__(self, version: str, identity: str, place: Place) -> None:
        self.version, self.identity, self.place = version, identity, place
        self.operator = place.operator
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

    async def commanded(
        self, path: str, body: Any, action: str, answer: Payload | CallError, *further: Payload
    ) -> Asked:
        """The operator asks for a command, the CSMS sends it, the charge point answers it.

        Each of `further` answers one more call of the same action, of which the payload is that of the first.
        """
        asking = asyncio.create_task(self.operator.call("POST", f"/charge-points/{self.identity}/{path}", body))
        answering = asyncio.create_task(self.answers(action, answer))
        try:
            await asyncio.wait((asking, answering), return_when=asyncio.FIRST_COMPLETED)
            if asking.done() and not answering.done():
                # Refused before it was sent: the reason is worth more than that nothing came.
                _ = asking.result().data
            payload = await answering
            for one in further:
                await self.answers(action, one)
            return Asked(payload, (await asking).data)
        finally:
            asking.cancel()
            answering.cancel()

    # ---------------------------------------------------------------- what the operator sees

    async def transaction(self, **fields: Any) -> Any:
        """The only transaction of this charge point, as soon as it has these fields."""
        seen: Any = None

        async def look() -> Any:
            nonlocal seen
            seen = await self.operator.get(f"/transactions?chargePointId={self.identity}")
            return len(seen) == 1 and all(seen[0].get(name) == value for name, value in fields.items()) and seen[0]

        return await self._shown(f"its one transaction has {fields}", look, lambda: seen)

    async def no_transaction(self) -> None:
        """Raises Failed when there is a transaction of this charge point."""
        same("transactions", await self.operator.get(f"/transactions?chargePointId={self.identity}"), [])

    async def command_is(self, command: Any, state: str) -> Any:
        """The record of a command, as soon as it is in this state."""

        async def look() -> Any:
            record = await self.operator.get(f"/commands/{command['id']}")
            return record if record["state"] == state else None

        return await eventually(f"the command {command['kind']} becomes {state}", look)

    async def file_job_is(self, command: Any, state: str) -> Any:
        """How a command about firmware or a log goes on, as soon as it is in this state."""
        seen: Any = None

        async def look() -> Any:
            nonlocal seen
            seen = await self.operator.get(f"/file-jobs/{command['id']}")
            return seen if seen["state"] == state else None

        return await self._shown(f"the file job is {state}", look, lambda: seen)

    async def connector_is(self, status: str, connector: int = 1, evse: int | None = None) -> None:
        """Wait until the operator sees this status of a connector."""
        place = {"evseId": connector if evse is None else evse, "connectorId": 1 if evse is not None else connector}
        seen: Any = None

        async def look() -> bool:
            nonlocal seen
            seen = (await self.operator.get(f"/charge-points/{self.identity}"))["connectors"]
            return any(_is_at(one, place) and one["status"] == status for one in seen)

        await self._shown(f"connector {place} is {status}", look, lambda: seen)

    async def event(self, action: str, **fields: Any) -> Any:
        """The newest event that came from this message of the charge point, as soon as one has these fields."""
        seen: Any = None

        async def look() -> Any:
            nonlocal seen
            seen = await self.operator.get(f"/charge-points/{self.identity}/events?action={action}")
            return next((one for one in seen if all(one.get(name) == value for name, value in fields.items())), None)

        return await self._shown(f"there is an event of {action} with {fields}", look, lambda: seen)

    async def _shown(self, what: str, look: Callable[[], Awaitable[Any]], seen: Callable[[], Any]) -> Any:
        try:
            return await eventually(what, look)
        except Failed:
            raise Failed(f"expected that {what}, seen {json.dumps(seen())[:600]}") from None

    # ---------------------------------------------------------------- files

    async def uploads(self, url: str, content: bytes) -> None:
        """Send a file to where the CSMS has told it to. Raises Failed when it is not taken."""
        loop = asyncio.get_running_loop()
        status = await loop.run_in_executor(None, _put, url, content)
        same("HTTP status of the upload", status, 201)

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


def _put(url: str, content: bytes) -> int:
    request = urllib.request.Request(url, content, {"Content-Type": "application/octet-stream"}, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code
    except (OSError, ValueError) as error:
        raise Failed(f"expected that a file can be sent to {url}, seen {error}") from error


def _is_at(connector: Any, place: Any) -> bool:
    found = connector.get("evse") or connector
    return all(int(found.get(name, 0) or 0) == number for name, number in place.items())
