"""An exchange as the journal keeps it: one line of JSON that says what the frames do not, then the frames as they came.

Records stand one behind the other and say how long they are, so they can be put together and taken apart without
being read. What differs from one to the next stands first in the line and what does not last: it compresses better.
"""

from collections.abc import Iterator
from typing import NamedTuple

import orjson

from services.kernel.ids import id_at

# How many are told apart by their numbers within one microsecond of one origin.
NUMBERS = 2**15
# Bits of an origin, which is written as hexadecimal digits.
ORIGIN_BITS = 46


class Exchange(NamedTuple):
    """A request with its answer, or a frame that goes by itself.

    Kinds are numbers of `csms.transaction.v1.OcppMessage.Kind`. `origin` stands for the process that noted it, and
    `number` counts there, below NUMBERS. Without an answer `answer` is empty, and error code, latency and note are
    those of the frame. A field that is added comes last and has a value for records without it.
    """

    time_us: int
    number: int
    message_id: str
    latency_us: int
    frame: bytes
    answer: bytes
    origin: str
    epoch: int
    protocol: str
    is_inbound: bool
    kind: int
    answer_kind: int
    action: str
    error_code: str
    note: str

    @property
    def id(self) -> str:
        """The id of the frame: a UUIDv7 of its time, of which the last bit is free."""
        return id_at(self.time_us, int(self.origin, 16) << 16 | self.number << 1)


def encoded(exchange: Exchange) -> bytes:
    """The record of an exchange."""
    time_us, number, message_id, latency_us, frame, answer, *rest = exchange
    line = orjson.dumps((time_us, number, message_id, latency_us, len(frame), len(answer), *rest))
    return b"%b\n%b%b\n" % (line, frame, answer)


def decoded(records: bytes | memoryview) -> Iterator[Exchange]:
    """The exchanges of records that stand one behind the other. Raises: ValueError for what are none."""
    records = bytes(records)
    begin, end = 0, len(records)
    while begin < end:
        frame = records.index(b"\n", begin) + 1
        line = orjson.loads(records[begin:frame])
        answer = frame + line[4]
        begin = answer + line[5] + 1
        yield Exchange._make((*line[:4], records[frame:answer], records[answer : begin - 1], *line[6:]))
