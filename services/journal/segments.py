"""Segments: what parts of batches hold of one charge point, put together. Nothing is read of a record for that.

A list decodes a few segments and a charge point has thousands, so they are bounded, in exchanges and bytes and in time.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from services.journal.batches import Part, part_of
from services.journal.compression import compressed
from services.journal.records import decoded

MOST_EXCHANGES = 256
MOST_BYTES = 256 * 1024
# From the first record to the last. Who looks for records of a time looks no further behind it than this.
WIDEST_US = 6 * 3600 * 1_000_000

Parts = Sequence[tuple[Part, bytes | memoryview]]


class Segment(NamedTuple):
    """A segment: the times of its first and its last record, how many frames, also of each action, and the records.

    Longer than its bounds only when one part was, or one record.
    """

    first_us: int
    last_us: int
    frames: int
    actions: Mapping[str, int]
    content: bytes


def segments_of(parts: Iterable[tuple[Part, bytes | memoryview]]) -> Iterator[Segment]:
    """The segments of parts, all of the same charge point."""
    fitting = list(parts)
    if any([part.last_us - part.first_us > WIDEST_US for part, _ in fitting]):
        fitting = [*chain.from_iterable(map(_fitting, fitting))]
    fitting.sort(key=_first)
    taken: list[tuple[Part, bytes | memoryview]] = []
    exchanges = size = first_us = last_us = 0
    for part, records in fitting:
        exchanges, size, last_us = exchanges + part.exchanges, size + part.size, max(last_us, part.last_us)
        if taken and (exchanges > MOST_EXCHANGES or size > MOST_BYTES or last_us - first_us > WIDEST_US):
            yield _segment(taken)
            taken = []
        if not taken:
            exchanges, size, first_us, last_us = part.exchanges, part.size, part.first_us, part.last_us
        taken.append((part, records))
    if taken:
        yield _segment(taken)


def _first(one: tuple[Part, bytes | memoryview]) -> int:
    return one[0].first_us


def _fitting(one: tuple[Part, bytes | memoryview]) -> Parts:
    """The part, or when it is too wide each of its records: edges keep what they cannot hand over, for hours."""
    part, records = one
    if part.last_us - part.first_us <= WIDEST_US:
        return [one]
    return [part_of(part.charge_point_id, [exchange]) for exchange in decoded(records)]


def _segment(taken: Parts) -> Segment:
    actions = defaultdict[str, int](int)
    for action, frames in chain.from_iterable([part.actions.items() for part, _ in taken]):
        actions[action] += frames
    return Segment(
        taken[0][0].first_us,
        max([part.last_us for part, _ in taken]),
        sum([part.frames for part, _ in taken]),
        actions,
        compressed(b"".join([records for _, records in taken])),
    )
