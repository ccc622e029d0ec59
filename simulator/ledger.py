"""The charge point's own book: every message that the central system acknowledged.

One JSON object per line, written before the charge point acts on the answer, so that an auditor can
later ask the databases for each of them. It records CALLRESULTs only, and judges nothing.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from simulator.transport import Direction, Frame, FrameSink, compact

_CALL, _CALLRESULT, _CALLERROR = 2, 3, 4


@dataclass(frozen=True)
class Acknowledgement:
    """One acknowledged message: what was sent, what came back, when. Times are real, not device."""

    charge_point_id: str
    protocol: str
    message_id: str
    action: str
    request: dict[str, Any]
    answer: dict[str, Any]
    sent_time: datetime
    acknowledged_time: datetime

    @property
    def latency_ms(self) -> float:
        """From frame sent to answer received."""
        return (self.acknowledged_time - self.sent_time).total_seconds() * 1_000

    def to_json(self) -> str:
        """The line that stands in the file."""
        return compact(
            {
                "chargePointId": self.charge_point_id,
                "protocol": self.protocol,
                "messageId": self.message_id,
                "action": self.action,
                "request": self.request,
                "answer": self.answer,
                "sentTime": self.sent_time.isoformat(),
                "acknowledgedTime": self.acknowledged_time.isoformat(),
            }
        )


def from_json(line: str) -> Acknowledgement:
    """Read a line back.

    Raises:
        ValueError: the line is not one of ours (a torn last line after a kill, for example).
    """
    try:
        entry = json.loads(line)
        return Acknowledgement(
            charge_point_id=entry["chargePointId"],
            protocol=entry["protocol"],
            message_id=entry["messageId"],
            action=entry["action"],
            request=entry["request"],
            answer=entry["answer"],
            sent_time=datetime.fromisoformat(entry["sentTime"]),
            acknowledged_time=datetime.fromisoformat(entry["acknowledgedTime"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a ledger entry: {error}") from error


def read_ledger(path: Path) -> Iterator[Acknowledgement]:
    """All entries of a file, in the order of their acknowledgement; a torn last line is left out."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for line in lines:
        if line.endswith("\n"):
            yield from_json(line)


class Ledger:
    """An append-only file of acknowledgements, shared by any number of charge points."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _drop_torn_tail(path)
        self._file: TextIO = path.open("a", encoding="utf-8", buffering=1)
        self.entries = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def record(self, entry: Acknowledgement) -> None:
        """Write one line and hand it to the operating system."""
        self._file.write(f"{entry.to_json()}\n")
        self.entries += 1

    def sink(self, protocol: str) -> FrameSink:
        """A sink that pairs the frames of ONE charge point's connections and records the pairs.

        Late answers count: the central system did acknowledge. An id that is used again before its
        answer came belongs to the newer message.
        """
        unanswered: dict[str, tuple[Frame, str, dict[str, Any]]] = {}

        def watch(frame: Frame) -> None:
            message = _parse(frame.text)
            if frame.direction is Direction.SENT and _is(message, _CALL, 4):
                unanswered[str(message[1])] = (frame, str(message[2]), message[3])
            elif frame.direction is Direction.RECEIVED and _is(message, _CALLRESULT, 3):
                call = unanswered.pop(str(message[1]), None)
                if call is not None:
                    self.record(_entry(protocol, str(message[1]), call, frame, message[2]))
            elif frame.direction is Direction.RECEIVED and _is(message, _CALLERROR, 4):
                unanswered.pop(str(message[1]), None)

        return watch


def _drop_torn_tail(path: Path) -> None:
    """A process killed while writing leaves half a line; what follows must not be glued to it."""
    if path.exists():
        content = path.read_bytes()
        if content and not content.endswith(b"\n"):
            path.write_bytes(content[: content.rfind(b"\n") + 1])


def _entry(
    protocol: str,
    message_id: str,
    call: tuple[Frame, str, dict[str, Any]],
    result: Frame,
    answer: dict[str, Any],
) -> Acknowledgement:
    sent, action, request = call
    return Acknowledgement(sent.charge_point_id, protocol, message_id, action, request, answer, sent.time, result.time)


def _parse(text: str) -> list[Any]:
    try:
        message = json.loads(text)
    except ValueError:
        return []
    return message if isinstance(message, list) else []


def _is(message: list[Any], kind: int, least_length: int) -> bool:
    return len(message) >= least_length and message[0] == kind
