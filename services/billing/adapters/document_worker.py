"""Renders documents in a process of its own, one after the other: in ours each would hold up the event loop, and with
it the bills of sessions that have just ended.

It starts with the first document, is nice to all others, and ends when it was not needed for a while, or with us. What
it is sent and what it answers are pickles between two processes of one build.
"""

import logging
import pickle
import struct
import subprocess
import sys
import threading
from asyncio import TimerHandle, get_running_loop
from typing import IO

from services.billing.domain.invoice_document import InvoiceDocument
from services.kernel.errors import unavailable
from services.process.threads import ThreadQueue

_COMMAND = (sys.executable, "-m", "services.billing.adapters.rendering")
# What waits longer than a caller does is done for nobody.
_PLACES, _PLACES_EACH = 30, 20
_IDLE_SECONDS = 60.0
_LONGEST_SECONDS = 30.0
_LENGTH = struct.Struct("!I")

_log = logging.getLogger(__name__)


class DocumentWorker:
    """A process that renders, while there is something to render."""

    def __init__(self, idle_seconds: float = _IDLE_SECONDS, longest_seconds: float = _LONGEST_SECONDS) -> None:
        self._queue = ThreadQueue("documents", threads=1, places=_PLACES, places_each=_PLACES_EACH)
        self._idle_seconds = idle_seconds
        self._longest_seconds = longest_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._resting: TimerHandle | None = None
        self._asking = 0

    @property
    def process_id(self) -> int | None:
        """Of the process, while there is one."""
        return None if self._process is None else self._process.pid

    async def render(self, caller: str, document: InvoiceDocument) -> bytes:
        """A document as PDF. Raises: QUEUE_FULL when too many wait; UNAVAILABLE when the process fails twice."""
        request = pickle.dumps(document)
        self._asking += 1
        self._stay()
        try:
            data, unknown = await self._queue.run(caller, lambda: self._answer(request))
        finally:
            self._asking -= 1
            if not self._asking:
                self._resting = get_running_loop().call_later(self._idle_seconds, self._end)
        if unknown:
            names = ", ".join(f"U+{ord(character):04X}" for character in unknown)
            _log.warning("the fonts of invoice %s lack characters: %s", document.invoice.number, names)
        return data

    async def close(self) -> None:
        """End the process."""
        self._stay()
        self._end()

    def _stay(self) -> None:
        if self._resting is not None:
            self._resting.cancel()

    def _answer(self, request: bytes) -> tuple[bytes, tuple[str, ...]]:
        """In the thread."""
        try:
            return self._asked(request)
        except (OSError, EOFError):
            _log.warning("the process that renders documents has ended; it is started again")
            self._end()
        try:
            return self._asked(request)
        except (OSError, EOFError):
            self._end()
            raise unavailable("the document cannot be rendered now") from None

    def _asked(self, request: bytes) -> tuple[bytes, tuple[str, ...]]:
        process = self._process or subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._process = process
        assert process.stdin is not None
        assert process.stdout is not None
        patience = threading.Timer(self._longest_seconds, process.kill)
        patience.start()
        try:
            write(process.stdin, request)
            failure, data, unknown = pickle.loads(read(process.stdout))
        finally:
            patience.cancel()
        if failure:
            raise RuntimeError(f"a document cannot be rendered: {failure}")
        return data, unknown

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def write(stream: IO[bytes], message: bytes) -> None:
    """Send a message."""
    stream.write(_LENGTH.pack(len(message)) + message)
    stream.flush()


def read(stream: IO[bytes]) -> bytes:
    """The next message. Raises EOFError when there will be none."""
    [length] = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    return _exactly(stream, length)


def _exactly(stream: IO[bytes], count: int) -> bytes:
    found = stream.read(count)
    if len(found) < count:
        raise EOFError
    return found
