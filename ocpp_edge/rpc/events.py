"""What a session tells its connection: one event for each frame that came in.

Plain values; what to do about them is decided by connection.py.
"""

from typing import NamedTuple

from ocpp_edge.rpc.calls import OutboundCall, Outcome
from ocpp_edge.rpc.errors import Fault
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.rpc.requests import InboundRequest


class Notice(NamedTuple):
    """A SEND to be handled without an answer (OCPP 2.1)."""

    message_id: str
    action: str
    payload: Payload
    flags: tuple[str, ...] = ()


class Duplicate(NamedTuple):
    """A request that is in hand already came again; its one answer will serve both."""

    message_id: str


class Rejected(NamedTuple):
    """A frame that goes no further. `reply` is to be sent when there is one."""

    message_id: str
    fault: Fault
    description: str
    reply: bytes | None


class Resolved(NamedTuple):
    """A call of ours is over; its caller waits for this."""

    call: OutboundCall
    outcome: Outcome


class LateAnswer(NamedTuple):
    """The answer to a call that nobody waits for any more."""

    call: OutboundCall
    outcome: Outcome


class UnknownAnswer(NamedTuple):
    """An answer to nothing we asked."""

    message_id: str


class AnswerRefused(NamedTuple):
    """The charge point could not use an answer of ours (CALLRESULTERROR, OCPP 2.1)."""

    message_id: str
    code: str
    description: str


class Ignored(NamedTuple):
    """A frame after the end."""


Event = InboundRequest | Notice | Duplicate | Rejected | Resolved | LateAnswer | UnknownAnswer | AnswerRefused | Ignored
