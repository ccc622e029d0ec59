"""What is kept of a charging session beside its figures, of the few that there is anything to say about.

Why it is held, what was told after its bill, which change of it waits for a person, and what a person decided.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.kernel.money import Money

_MOST_NOTES = 20


class Facts(NamedTuple):
    """What is told of a session that its bill is made of; without `end_time` it runs."""

    start_time: datetime
    end_time: datetime | None = None
    energy_wh: int = 0
    station_id: str | None = None
    driver_id: str | None = None
    charge_point_id: str = ""
    connector_id: int = 0
    id_tag: str = ""

    def bills_like(self, other: "Facts") -> bool:
        """Whether a bill by these says the same as one by `other`."""
        return self[:_BILLED] == other[:_BILLED]


# Of Facts, those that a bill shows.
_BILLED = 5


class DecisionKind(StrEnum):
    """What a person decided about a session."""

    RELEASE = "RELEASE"
    CORRECT = "CORRECT"
    WRITE_OFF = "WRITE_OFF"
    KEEP = "KEEP"


class Note(NamedTuple):
    """Something that was told after a bill or a decision and changed nothing; `revision` is that of who told it."""

    kind: str
    detail: str
    revision: int
    create_time: datetime


class Due(NamedTuple):
    """What a billed session is to be billed by next; a tariff is what a person chose.

    One that a person has approved of takes the place of whatever bill there is; of any other the change may be so great
    that it becomes a correction.
    """

    facts: Facts
    revision: int
    is_approved: bool = False
    tariff_id: str | None = None
    tariff_version: int = 0


class Correction(NamedTuple):
    """What is told of a session otherwise than its bill, or a decision, says. It waits for a person, for `reason`.

    `cost` is what it would come to, as far as it was priced.
    """

    facts: Facts
    reason: str
    detail: str
    revision: int
    create_time: datetime
    cost: Money | None = None


class Decided(NamedTuple):
    """The last decision of a person: by which account, why, and what was told when it was made. `idle_minutes` are what
    was decided about these, if anything was."""

    id: str
    kind: DecisionKind
    reason: str
    decided_by: str
    create_time: datetime
    reported: Facts
    idle_minutes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remarks:
    """All that there is to say about a session; of most sessions nothing, which is NO_REMARKS."""

    hold_detail: str = ""
    notes: Sequence[Note] = ()
    due: Due | None = None
    correction: Correction | None = None
    decision: Decided | None = None
    decision_count: int = 0
    flags: Sequence[str] = ()

    def noted(self, note: Note) -> "Remarks":
        """With one more note, unless it repeats the last one of its kind; the latest stay."""
        last = next((known for known in reversed(self.notes) if known.kind == note.kind), None)
        if last is not None and last.detail == note.detail:
            return self
        return replace(self, notes=(*self.notes, note)[-_MOST_NOTES:])


NO_REMARKS = Remarks()

# The price of energy changed during the session, and no reading tells when it came: it was spread evenly.
EVENLY_SPREAD = "evenly_spread"
