"""Batches of the journal, and when those that came are worth sorting by charge point."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

# As many at a time: what they hold is in memory then.
MOST_SORTED = 32_768
# So many batches are looked through for each list.
_MOST_BATCHES = 4096
# So many exchanges of each charge point make good segments, if they are not few altogether.
_WORTH_A_SEGMENT = 64
_FEWEST = 4096


class JournalBatch(NamedTuple):
    """A batch as it came, whose content was looked into: of which charge points, and how many frames of each."""

    id: str
    tenant_id: str
    first_time: datetime
    last_time: datetime
    exchanges: int
    charge_points: tuple[str, ...]
    frames: tuple[int, ...]
    content: bytes


@dataclass(slots=True)
class Backlog:
    """What came and was not sorted."""

    batches: int = 0
    exchanges: int = 0
    charge_points: set[str] = field(default_factory=set)

    def add(self, batch: JournalBatch) -> None:
        """Count a batch."""
        self.batches += 1
        self.exchanges += batch.exchanges
        self.charge_points.update(batch.charge_points)

    @property
    def is_due(self) -> bool:
        """Whether it is time to sort: there is much of each charge point, or too much altogether."""
        enough = min(MOST_SORTED, max(_FEWEST, _WORTH_A_SEGMENT * len(self.charge_points)))
        return self.batches >= _MOST_BATCHES or self.exchanges >= enough
