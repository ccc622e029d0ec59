"""What the transaction service tells the others."""

from dataclasses import dataclass
from enum import StrEnum

from services.transaction.domain.command import CommandState
from services.transaction.domain.session import Session


class SessionChange(StrEnum):
    """What happened to a session, as the verb of the event's subject."""

    STARTED = "started"
    UPDATED = "updated"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """A session is another one than before; `session` is how it is now."""

    session: Session
    change: SessionChange


@dataclass(frozen=True, slots=True)
class CommandChanged:
    """A command reached another state."""

    command_id: str
    charge_point_id: str
    kind: str
    state: CommandState
