"""The route table of one OCPP version: action to schemas and handler, and who may ask for what when.

Decides and validates; reads no socket, sends nothing, and does not know what a handler does.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from ocpp_edge.facts.context import ChargePointState, ChargerContext
from ocpp_edge.leniency.repair import Mended
from ocpp_edge.rpc.errors import CallRefused, Fault, violated
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.rpc.schemas import PayloadSchema, load
from ocpp_edge.versions import Version

B = TypeVar("B")

# Handles one action: the request's payload in, the answer's payload out. Raises CallRefused or DomainError to refuse.
Handler = Callable[[Payload, ChargerContext, B], Awaitable[Payload]]
# Handles one SEND (OCPP 2.1), which has no answer.
NoticeHandler = Callable[[Payload, ChargerContext, B], Awaitable[None]]

# What is made of a payload that breaks its schema.
Mend = Callable[[PayloadSchema, str, Payload], Mended]

_BOOT = "BootNotification"


@dataclass(frozen=True, slots=True)
class Route(Generic[B]):
    """One action that the edge handles."""

    action: str
    request: PayloadSchema
    response: PayloadSchema
    handle: Handler[B]


@dataclass(frozen=True, slots=True)
class NoticeRoute(Generic[B]):
    """One SEND that the edge handles."""

    action: str
    request: PayloadSchema
    handle: NoticeHandler[B]


class InvalidAnswer(Exception):
    """A handler made an answer that its schema forbids: a defect of ours that must not reach the charge point."""


class RouteTable(Generic[B]):
    """What a charge point of one version may ask. Without `mend`, a payload that breaks its schema is refused.

    `instant` are the actions whose handlers never wait for anything. `unknown_blocks` are actions of functional blocks
    of which nothing is known here but their schemas. Raises ValueError for a handler of an action that the version does
    not have.
    """

    def __init__(
        self,
        version: Version,
        handlers: Mapping[str, Handler[B]],
        notices: Mapping[str, NoticeHandler[B]] | None = None,
        mend: Mend | None = None,
        instant: Collection[str] = (),
        unknown_blocks: Collection[str] = (),
    ) -> None:
        self.version = version
        self.instant = frozenset(instant)
        self._mend = mend
        self._unknown_blocks = frozenset(unknown_blocks)
        self.schemas = load(version)
        self.handlers: Mapping[str, Handler[B] | NoticeHandler[B]] = {**handlers, **(notices or {})}
        self._routes = {action: self._route(action, handle) for action, handle in handlers.items()}
        self._notices = {action: self._notice(action, handle) for action, handle in (notices or {}).items()}
        # OCPP 1.6 lets the central system answer a station it has not accepted; 2.x demands a SecurityError.
        self._gated = version is not Version.V16

    async def dispatch(self, action: str, payload: Payload, context: ChargerContext, backend: B) -> Payload:
        """Check, handle, check again.

        Raises CallRefused with what to tell the charge point, InvalidAnswer, and whatever the handler raises.
        """
        if context.state is not ChargePointState.ACCEPTED and self._gated:
            _check_admitted(action, context)
        route = self._routes.get(action)
        if route is None:
            raise self._unroutable(action)
        context.action = action
        payload = self._checked(route.request, action, payload, context)
        answer = await route.handle(payload, context, backend)
        violations = route.response.violations(answer)
        if violations:
            raise InvalidAnswer(f"{action}: {violations[0].path} {violations[0].message}")
        return answer

    async def notify(self, action: str, payload: Payload, context: ChargerContext, backend: B) -> None:
        """Check and handle a SEND. Raises as `dispatch` does, although nobody can be told."""
        if context.state is not ChargePointState.ACCEPTED and self._gated:
            _check_admitted(action, context)
        route = self._notices.get(action)
        if route is None:
            raise self._unroutable(action)
        context.action = action
        await route.handle(self._checked(route.request, action, payload, context), context, backend)

    def _checked(self, schema: PayloadSchema, action: str, payload: Payload, context: ChargerContext) -> Payload:
        """The payload to be handled: as it came when it is valid, else as far as it can be mended."""
        context.coerced, context.dropped = context.frame_flags, None
        if schema.is_valid(payload):
            return payload
        if self._mend is None:
            raise violated(schema.violations(payload))
        mended = self._mend(schema, action, payload)
        if mended.violations:
            raise violated(mended.violations)
        for quirk in mended.quirks:
            context.forgives(quirk)
        context.coerced, context.dropped = (*context.frame_flags, *mended.flags), mended.dropped
        return mended.payload

    def _unroutable(self, action: str) -> CallRefused:
        """The refusal of an action without a route: unheard of, of a block that is not known, or only not handled."""
        if action in self._unknown_blocks:
            return CallRefused(Fault.UNKNOWN_ACTION, f"{action} is not implemented here")
        if action in self.schemas.requests:
            return CallRefused(Fault.UNSUPPORTED_ACTION, f"{action} is not supported here")
        return CallRefused(Fault.UNKNOWN_ACTION, f"OCPP {self.version} has no such action")

    def _route(self, action: str, handle: Handler[B]) -> Route[B]:
        try:
            return Route(action, self.schemas.requests[action], self.schemas.responses[action], handle)
        except KeyError:
            raise ValueError(f"OCPP {self.version} has no request {action}") from None

    def _notice(self, action: str, handle: NoticeHandler[B]) -> NoticeRoute[B]:
        if action not in self.schemas.requests or action in self.schemas.responses:
            raise ValueError(f"OCPP {self.version} has no unanswered message {action}")
        return NoticeRoute(action, self.schemas.requests[action], handle)


def _check_admitted(action: str, context: ChargerContext) -> None:
    """Only boots, and what we asked for, before the charge point is accepted (OCPP 2.0.1 B02, B03)."""
    if action == _BOOT:
        return
    if context.state is ChargePointState.PENDING and action in context.solicited:
        return
    raise CallRefused(Fault.SECURITY, f"not allowed while the charge point is {context.state.lower()}")
