"""The charge point's own book: every message that the central system acknowledged.

One JSON object per line, written before the charge point acts on the answer, so that an auditor can
later ask the databases for each of them. It records CALLRESULTs only, and judges nothing. Beside them
stands what is true of sessions about which a charge point lies (see `truth`).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from simulator.transport import Direction, Frame, FrameSink, compact
from simulator.truth import Truth, is_truth, truth_from_json

_CALL, _CALLRESULT, _CALLERROR = 2, 3, 4


@dataclass(frozen=True)
class Acknowledgement:
    """One acknowledged message: what was sent, what came back, when. Times are real, not device.

    Of a message of a liar, `session` is the station's own name for the session that it is about, empty for none. Of one
    with `lies` in it, `meant` is the request without them, and `unsaid` names the places of which it says nothing any
    more that is sure, like `meterStop` or `meterValue.0`.
    """

    charge_point_id: str
    protocol: str
    message_id: str
    action: str
    request: dict[str, Any]
    answer: dict[str, Any]
    sent_time: datetime
    acknowledged_time: datetime
    meant: dict[str, Any] | None = None
    lies: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()
    session: str = ""

    @property
    def true_request(self) -> dict[str, Any]:
        """What the request would have been without lies."""
        return self.request if self.meant is None else self.meant

    @property
    def latency_ms(self) -> float:
        """From frame sent to answer received."""
        return (self.acknowledged_time - self.sent_time).total_seconds() * 1_000

    def to_json(self) -> str:
        """The line that stands in the file."""
        lie: dict[str, Any] = {"session": self.session} if self.session else {}
        if self.lies:
            lie |= {"meant": self.meant, "lies": self.lies, "unsaid": self.unsaid}
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
                **lie,
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
            meant=entry.get("meant"),
            lies=tuple(entry.get("lies", ())),
            unsaid=tuple(entry.get("unsaid", ())),
            session=entry.get("session", ""),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a ledger entry: {error}") from error


def read_ledger(path: Path) -> Iterator[Acknowledgement]:
    """All acknowledgements of a file, in their order; a torn last line is left out."""
    return (from_json(line) for line in _lines(path) if not is_truth(line))


def read_truths(path: Path) -> list[Truth]:
    """What is true of the sessions about which something else was told, as it was known last."""
    truths = (truth_from_json(line) for line in _lines(path) if is_truth(line))
    return list({truth.session: truth for truth in truths}.values())


def _lines(path: Path) -> Iterator[str]:
    # Not splitlines: texts that are no texts may hold what it takes for the end of a line.
    with path.open(encoding="utf-8", newline="\n") as file:
        yield from (line for line in file if line.endswith("\n"))


class Ledger:
    """An append-only file of acknowledgements, shared by any number of charge points."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _drop_torn_tail(path)
        # Halves of characters, which liars tell, are written as JSON escapes them.
        self._file: TextIO = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
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

    def attest(self, truth: Truth) -> None:
        """The same with what is true of a session."""
        self._file.write(f"{truth.to_json()}\n")

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
    entry = Acknowledgement(sent.charge_point_id, protocol, message_id, action, request, answer, sent.time, result.time)
    meant = _parse(sent.meant)
    # A distortion may have made it of another message.
    if not _is(meant, _CALL, 4) or meant[2] != action:
        return entry
    truth = {"meant": meant[3], "lies": sent.lies, "unsaid": sent.unsaid} if sent.lies else {}
    return replace(entry, session=sent.session, **truth)


def _parse(text: str) -> list[Any]:
    """A message; of one with characters that JSON forbids what is left without them."""
    try:
        message = json.loads(text)
    except ValueError:
        try:
            message = json.loads(text.replace("\0", ""), strict=False)
        except ValueError:
            return []
    return message if isinstance(message, list) else []


def _is(message: list[Any], kind: int, least_length: int) -> bool:
    return len(message) >= least_length and message[0] == kind
