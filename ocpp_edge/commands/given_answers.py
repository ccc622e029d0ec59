"""Which commands came to this node, and what they were answered, for some minutes: whoever sends one may die before it
goes out, and before its answer is stored."""

from collections import OrderedDict
from collections.abc import Callable

from google.protobuf import json_format

from csms.edge.v1.edge_service_pb2 import DeliverCommandRequest, DeliverCommandResponse
from services.kernel.errors import DomainError, not_found
from services.kernel.redaction import redacted

_KEPT_SECONDS = 600.0
_MOST_KEPT, _MOST_NAMES = 2000, 20_000
# Clocks of two services may differ, and what was noted a moment ago may be on its way.
_SLACK_SECONDS = 10.0

Given = DeliverCommandResponse | DomainError


class GivenAnswers:
    """The latest answers by the id of their command: what was returned, or how it failed. `monotonic` counts
    seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._given: OrderedDict[str, tuple[float, str, Given]] = OrderedDict()
        # When each came; of what came before `_complete_since` some are forgotten.
        self._came: OrderedDict[str, float] = OrderedDict()
        self._complete_since = monotonic()

    def note(self, command_id: str) -> None:
        """A command came."""
        self._came[command_id] = self._monotonic()
        self._came.move_to_end(command_id)
        if len(self._came) > _MOST_NAMES:
            _, self._complete_since = self._came.popitem(last=False)

    def never_came(self, command_id: str, age_seconds: float, connected_since: float) -> bool:
        """Whether a command that was sent so long ago surely never came, with its charge point connected here since
        then (monotonic seconds)."""
        sent = self._monotonic() - age_seconds - _SLACK_SECONDS
        return command_id not in self._came and sent > max(self._complete_since, connected_since)

    def keep(self, request: DeliverCommandRequest, given: Given) -> None:
        """Keep an answer, unless the command has a secret, which the answer may repeat."""
        body = json_format.MessageToDict(request.body)
        if redacted(body) != body:
            return
        self._given[request.command_id] = (self._monotonic(), request.charge_point_id, given)
        self._given.move_to_end(request.command_id)
        if len(self._given) > _MOST_KEPT:
            self._given.popitem(last=False)

    def recall(self, command_id: str, charge_point_id: str) -> DeliverCommandResponse:
        """What was returned. Raises: COMMAND_NOT_FOUND when it is not known, and how the delivery failed."""
        oldest = self._monotonic() - _KEPT_SECONDS
        while self._given and next(iter(self._given.values()))[0] < oldest:
            self._given.popitem(last=False)
        _, asked, given = self._given.get(command_id, (0.0, "", None))
        if given is None or asked != charge_point_id:
            raise not_found("command", command_id)
        if isinstance(given, DomainError):
            raise given
        return given
