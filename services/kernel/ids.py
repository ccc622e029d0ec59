"""Identifiers: new ones that sort by the time they were made, and ones that follow from what they name.

Must not know what is being named.
"""

import os
import random
import re
import time
from hashlib import blake2b

_VARIANT = 0b10 << 62
# Every event is full of ids: to parse one as a number and write it anew takes five times as long.
_CANONICAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
# Ids must differ, not be unpredictable: asking the kernel for each costs as much as all the rest. Seeded by it instead.
_RANDOM = random.Random()
os.register_at_fork(after_in_child=_RANDOM.seed)


def new_id() -> str:
    """A fresh UUIDv7 in its 36-character text form.

    Ids of one process sort by creation to a quarter of a microsecond as long as its clock does not step back
    (RFC 9562 section 6.2 method 3: the time below the millisecond stands where random bits could).
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = (nanoseconds << 12) // 1_000_000
    high = (milliseconds & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | fraction
    low = _VARIANT | _RANDOM.getrandbits(62)
    return _text(high, low)


def id_at(time_us: int, rest: int) -> str:
    """The UUIDv7 of a moment in microseconds since 1970, with `rest` (62 bits) in the place of its random bits."""
    milliseconds, microseconds = divmod(time_us, 1000)
    high = (milliseconds & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | (microseconds << 12) // 1000
    return _text(high, _VARIANT | rest)


def derived_id(*parts: str | int) -> str:
    """The UUIDv8 that follows from `parts`: equal parts give the same id in every process, for ever.

    An int counts as its decimal digits. Parts are told apart by their length, so ("ab", "c") is not ("a", "bc").
    """
    digest = blake2b(digest_size=16)
    for part in parts:
        encoded = str(part).encode()
        digest.update(len(encoded).to_bytes(4))
        digest.update(encoded)
    value = int.from_bytes(digest.digest())
    high = (value >> 64) & ~0xF000 | 0x8000
    low = _VARIANT | (value & (1 << 62) - 1)
    return _text(high, low)


def request_number(command_id: str) -> int:
    """The number that a command carries where OCPP 2.x wants one (`remoteStartId`, `requestId`), and by which a station
    reports what it brought about: of 31 bits, the same at every delivery."""
    return int.from_bytes(blake2b(command_id.encode(), digest_size=4).digest()) >> 1


def is_id(text: str) -> bool:
    """Whether `text` is the canonical form of a UUID; anything else cannot be one of our ids."""
    return _CANONICAL(text) is not None


def _text(high: int, low: int) -> str:
    # Half the time that formatting numbers takes.
    digits = (high << 64 | low).to_bytes(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
