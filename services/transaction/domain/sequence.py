"""The numbers of transaction events, by which it shows that some are missing (OCPP 2.0.1 part 2, use case E14 and
TransactionEventRequest.seqNo: it grows by one with each event of a transaction). Pure."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

# The flag of a transaction while something is missing of it.
EVENTS_MISSING = "events_missing"
# How long is waited before each look: what comes from a queue takes its time, and charge points come back after days.
_WAITS = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), *[timedelta(days=1)] * 6)
_MOST_RANGES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceGap:
    """What is missing of a transaction: `missing` are numbers, or ranges of them as `3-5`; empty once all came.

    `messages_in_queue` is what the charge point said when it was asked; None when it was not, or did not say. There is
    no `look_time` when all came, or when it is not looked for any more after `looks` looks.
    """

    transaction_id: str
    charge_point_id: str
    tenant_id: str
    begin_time: datetime
    missing: tuple[str, ...]
    found_time: datetime
    look_time: datetime | None
    looks: int = 0
    asked_time: datetime | None = None
    messages_in_queue: bool | None = None
    healed_time: datetime | None = None

    @property
    def wants_asking(self) -> bool:
        """Whether the charge point may have more to tell."""
        return bool(self.missing) and self.messages_in_queue is not False

    def looked(self, missing: tuple[str, ...], now: datetime) -> "SequenceGap":
        """As it is after another look, at which these were missing."""
        if not missing:
            return replace(self, missing=(), look_time=None, looks=self.looks + 1, healed_time=now)
        return replace(self, missing=missing, look_time=next_look(self.looks + 1, now), looks=self.looks + 1)

    def answered(self, messages_in_queue: bool | None, now: datetime) -> "SequenceGap":
        """As it is once the charge point has answered."""
        return replace(self, asked_time=now, messages_in_queue=messages_in_queue)


def missing_numbers(numbers: Collection[int], beside: Collection[int] = ()) -> tuple[str, ...]:
    """What is missing between the lowest and the highest of the numbers. Nothing is where all are the same: there are
    charge points that count nothing. Others count the events of all their transactions together: then those `beside`,
    of transactions that ran at the same time, have other numbers, and what they have is not missing."""
    known = set(numbers)
    if known.isdisjoint(beside):
        known = known.union(number for number in beside if min(known, default=0) < number < max(known, default=0))
    between = [(before + 1, after - 1) for before, after in pairwise(sorted(known)) if after > before + 1]
    return tuple(str(first) if first == last else f"{first}-{last}" for first, last in between[:_MOST_RANGES])


def next_look(looks: int, now: datetime) -> datetime | None:
    """When to look again after so many looks; None when it was looked often enough."""
    return now + _WAITS[looks] if looks < len(_WAITS) else None
