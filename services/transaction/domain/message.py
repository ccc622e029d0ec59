"""The frames of the journal."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.kernel.errors import invalid
from services.kernel.tenancy import DEFAULT_TENANT

MOST_AT_ONCE = 2000


class Direction(StrEnum):
    """Which way a frame went."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


class MessageKind(StrEnum):
    """Kind of a frame."""

    CALL = "CALL"
    CALL_RESULT = "CALL_RESULT"
    CALL_ERROR = "CALL_ERROR"
    SEND = "SEND"


class OcppMessage(NamedTuple):
    """One frame as it went over the wire; `kind` is None when it could not be parsed.

    A request comes in, and is kept, together with its answer: error code and latency are then the answer's. Read again
    they are two messages. A tuple, because one is made for every request.
    """

    charge_point_id: str
    time: datetime
    id: str
    epoch: int
    direction: Direction
    kind: MessageKind | None
    message_id: str
    action: str
    frame: str
    error_code: str
    latency_us: int
    protocol: str
    answer_kind: MessageKind | None = None
    answer_frame: str | None = None
    note: str | None = None
    tenant_id: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which frames of a charge point a list holds; an empty or None field does not narrow it."""

    charge_point_id: str
    action: str = ""
    direction: Direction | None = None
    kind: MessageKind | None = None
    time_from: datetime | None = None
    time_to: datetime | None = None


def check_batch(size: int, field: str = "messages") -> None:
    """Raises: INVALID_FIELD for a batch that is too large."""
    if size > MOST_AT_ONCE:
        raise invalid(field, f"must be at most {MOST_AT_ONCE}")
