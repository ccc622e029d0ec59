"""The frame journal's waiting room: every frame of every charge point, until somebody ships it.

Bounded by count and bytes, never blocks, forgets the oldest first and counts what it forgot. Does not ship.
"""

from collections import deque
from collections.abc import Callable
from datetime import datetime
from math import inf
from typing import NamedTuple

from ocpp_edge.versions import Version
from services.process import metrics


class FrameRecord(NamedTuple):
    """One frame as it was on the wire, a request together with its answer when it has one.

    `message_type` is OCPP's number, 0 for what could not be read. `latency_us` is the time from a request to its
    answer. `outcome` is the error code of a refusal or of an unreadable frame, and empty when all is well. `note` is
    what was decided that the frames do not tell. `tenant_id` is empty for the default tenant.
    """

    charge_point_id: str
    epoch: int
    version: Version
    inbound: bool
    time: datetime
    message_type: int
    message_id: str
    action: str
    raw: bytes
    latency_us: int | None
    outcome: str
    answer_type: int = 0
    answer: bytes = b""
    note: str = ""
    tenant_id: str = ""

    @property
    def size(self) -> int:
        """Bytes of the frames."""
        return len(self.raw) + len(self.answer)


JournalSink = Callable[[FrameRecord], None]


class Journal:
    """A bounded queue of frame records, oldest out first."""

    def __init__(self, max_records: int = 50_000, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._records: deque[FrameRecord] = deque()
        self._bytes = 0
        self._max_records = max_records
        self._max_bytes = max_bytes
        self.forgotten = metrics.counter("ocpp_journal_forgotten_total", "Frames dropped from a full journal.")
        metrics.gauge("ocpp_journal_waiting", "Frames waiting for the journal.").read_from(self.__len__)

    def __len__(self) -> int:
        return len(self._records)

    def append(self, record: FrameRecord) -> None:
        """Take a record; the oldest go when there is no room."""
        self._records.append(record)
        self._bytes += record.size
        while len(self._records) > self._max_records or self._bytes > self._max_bytes:
            self._bytes -= self._records.popleft().size
            self.forgotten.add()

    def take(self, limit: int, max_bytes: float = inf) -> list[FrameRecord]:
        """Remove and return up to `limit` records of up to `max_bytes` together (but one at least), oldest first."""
        records, taken, size = self._records, list[FrameRecord](), 0
        while records and len(taken) < limit:
            grown = size + records[0].size
            if grown > max_bytes and taken:
                break
            taken.append(records.popleft())
            size = grown
        self._bytes -= size
        return taken
