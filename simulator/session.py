"""OCPP-J over one connection: the `ocpp` package's charge point, made safe to build on.

The package routes, validates against the official schemas and converts names. Added here: effects
that run only after the answer was sent (calling out inside a handler would deadlock), calls that
end with the connection instead of with a timeout, and raw frames for misbehaviour.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar, cast

from ocpp.charge_point import ChargePoint as PackageChargePoint
from ocpp.exceptions import OCPPError, UnknownCallErrorCodeError
from ocpp.routing import on

from simulator.transport import Transport, TransportClosed, compact

logger = logging.getLogger(__name__)
# The package logs every frame and every CALLERROR; the sinks already show them.
_package_logger = logging.getLogger(f"{__name__}.ocpp")
_package_logger.addHandler(logging.NullHandler())
_package_logger.propagate = False

_LONGEST_REASON = 300

P = ParamSpec("P")
R = TypeVar("R")
# By action: what must be done with a command's payload before the command is even looked at.
HoldBack = Mapping[str, Callable[[Any], Awaitable[None]]]
Spawn = Callable[[Coroutine[Any, Any, None]], object]


class CallFailed(Exception):
    """A CALL without an acceptable answer."""


class LinkDown(CallFailed):
    """There is no connection, or it ended before the answer came."""


class CallUnanswered(CallFailed):
    """The connection stands, but no answer came in time."""


class CallRefused(CallFailed):
    """The answer was a CALLERROR, or one that breaks the schema."""


def handles(action: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The package's `@on`, typed: this method answers that action."""
    return cast("Callable[[Callable[P, R]], Callable[P, R]]", on(action))


class OcppSession(PackageChargePoint):  # type: ignore[misc]  # the package has no types
    """One connection's worth of OCPP. Subclasses add the handlers of a version."""

    def __init__(
        self, charge_point_id: str, transport: Transport, spawn: Spawn, response_timeout: float, hold_back: HoldBack
    ) -> None:
        super().__init__(charge_point_id, transport, response_timeout, _package_logger)
        self.transport = transport
        self.closed = asyncio.Event()
        self._hold_back = hold_back
        self._spawn = spawn
        self._effects: deque[Coroutine[Any, Any, None]] = deque()
        self._raw: dict[str, asyncio.Future[list[Any]]] = {}

    async def serve(self) -> None:
        """Read frames until the connection ends."""
        try:
            await self.start()
        except TransportClosed as end:
            logger.info("%s: connection ended: %s", self.id, end)
        finally:
            self.closed.set()

    async def exchange(self, request: Any, message_id: str | None = None) -> Any:
        """Send a CALL, return its typed answer.

        Raises:
            LinkDown, CallUnanswered, CallRefused
        """
        call = asyncio.ensure_future(self.call(request, suppress=False, unique_id=message_id))
        closed = asyncio.ensure_future(self.closed.wait())
        try:
            await asyncio.wait({call, closed}, return_when=asyncio.FIRST_COMPLETED)
            if not call.done():
                raise LinkDown("the connection ended before the answer came")
            return call.result()
        except TransportClosed as error:
            raise LinkDown(str(error)) from error
        except TimeoutError as error:
            raise CallUnanswered(f"no answer within {self._response_timeout} s") from error
        except OCPPError as error:
            raise CallRefused(_reason(error)) from error
        except UnknownCallErrorCodeError as error:
            raise CallRefused(str(error)) from error
        finally:
            closed.cancel()
            call.cancel()

    async def exchange_raw(self, frame: Sequence[Any]) -> list[Any]:
        """Send a CALL past the package's checks and its one-at-a-time rule; return the raw answer.

        Raises:
            LinkDown, CallUnanswered
        """
        answer = asyncio.get_running_loop().create_future()
        message_id = str(frame[1])
        self._raw[message_id] = answer
        closed = asyncio.ensure_future(self.closed.wait())
        try:
            await self.transport.send_raw(compact(list(frame)))
            await asyncio.wait(
                {answer, closed},
                timeout=self._response_timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if answer.done():
                return cast("list[Any]", answer.result())
            if self.closed.is_set():
                raise LinkDown("the connection ended before the answer came")
            raise CallUnanswered(f"no answer within {self._response_timeout} s")
        except TransportClosed as error:
            raise LinkDown(str(error)) from error
        finally:
            closed.cancel()
            self._raw.pop(message_id, None)

    def then(self, effect: Coroutine[Any, Any, None]) -> None:
        """Run `effect` once the answer to the request being handled has been sent."""
        self._effects.append(effect)

    async def route_message(self, raw_msg: str) -> None:
        """Hand one frame to the package; nothing in a frame may end the reader."""
        message = _parse(raw_msg)
        if message[:1] in ([3], [4]) and (answer := self._raw.pop(str(message[1]), None)):
            answer.set_result(message)
            return
        first = self._hold_back.get(str(message[2])) if message[:1] == [2] and len(message) == 4 else None
        if first is not None:
            self._spawn(self._route_later(raw_msg, first(message[3])))
            return
        await self._route(raw_msg)

    async def _route_later(self, raw_msg: str, first: Awaitable[None]) -> None:
        await first
        await self._route(raw_msg)

    async def _route(self, raw_msg: str) -> None:
        try:
            await super().route_message(raw_msg)
        except TransportClosed:
            raise
        except Exception:
            logger.exception("%s: could not handle a frame", self.id)
        while self._effects:
            self._spawn(self._effects.popleft())


def _reason(error: Any) -> str:
    """What a person needs of a CALLERROR: some servers put the whole request into its details."""
    cause = error.details.get("cause") if isinstance(error.details, dict) else None
    return f"{error.code}: {cause or error.description}"[:_LONGEST_REASON]


def _parse(text: str) -> list[Any]:
    try:
        message = json.loads(text)
    except ValueError:
        return []
    return message if isinstance(message, list) and len(message) >= 3 else []
