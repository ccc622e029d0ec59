"""Our own requests to a charge point: the life of one as a table, and the queue they wait in.

Pure: no clock, no socket. Which one is on the wire is decided by session.py.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from ocpp_edge.rpc.frames import Payload
from ocpp_edge.rpc.schemas import Violation

MAX_QUEUED_CALLS = 64


class Priority(IntEnum):
    """Order among waiting calls; within one priority the oldest goes first."""

    URGENT = 0  # a person stands in front of the charge point: start, stop, unlock
    NORMAL = 1
    BACKGROUND = 2  # inventories, reports


class CallState(IntEnum):
    """Where a call is in its life. SENT and ORPHANED occupy the one place on the wire."""

    QUEUED = 0
    SENT = 1
    ORPHANED = 2  # on the wire, but its caller has gone
    ABANDONED = 3  # not answered in time; the answer may still come
    ANSWERED = 4
    FAILED = 5


class CallInput(IntEnum):
    """What can happen to a call."""

    SEND = 0
    ANSWER = 1
    EXPIRE = 2
    CANCEL = 3
    CLOSE = 4


# An input that is missing for a state is a defect of ours, not of the charge point.
CALL_TRANSITIONS = {
    (CallState.QUEUED, CallInput.SEND): CallState.SENT,
    (CallState.QUEUED, CallInput.EXPIRE): CallState.FAILED,
    (CallState.QUEUED, CallInput.CANCEL): CallState.FAILED,
    (CallState.QUEUED, CallInput.CLOSE): CallState.FAILED,
    (CallState.SENT, CallInput.ANSWER): CallState.ANSWERED,
    (CallState.SENT, CallInput.EXPIRE): CallState.ABANDONED,
    (CallState.SENT, CallInput.CANCEL): CallState.ORPHANED,
    (CallState.SENT, CallInput.CLOSE): CallState.FAILED,
    # A caller that gives up frees no place: the charge point may still be at work on the request.
    (CallState.ORPHANED, CallInput.ANSWER): CallState.ANSWERED,
    (CallState.ORPHANED, CallInput.EXPIRE): CallState.ABANDONED,
    (CallState.ORPHANED, CallInput.CLOSE): CallState.FAILED,
    (CallState.ABANDONED, CallInput.ANSWER): CallState.ANSWERED,
    # Cancelling what is over changes nothing: the caller may not know yet.
    (CallState.ORPHANED, CallInput.CANCEL): CallState.ORPHANED,
    (CallState.ABANDONED, CallInput.CANCEL): CallState.ABANDONED,
    (CallState.ANSWERED, CallInput.CANCEL): CallState.ANSWERED,
    (CallState.FAILED, CallInput.CANCEL): CallState.FAILED,
}


class FailureReason(IntEnum):
    """Why a call has no answer."""

    TIMED_OUT = 0  # sent, not answered in time
    EXPIRED = 1  # never sent: others were ahead of it for too long
    CANCELLED = 2  # never sent: its caller has gone
    UNREADABLE = 3  # the answer was no message
    CONNECTION_LOST = 4
    SUPERSEDED = 5  # a newer connection of the charge point took over
    SHUTTING_DOWN = 6


class Result(NamedTuple):
    """The charge point's CALLRESULT. `violations` says where it breaks its schema first, once somebody has looked;
    `flags` are the doubts about its frame."""

    payload: Payload
    violations: Sequence[Violation] = ()
    flags: tuple[str, ...] = ()


class Refused(NamedTuple):
    """The charge point's CALLERROR."""

    code: str
    description: str
    details: Payload


class Failed(NamedTuple):
    """No answer."""

    reason: FailureReason


Outcome = Result | Refused | Failed


class LocalProtocolError(Exception):
    """Our own code asked for what the protocol forbids; never the charge point's fault."""


class QueueFull(Exception):
    """Too many calls wait for this charge point already."""


class OutboundCall:
    """One request of ours. `frame` is what goes on the wire; `tag` and `about` belong to the caller and are never
    looked at: by `about` the caller knows it again when nobody waits for its answer any more.

    `response_timeout` counts in seconds from the sending, `expires_at` is the moment until which it may wait unsent,
    `sent_at` the moment it went out; moments are of the caller's monotonic clock. `sent_time` is the same as a time of
    day, for whoever reports on calls, who clears it.
    """

    __slots__ = (
        "about",
        "action",
        "expires_at",
        "frame",
        "message_id",
        "priority",
        "response_timeout",
        "sent_at",
        "sent_time",
        "state",
        "tag",
    )

    def __init__(
        self,
        message_id: str,
        action: str,
        frame: bytes,
        *,
        response_timeout: float,
        expires_at: float,
        priority: Priority,
        tag: Any,
        about: Any = None,
    ) -> None:
        self.message_id = message_id
        self.action = action
        self.frame = frame
        self.response_timeout = response_timeout
        self.expires_at = expires_at
        self.priority = priority
        self.tag = tag
        self.about = about
        self.state = CallState.QUEUED
        self.sent_at = 0.0
        self.sent_time: datetime | None = None

    def advance(self, what: CallInput) -> CallState:
        """Move along the table. Raises LocalProtocolError for a step that is not in it."""
        following = CALL_TRANSITIONS.get((self.state, what))
        if following is None:
            raise LocalProtocolError(f"{what.name} on a call that is {self.state.name}")
        self.state = following
        return following


class CallQueue:
    """The calls that wait for the wire: highest priority first, oldest first within one."""

    __slots__ = ("_heap", "_limit", "_sequence")

    def __init__(self, limit: int = MAX_QUEUED_CALLS) -> None:
        self._heap: list[tuple[int, int, OutboundCall]] = []
        self._limit = limit
        self._sequence = 0

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, call: OutboundCall) -> None:
        """Append a call. Raises QueueFull."""
        if len(self._heap) >= self._limit:
            raise QueueFull
        self._sequence += 1
        heappush(self._heap, (call.priority, self._sequence, call))

    def pop(self) -> OutboundCall | None:
        """The next to be sent, or None."""
        return heappop(self._heap)[2] if self._heap else None

    def remove(self, call: OutboundCall) -> None:
        """Take out one call that waits."""
        self._heap = [entry for entry in self._heap if entry[2] is not call]
        heapify(self._heap)

    def remove_expired(self, now: float) -> list[OutboundCall]:
        """Take out and return the calls that may not be sent any more."""
        expired = [entry[2] for entry in sorted(self._heap) if entry[2].expires_at <= now]
        if expired:
            self._heap = [entry for entry in self._heap if entry[2].expires_at > now]
            heapify(self._heap)
        return expired

    def clear(self) -> list[OutboundCall]:
        """Take out and return all calls, in the order they would have been sent."""
        calls = [entry[2] for entry in sorted(self._heap)]
        self._heap = []
        return calls
