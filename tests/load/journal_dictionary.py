"""Makes a dictionary for the journal (services/journal/compression.py) from a journal, and says what it is worth.

`python -m tests.load.journal_dictionary URL [--write FILE]`, URL being the database of a transaction service whose
charge points have said all kinds of things in all versions (`csms simulate --fleet 60`, `csms load --mix mixed`).
Half of the charge points train it, the other half is compressed with it: bytes and microseconds per exchange, for so
many exchanges at a time. What is in a dictionary is part of the build: train it on simulated charge points only.
"""

import argparse
import random
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import psycopg
import zstandard

from services.journal.records import NUMBERS, ORIGIN_BITS, Exchange, decoded, encoded

_SIZE = 32 * 1024
_AT_A_TIME = (1, 4, 10, 30, 100)
# As many in a sample: what stands between records is learned as well.
_IN_A_SAMPLE = 4
_ROWS = """
SELECT charge_point_id, (extract(epoch FROM time) * 1000000)::bigint, message_id, latency_us, frame,
    coalesce(answer_frame, ''), epoch, protocol, direction = 'INBOUND', kind = 'CALL', answer_frame IS NOT NULL,
    action, error_code, coalesce(note, '')
FROM ocpp_messages ORDER BY time, id
"""
_SEGMENTS = "SELECT charge_point_id, content FROM journal_segments ORDER BY last_time, id"

Compress = Callable[[bytes], bytes]
Journal = Mapping[str, Sequence[Exchange]]


def read(url: str) -> Journal:
    """The exchanges of each charge point, from rows and from segments."""
    from services.journal.compression import decompressed

    chance, found = random.Random(1), defaultdict[str, list[Exchange]](list)
    origins = [f"{chance.getrandbits(ORIGIN_BITS):012x}" for _ in range(16)]
    with psycopg.connect(url) as connection:
        for number, row in enumerate(connection.execute(_ROWS.encode())):
            name, time_us, message_id, latency_us, frame, answer, *about, is_call, is_answered, action, code, note = row
            kinds = (1 if is_call else 2, 2 if is_answered else 0)
            origin = origins[hash(name) % len(origins)]
            head = (time_us, number % NUMBERS, message_id, latency_us, frame.encode(), answer.encode())
            found[name].append(Exchange._make((*head, origin, *about, *kinds, action, code, note)))
        for name, content in connection.execute(_SEGMENTS.encode()):
            found[name].extend(decoded(decompressed(content)))
    return found


def trained(charge_points: Iterable[Sequence[Exchange]], size: int = _SIZE) -> bytes:
    """A dictionary of `size` bytes."""
    samples: list[bytes | bytearray | memoryview] = [
        sample for exchanges in charge_points for sample in _texts(exchanges, _IN_A_SAMPLE)
    ]
    return zstandard.train_dictionary(size, samples, level=9, dict_id=_next_number()).as_bytes()


def _next_number() -> int:
    from services.journal import compression

    return max((int(path.stem) for path in compression._FOLDER.glob("*.zstd-dictionary")), default=0) + 1


def _texts(exchanges: Sequence[Exchange], count: int) -> list[bytes]:
    return [
        b"".join(map(encoded, exchanges[begin : begin + count]))
        for begin in range(0, len(exchanges) - count + 1, count)
    ]


def _ways(dictionary: bytes) -> dict[str, Compress]:
    ways: dict[str, Compress] = {}
    for level in (1, 3, 9):
        ways[f"zstd {level}"] = zstandard.ZstdCompressor(level=level).compress
        ready = zstandard.ZstdCompressionDict(dictionary)
        ways[f"zstd {level}, dictionary"] = zstandard.ZstdCompressor(level=level, dict_data=ready).compress
    ways["zlib"] = zlib.compress

    def with_dictionary(text: bytes) -> bytes:
        one = zlib.compressobj(zdict=dictionary)
        return one.compress(text) + one.flush()

    ways["zlib, dictionary"] = with_dictionary
    return ways


def _compare(charge_points: Sequence[Sequence[Exchange]], dictionary: bytes) -> None:
    print(f"{'bytes, us of CPU per exchange':32}" + "".join(f"{f'by {count}':>14}" for count in _AT_A_TIME))
    mixed = sorted((one for exchanges in charge_points for one in exchanges), key=lambda one: one.time_us)
    for whose, sources in (("one charge point", charge_points), ("all mixed", [mixed])):
        samples = {count: [text for source in sources for text in _texts(source, count)] for count in _AT_A_TIME}
        for name, compress in _ways(dictionary).items():
            cells = []
            for count, texts in samples.items():
                began = time.process_time()
                size = sum(len(compress(text)) for text in texts)
                spent, exchanges = time.process_time() - began, max(1, len(texts) * count)
                cells.append(f"{size / exchanges:8.0f}{spent / exchanges * 1e6:6.1f}")
            print(f"{f'{name}, {whose}':32}" + "".join(cells))


def main() -> None:
    """Train, compare, and write it if that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    journal = read(options.url)
    names = sorted(journal)
    random.Random(1).shuffle(names)
    half = len(names) // 2
    _compare([journal[name] for name in names[half:]], trained(journal[name] for name in names[:half]))
    if options.write:
        options.write.write_bytes(trained(journal.values()))


if __name__ == "__main__":
    main()
