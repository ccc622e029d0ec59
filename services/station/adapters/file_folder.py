"""The bytes of files in a folder, each under its id. All replicas of the service share one; who may touch a file, and
what is known of it, is not decided here.

What comes in is written beside its place and moved there when all of it is on the disk: whoever reads finds whole files
alone.
"""

import asyncio
import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from services.station.domain.stored_file import Received, too_large

# Of an upload that broke off with its process.
_LEFT_OVER_SECONDS = 24 * 3600
# Written at once, in a thread: fewer changes of threads, and little memory.
_WRITE_BYTES = 1 << 20


class Receiving:
    """One upload on its way. `discard` at the end, whatever came of it."""

    def __init__(self, part: Path, place: Path, most_bytes: int) -> None:
        self._part = part
        self._place = place
        self._most_bytes = most_bytes
        self._sha256, self._md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        self._size = 0
        self._waiting = bytearray()
        self._file: BinaryIO | None = None

    async def write(self, data: bytes) -> None:
        """Take in what came next. Raises: TOO_LARGE."""
        if self._size + len(self._waiting) + len(data) > self._most_bytes:
            raise too_large(self._most_bytes)
        self._waiting += data
        if len(self._waiting) >= _WRITE_BYTES:
            await asyncio.to_thread(self._flush)

    async def finish(self) -> Received:
        """All of it is on the disk, though not in its place."""
        await asyncio.to_thread(self._close)
        return Received(self._size, self._sha256.hexdigest(), self._md5.hexdigest())

    def sha256(self) -> bytes:
        """The checksum, once it is finished."""
        return self._sha256.digest()

    def md5(self) -> bytes:
        """The same by MD5."""
        return self._md5.digest()

    def keep(self) -> None:
        """Move it to its place."""
        os.replace(self._part, self._place)

    def discard(self) -> None:
        """Remove what was not kept."""
        if self._file is not None:
            self._file.close()
        self._part.unlink(missing_ok=True)

    def _flush(self) -> None:
        if self._file is None:
            # Logs of charge points are nobody else's business.
            self._part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = self._part.open("xb")
        self._file.write(self._waiting)
        self._sha256.update(self._waiting)
        self._md5.update(self._waiting)
        self._size += len(self._waiting)
        self._waiting.clear()

    def _close(self) -> None:
        self._flush()
        assert self._file is not None
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


class FileFolder:
    """The folder, made when the first file comes."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def receive(self, file_id: str, most_bytes: int) -> Receiving:
        """Begin to take in the bytes of a file."""
        place = self.place_of(file_id)
        return Receiving(place.with_name(f"{file_id}.{uuid4().hex}.part"), place, most_bytes)

    def place_of(self, file_id: str) -> Path:
        """Where the bytes of a file are, if they are there. Ids are random at their end."""
        return self._root / file_id[-2:] / file_id

    def remove(self, file_id: str) -> None:
        """Remove the bytes of a file, if they are there."""
        self.place_of(file_id).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what uploads left that broke off with their process."""
        for part in self._root.glob("*/*.part"):
            with suppress(FileNotFoundError):
                if part.stat().st_mtime < time.time() - _LEFT_OVER_SECONDS:
                    part.unlink()
