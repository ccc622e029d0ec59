"""The requests of one charge point that wait to be handled, and the worker that handles them one after the other.

Answers through the session and the wire it is given; when to stop reading from the socket is the connection's concern.
"""

import asyncio
import contextvars
import logging
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, Generic, TypeVar

from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.rpc.environment import Environment
from ocpp_edge.rpc.errors import CallRefused, error_code
from ocpp_edge.rpc.events import Notice
from ocpp_edge.rpc.frame_log import Wire
from ocpp_edge.rpc.frames import MessageType
from ocpp_edge.rpc.handling import refusal_for
from ocpp_edge.rpc.requests import InboundRequest
from ocpp_edge.rpc.router import RouteTable
from ocpp_edge.rpc.session import Session
from services.process.logging import bind

logger = logging.getLogger(__name__)

B = TypeVar("B")


class RequestQueue(Generic[B]):
    """A queue with one consumer. `progress` is called after each request that was handled.

    The queue is bounded by its feeder: the session refuses what is too much.
    """

    __slots__ = (
        "_busy_since",
        "_closed",
        "_context",
        "_environment",
        "_logging",
        "_overdue",
        "_progress",
        "_routes",
        "_session",
        "_waiting",
        "_wake",
        "_wire",
        "_worker",
    )

    def __init__(
        self,
        context: ChargerContext,
        routes: RouteTable[B],
        session: Session,
        wire: Wire,
        environment: Environment[B],
        progress: Callable[[], None],
    ) -> None:
        self._context = context
        self._routes = routes
        self._session = session
        self._wire = wire
        self._environment = environment
        self._progress = progress
        # A list, not a deque: an idle charge point costs 56 bytes instead of 600.
        self._waiting: list[tuple[InboundRequest | Notice, bytes, datetime]] = []
        self._wake: asyncio.Future[None] | None = None
        # What log lines about these requests name; there is none before the worker runs.
        self._logging: contextvars.Context | None = None
        self._worker: asyncio.Task[Any] | None = None
        self._busy_since: float | None = None
        self._overdue = False
        self._closed = False

    def __len__(self) -> int:
        """How many wait, not counting the one in hand."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is in hand."""
        return not self._waiting and self._busy_since is None

    def put(self, request: InboundRequest | Notice, raw: bytes, received: datetime) -> int:
        """Take a request that came in as `raw` at `received`; how many wait now. Never waits itself.

        With nothing before it, one that can be answered at once is.
        """
        if request.action in self._routes.instant and self.idle and self._logging is not None:
            self._logging.run(_to_its_end, self._handle(request, raw, received))
            self._progress()
        else:
            self._waiting.append((request, raw, received))
            self._wake_up()
        return len(self._waiting)

    def discard(self) -> None:
        """Forget what waits; the request in hand goes on."""
        for request, raw, received in self._waiting:
            if isinstance(request, InboundRequest):
                self._wire.unanswered(request, raw, received)
            else:
                self._wire.noticed(request, raw, received, "Dropped")
        self._waiting.clear()

    def close(self) -> None:
        """Let `run` end once nothing waits any more."""
        self._closed = True
        self._wake_up()

    async def run(self) -> None:
        """Handle requests in order until the queue is closed and empty."""
        bind(charge_point_id=self._context.charge_point_id)
        self._logging = contextvars.copy_context()
        self._worker = asyncio.current_task()
        loop = asyncio.get_running_loop()
        try:
            while True:
                while self._waiting:
                    try:
                        await self._handle(*self._waiting.pop(0))
                    except Exception:
                        self._environment.counters.defects.add()
                        logger.exception("an answer made the edge fail")
                    self._progress()
                if self._closed:
                    return
                self._wake = loop.create_future()
                await self._wake
        finally:
            self._worker = self._wake = None

    def give_up_overdue(self, now: float) -> None:
        """Cancel the request in hand when it has taken too long: one stuck call must not silence a charge point."""
        if self._busy_since is None or self._worker is None:
            return
        if now - self._busy_since > self._environment.handling_limit_seconds:
            self._overdue = True
            self._worker.cancel()

    async def _handle(self, request: InboundRequest | Notice, raw: bytes, received: datetime) -> None:
        context, counters = self._context, self._environment.counters
        context.message_id, context.received_time, context.frame_flags = request.message_id, received, request.flags
        context.note = ""
        frame: bytes | None = None
        refusal: CallRefused | None = None
        self._busy_since = self._environment.monotonic()
        try:
            if isinstance(request, InboundRequest):
                payload = await self._routes.dispatch(
                    request.action, request.payload, context, self._environment.backend
                )
                frame = self._session.answer(request, payload)
            else:
                await self._routes.notify(request.action, request.payload, context, self._environment.backend)
        except asyncio.CancelledError as cancelled:
            if not self._overdue:
                raise
            refusal = refusal_for(cancelled, request.action, counters)
        except Exception as error:
            refusal = refusal_for(error, request.action, counters)
        finally:
            self._busy_since = None
            if self._overdue:
                self._take_back_cancellation()
        if isinstance(request, InboundRequest):
            self._reply(request, raw, received, frame, refusal)
        else:
            # Nobody can be told; whoever looks for it finds what became of it.
            self._wire.noticed(request, raw, received, "" if refusal is None else self._code(refusal))

    def _reply(
        self,
        request: InboundRequest,
        raw: bytes,
        received: datetime,
        frame: bytes | None,
        refusal: CallRefused | None,
    ) -> None:
        kind, code = MessageType.CALL_RESULT, ""
        if refusal is not None:
            frame = self._session.refuse(request, refusal.fault, refusal.description, refusal.details)
            kind, code = MessageType.CALL_ERROR, self._code(refusal)
        if frame is None:
            self._wire.unanswered(request, raw, received)
        else:
            self._wire.reply(frame, kind, request, raw, received, code)

    def _code(self, refusal: CallRefused) -> str:
        return error_code(self._context.version, refusal.fault)

    def _take_back_cancellation(self) -> None:
        self._overdue = False
        if self._worker is not None:
            self._worker.uncancel()

    def _wake_up(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


def _to_its_end(handling: Coroutine[Any, Any, None]) -> None:
    """Run what never waits, without a task. Raises RuntimeError when it waits all the same."""
    try:
        handling.send(None)
    except StopIteration:
        return
    handling.close()
    raise RuntimeError("a handler that is to answer at once waits for something")
