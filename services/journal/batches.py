"""What an edge node hands over at a time: records of many charge points, by charge point, as one compressed text.

Its first line is a table of contents: the fields of its parts, one for each charge point, column by column. The records
of the parts follow in this order.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from services.journal.compression import compressed, decompressed
from services.journal.records import Exchange, encoded


class Part(NamedTuple):
    """What a batch, or a piece of it, holds of one charge point: `size` bytes of records, and what is in them.

    `frames` counts requests and answers, `actions` those of each action; the times are of the first and last record.
    """

    charge_point_id: str
    size: int
    exchanges: int
    frames: int
    first_us: int
    last_us: int
    actions: Mapping[str, int]


def part_of(charge_point_id: str, exchanges: Sequence[Exchange]) -> tuple[Part, bytes]:
    """The part of one charge point, and its records. At least one exchange."""
    records = b"".join([encoded(exchange) for exchange in exchanges])
    first_us = last_us = exchanges[0].time_us
    answers, actions = 0, dict[str, int]()
    for exchange in exchanges:
        if exchange.time_us < first_us:
            first_us = exchange.time_us
        elif exchange.time_us > last_us:
            last_us = exchange.time_us
        frames = 1
        if exchange.answer:
            frames = 2
            answers += 1
        actions[exchange.action] = actions.get(exchange.action, 0) + frames
    count = len(exchanges)
    return Part(charge_point_id, len(records), count, count + answers, first_us, last_us, actions), records


def packed(parts: Iterable[tuple[Part, bytes]]) -> bytes:
    """A batch of these parts, at least one."""
    contents, records = zip(*parts, strict=True)
    return compressed(b"\n".join((orjson.dumps([*zip(*contents, strict=True)]), b"".join(records))))


def unpacked(batch: bytes) -> list[tuple[Part, memoryview]]:
    """The parts of a batch, with their records, which are not copied. Raises: ValueError for what is no batch."""
    opened, end, columns = _opened(batch)
    text, found = memoryview(opened), []
    for part in map(Part, *columns):
        begin, end = end, end + part.size
        found.append((part, text[begin:end]))
    return found


def contents_of(batch: bytes) -> Sequence[Sequence[Any]]:
    """The table of contents of a batch: a column for each field of `Part`. Raises: ValueError for what is no batch."""
    return _opened(batch)[2]


def _opened(batch: bytes) -> tuple[bytes, int, Sequence[Sequence[Any]]]:
    """The text of a batch, where its records begin, and the columns of its parts."""
    text = decompressed(batch)
    begin = text.index(b"\n") + 1
    columns = orjson.loads(text[:begin])
    if not _is_table(columns):
        raise ValueError("the table of contents is none")
    if min(columns[1]) < 0 or begin + sum(columns[1]) != len(text):
        raise ValueError("the parts are not as long as the batch")
    return text, begin, columns


def _is_table(columns: object) -> bool:
    """Whether there is a column for each field of parts, of what belongs there."""
    if not isinstance(columns, list) or [type(column) for column in columns] != [list] * len(Part._fields):
        return False
    kinds = [set(map(type, column)) for column in columns]
    return kinds == [{str}, *[{int}] * 5, {dict}] and len({len(column) for column in columns}) == 1


def part_in(batch: bytes, charge_point_id: str) -> bytes:
    """The records of one charge point; none when the batch has none. Raises: ValueError for what is no batch."""
    text, end, (names, sizes, *_) = _opened(batch)
    records = b""
    for name, size in zip(names, sizes, strict=True):
        begin, end = end, end + size
        if name == charge_point_id:
            records += text[begin:end]
    return records
