"""The charge point's requests to us: the life of one as a table.

Pure; how many may be open at a time is decided by session.py.
"""

from enum import IntEnum

from ocpp_edge.rpc.calls import LocalProtocolError
from ocpp_edge.rpc.frames import Payload


class RequestState(IntEnum):
    """Where a request of the charge point is in its life."""

    OPEN = 0
    ANSWERED = 1
    DROPPED = 2  # the session closed first


class RequestInput(IntEnum):
    """What can happen to it."""

    ANSWER = 0
    CLOSE = 1


# An answer to an ANSWERED request is missing on purpose: nothing is ever answered twice.
REQUEST_TRANSITIONS = {
    (RequestState.OPEN, RequestInput.ANSWER): RequestState.ANSWERED,
    (RequestState.OPEN, RequestInput.CLOSE): RequestState.DROPPED,
    # A handler may finish after the socket has gone; its answer has nowhere to go.
    (RequestState.DROPPED, RequestInput.ANSWER): RequestState.DROPPED,
}


class InboundRequest:
    """A request to be handled and answered once. `received_at` is of the monotonic clock handed to `receive`, `flags`
    are the doubts about its frame."""

    __slots__ = ("action", "flags", "message_id", "payload", "received_at", "state")

    def __init__(
        self, message_id: str, action: str, payload: Payload, received_at: float, flags: tuple[str, ...] = ()
    ) -> None:
        self.message_id = message_id
        self.action = action
        self.payload = payload
        self.received_at = received_at
        self.flags = flags
        self.state = RequestState.OPEN

    def advance(self, what: RequestInput) -> None:
        """Move along the table. Raises LocalProtocolError for a step that is not in it."""
        following = REQUEST_TRANSITIONS.get((self.state, what))
        if following is None:
            raise LocalProtocolError(f"{what.name} on a request that is {self.state.name}")
        self.state = following
