"""One WebSocket to the central system: where it connects, what passes over it, how it ends.

Every frame in either direction goes to the sinks (printer, ledger). A distortion may rewrite what
leaves, which is how a well-behaved charge point is made to misbehave on the wire only. A tongue lies.
"""

import base64
import json
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
)
from websockets.http11 import Response
from websockets.typing import Subprotocol

from simulator.clock import stamp

_LONGEST_REASON = 200


class Direction(Enum):
    """Seen from the charge point."""

    SENT = "→"
    RECEIVED = "←"


@dataclass(frozen=True)
class Frame:
    """One text frame that passed, at real time.

    `meant` is what a liar would have said without the `lies` in it; `unsaid` names the places of which it says nothing
    any more that is sure, `session` the session that it is about.
    """

    charge_point_id: str
    direction: Direction
    time: datetime
    text: str
    meant: str = ""
    lies: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()
    session: str = ""


class Telling(NamedTuple):
    """A frame as a liar tells it, its lies by name, of what it says nothing any more that is sure, and the session that
    it is about."""

    frame: list[Any]
    lies: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()
    session: str = ""


class Tongue(Protocol):
    """Tells other things than are true, and does not hear everything."""

    def telling_of(self, frame: list[Any]) -> Telling:
        """What goes over the wire instead of a frame."""

    def spelled(self, text: str) -> str | bytes:
        """A frame with its bad characters, if it has any."""

    def hears(self, text: str) -> bool:
        """Whether a frame arrives before the line breaks."""


FrameSink = Callable[[Frame], None]
# A parsed frame in, what goes over the wire instead out: any number of texts.
Distortion = Callable[[list[Any]], Sequence[str]]


class TransportClosed(Exception):
    """The socket is gone; nothing more can be sent or received."""


class ConnectFailed(Exception):
    """No connection came about. `status` is the HTTP status, if the server gave one."""

    def __init__(self, reason: str, status: int | None = None, retry_after_seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True)
class Endpoint:
    """Where the central system listens and how to prove who calls.

    The charge point id becomes the last path segment, unless the URL already names one in its query
    (`?chargePointId=`). `password` is sent by HTTP Basic auth with the id as user.
    """

    url: str
    password: bytes | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    open_timeout_seconds: float = 10.0

    def address(self, charge_point_id: str) -> str:
        """The URL that this charge point connects to."""
        parts = urlsplit(self.url)
        if "chargepointid=" in parts.query.lower():
            return self.url
        path = f"{parts.path.rstrip('/')}/{quote(charge_point_id, safe='')}"
        return urlunsplit(parts._replace(path=path))

    def headers(self, charge_point_id: str, password: bytes | None = None) -> dict[str, str]:
        """The Authorization header; a password given here replaces the endpoint's own."""
        secret = password if password is not None else self.password
        if secret is None:
            return {}
        token = base64.b64encode(charge_point_id.encode() + b":" + secret).decode("ascii")
        return {"Authorization": f"Basic {token}"}


def compact(message: object) -> str:
    """JSON without spaces, the way OCPP tools expect it in logs."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)


def describe(frame: Frame) -> str:
    """One line for people: time, direction, compact JSON."""
    try:
        text = compact(json.loads(frame.text))
    except ValueError:
        text = frame.text
    return f"{stamp(frame.time)[11:-1]} {frame.direction.value} {text}"


class Transport:
    """An open connection. `recv` and `send` raise TransportClosed once it has ended."""

    def __init__(
        self,
        charge_point_id: str,
        connection: ClientConnection,
        sinks: Sequence[FrameSink],
        distort: Distortion | None,
        tongue: Tongue | None = None,
    ) -> None:
        self._charge_point_id = charge_point_id
        self._connection = connection
        self._sinks = sinks
        self._distort = distort
        self._tongue = tongue

    async def send(self, text: str) -> None:
        """Send one frame of ours, turned into a lie and distorted if that was asked for."""
        if self._tongue is None:
            texts = [text] if self._distort is None else self._distort(json.loads(text))
            for each in texts:
                await self.send_raw(each)
            return
        telling = self._tongue.telling_of(json.loads(text))
        for each in [compact(telling.frame)] if self._distort is None else self._distort(telling.frame):
            data = self._tongue.spelled(each)
            shown = data if isinstance(data, str) else data.decode("utf-8", "replace")
            self._show(Direction.SENT, shown, telling, meant=text)
            await self._send(data)

    async def send_raw(self, text: str) -> None:
        """Send exactly this text, whatever it is."""
        self._show(Direction.SENT, text)
        await self._send(text)

    async def _send(self, data: str | bytes) -> None:
        try:
            await self._connection.send(data, text=True)
        except ConnectionClosed as error:
            raise TransportClosed(str(error)) from error

    async def recv(self) -> str:
        """The next frame of the central system."""
        try:
            data = await self._connection.recv()
        except ConnectionClosed as error:
            raise TransportClosed(str(error)) from error
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        if self._tongue is not None and not self._tongue.hears(text):
            self.abort()
            raise TransportClosed("the line broke before the answer was heard")
        self._show(Direction.RECEIVED, text)
        return text

    async def close(self, code: int = 1000) -> None:
        """End with a close frame and wait for the other side's."""
        await self._connection.close(code)

    def abort(self) -> None:
        """Cut the line without a word, like a power failure (the peer sees 1006)."""
        self._connection.transport.abort()

    def _show(self, direction: Direction, text: str, telling: Telling | None = None, meant: str = "") -> None:
        frame = Frame(self._charge_point_id, direction, datetime.now(UTC), text, meant)
        if telling is not None:
            frame = replace(frame, lies=telling.lies, unsaid=telling.unsaid, session=telling.session)
        for sink in self._sinks:
            sink(frame)


async def open_transport(
    endpoint: Endpoint,
    charge_point_id: str,
    subprotocol: str,
    *,
    password: bytes | None = None,
    ping_interval_seconds: float | None = None,
    sinks: Sequence[FrameSink] = (),
    distort: Distortion | None = None,
    tongue: Tongue | None = None,
) -> Transport:
    """Connect and negotiate exactly `subprotocol`.

    Raises:
        ConnectFailed: unreachable, refused by HTTP status, or another subprotocol was chosen.
    """
    try:
        connection = await connect(
            endpoint.address(charge_point_id),
            subprotocols=[Subprotocol(subprotocol)],
            additional_headers=endpoint.headers(charge_point_id, password),
            compression=None,
            ssl=endpoint.tls if endpoint.url.startswith("wss://") else None,
            # Charge points sit on the operator's network: proxy variables are not meant for them.
            proxy=None,
            open_timeout=endpoint.open_timeout_seconds,
            ping_interval=ping_interval_seconds,
            max_size=None,
        )
    except InvalidStatus as error:
        response = error.response
        retry_after = response.headers.get("Retry-After", "")
        raise ConnectFailed(
            _words(response),
            response.status_code,
            float(retry_after) if retry_after.isdecimal() else 0.0,
        ) from error
    except (InvalidHandshake, InvalidURI, OSError, TimeoutError, EOFError) as error:
        raise ConnectFailed(str(error) or type(error).__name__) from error
    if connection.subprotocol != subprotocol:
        await connection.close(1002)
        raise ConnectFailed(f"the server chose {connection.subprotocol!r}, not {subprotocol!r}")
    return Transport(charge_point_id, connection, sinks, distort, tongue)


def _words(response: Response) -> str:
    """The status of a refusal, and why: the first line of what the server says."""
    status = f"HTTP {response.status_code} {response.reason_phrase}".strip()
    first_line = (response.body or b"").decode(errors="replace").partition("\n")[0].strip()
    return f"{status}: {first_line[:_LONGEST_REASON]}" if first_line else status
