"""The chapters of the report about connections: opened, held, and all coming back. Pure: figures in, text out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.book import Book, Row
from bench.markdown import chapter, median, spread

_CONNECTIONS = "connections"
_OPENING_TEXT = (
    "CPU microseconds per charger; `us` is edge, station service and PostgreSQL together. `reconnect` is the handshake,"
    " a BootNotification and the status of 2 connectors."
)
_HOLDING_TEXT = "Resident memory of the edge per connection; `cores` is what the edge uses while they are silent."
_PAUSES_TEXT = (
    "Round trips of heartbeats, one every millisecond, of a hundred chargers in turn: the longest bounds every pause of"
    " the edge. `loop lag` is what the edge itself has seen in the last minute, where it tells."
)


def chapters(book: Book, sizes: Mapping[str, Any]) -> Iterator[str]:
    """All of them."""
    yield _opening(book)
    yield _holding(book)
    yield _pauses(book)
    yield _storm(book, sizes)


def _opening(book: Book) -> str:
    columns = ("rate", "path us", "edge us", "station us", "postgres us", "postgres stations us")
    head = ["", "", "chargers/s", "us", "edge", "station", "PostgreSQL", "its stations", "edge min..max"]
    rows = [
        [*row, *_medians(book, row, columns), spread(book, _CONNECTIONS, row, "edge us")]
        for row in _rows(book, "handshake", "reconnect")
    ]
    return chapter("Opening connections", _OPENING_TEXT, head, rows)


def _holding(book: Book) -> str:
    columns = ("connections", "KiB", "edge cores")
    rows = [[*row, *_medians(book, row, columns)] for row in _rows(book, "charging", "idle")]
    return chapter("Holding connections", _HOLDING_TEXT, ["", "", "connections", "KiB each", "cores"], rows)


def _pauses(book: Book) -> str:
    columns = ("probes", "p50 ms", "p99 ms", "longest ms", "loop lag ms")
    rows = [[*row[1:], *_medians(book, row, columns)] for row in _rows(book, "pause")]
    return chapter("Pauses", _PAUSES_TEXT, ["", "the others", "probes", *columns[1:]], rows)


def _storm(book: Book, sizes: Mapping[str, Any]) -> str:
    columns = ("back", "statuses", "seconds", "edge up s", "turned away", "attempts lost", "edge us", "station us")
    head = ["", "back", "statuses stored", "all back s", "edge up s", "503", "attempts lost", "edge us", "station us"]
    rows = [[row[0], *(median(book, "storm", row, column) for column in columns)] for row in book.rows("storm")]
    text = (
        f"{sizes['storm']:,} chargers lose their edge, which is killed and started again; each connects, boots and"
        " reports 2 connectors. Who is told to wait (503, Retry-After) waits so long, but at most"
        f" {sizes['longest_pause']:g} s; who finds nobody listening tries again after about a second."
        " A row stands here only if every answer is stored."
    )
    return chapter("Everybody comes back at once", text, head, rows)


def _rows(book: Book, *kinds: str) -> list[Row]:
    return [row for row in book.rows(_CONNECTIONS) if row[0] in kinds]


def _medians(book: Book, row: Row, columns: Sequence[str]) -> list[str]:
    return [median(book, _CONNECTIONS, row, column) for column in columns]
