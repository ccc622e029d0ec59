"""Compression of the journal: Zstandard with a dictionary of what frames usually say, so a few compress as many do.

A text names the dictionary that it was compressed with by a number. `dictionaries/` holds each that ever wrote: a
dictionary is never changed nor taken away while something it wrote is kept. A new one is added by one release, to be
read, and writes from the next one on (`WRITTEN_WITH`). `tests/load/journal_dictionary.py` makes one.
"""

from functools import cache
from pathlib import Path

import zstandard

# The number of a dictionary is the name of its file.
WRITTEN_WITH = 1
# With the dictionary level 3 saves nothing more, and 9 a tenth of the bytes for ten times the CPU (ADR 82).
_LEVEL = 1
# What anything compressed here may be long. A text that says it is longer, or does not say, is none of ours.
MOST_BYTES = 32 * 1024 * 1024
_FOLDER = Path(__file__).parent / "dictionaries"


def compressed(text: bytes) -> bytes:
    """`text`, compressed. Raises: ValueError when it is longer than MOST_BYTES."""
    if len(text) > MOST_BYTES:
        raise ValueError("too long to be compressed")
    return _compressor().compress(text)


def decompressed(compressed_text: bytes) -> bytes:
    """What was compressed. Raises: ValueError for what was not compressed here."""
    try:
        frame = zstandard.get_frame_parameters(compressed_text)
        if frame.content_size > MOST_BYTES:  # one that is not told is the greatest number there is
            raise ValueError("too long to be decompressed")
        return _decompressor(frame.dict_id).decompress(compressed_text)
    except zstandard.ZstdError as error:
        raise ValueError("not compressed, or damaged") from error


@cache
def _compressor() -> zstandard.ZstdCompressor:
    dictionary = _dictionary(WRITTEN_WITH)
    dictionary.precompute_compress(level=_LEVEL)
    # A checksum, since a disk may return other bits than it took.
    return zstandard.ZstdCompressor(level=_LEVEL, dict_data=dictionary, write_checksum=True)


@cache
def _decompressor(number: int) -> zstandard.ZstdDecompressor:
    return zstandard.ZstdDecompressor(dict_data=_dictionary(number))


def _dictionary(number: int) -> zstandard.ZstdCompressionDict:
    path = _FOLDER / f"{number}.zstd-dictionary"
    if not path.is_file():
        raise ValueError(f"there is no dictionary {number}; a newer release may have it")
    return zstandard.ZstdCompressionDict(path.read_bytes())
