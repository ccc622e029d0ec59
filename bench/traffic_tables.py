"""The chapters of the report about traffic. Pure: figures in, text out."""

from collections.abc import Iterator

from bench.book import Book, Row, ratio
from bench.markdown import chapter, median, number, spread
from bench.plan import CLASSES, EDGE, ENVOY, NAIVE, SATURATION, MessageClass

_TRAFFIC = "traffic"
_SATURATION_TEXT = (
    "Every charger sends its next message as soon as the last was answered. `us` are CPU microseconds a message of"
    " edge, owning service and PostgreSQL; Envoy and the generator stand beside it. `x naive` compares with the naive"
    " server of the same rounds."
)
_LATENCY_TEXT = (
    "Messages are offered on a schedule whatever the server does; latency counts from the scheduled moment to the"
    " durable answer. Loads in percent are of the saturation above."
)
_CPU_TEXT = (
    "`path` is edge, owning service and PostgreSQL; `followers` is everybody who learns of it by events, and what runs"
    " beside. PostgreSQL is told apart by database."
)
_AFTERMATH_TEXT = (
    "A burst of sessions, from its first start until nothing is left to be done: CPU microseconds per session (a start"
    " and a stop) of every process, the path included."
)


def chapters(book: Book) -> Iterator[str]:
    """All of them."""
    yield _saturation(book)
    yield _below(book)
    for path in (EDGE, ENVOY, NAIVE):
        yield _cpu(book, path)
    yield _aftermath(book)


def _saturation(book: Book) -> str:
    head = ["class", "way", "messages/s", "min..max", "p50 ms", "p99 ms", "us", "min..max"]
    head += ["Envoy us", "generator us", "x naive rate", "x naive CPU"]
    rows = []
    for each, path in _measured(book):
        row, naive = (each.name, path, SATURATION), (each.name, NAIVE, SATURATION)
        cells = [each.title, path, median(book, _TRAFFIC, row, "rate"), spread(book, _TRAFFIC, row, "rate")]
        cells += [median(book, _TRAFFIC, row, column) for column in ("p50", "p99", "path us")]
        cells.append(spread(book, _TRAFFIC, row, "path us"))
        cells += [median(book, _TRAFFIC, row, column) for column in ("envoy us", "generator 1 us")]
        rates = (book.median(_TRAFFIC, of, "rate") for of in (row, naive))
        costs = (book.median(_TRAFFIC, of, "path us") for of in (naive, row))
        rows.append([*cells, number(ratio(*rates)), number(ratio(*costs))])
    return chapter("At saturation", _SATURATION_TEXT, head, rows)


def _below(book: Book) -> str:
    head = ["class", "way", "load", "offered/s", "answered/s", "p50 ms", "p95 ms", "p99 ms", "p99 min..max", "us"]
    rows = []
    for each, path in _measured(book):
        for row in book.rows(_TRAFFIC):
            if row[:2] == (each.name, path) and row[2] != SATURATION:
                columns = ("offered", "rate", "p50", "p95", "p99")
                figures = [median(book, _TRAFFIC, row, column) for column in columns]
                rest = [spread(book, _TRAFFIC, row, "p99"), median(book, _TRAFFIC, row, "path us")]
                rows.append([each.title, *row[1:], *figures, *rest])
    return chapter("Below saturation", _LATENCY_TEXT, head, rows)


def _cpu(book: Book, path: str) -> str:
    rows = [(each.title, (each.name, path, SATURATION)) for each, way in _measured(book) if way == path]
    columns = _cpu_columns(book, _TRAFFIC, [row for _, row in rows], path)
    head = ["class", *(column.removesuffix(" us") for column in columns)]
    cells = [[title, *(median(book, _TRAFFIC, row, column) for column in columns)] for title, row in rows]
    return chapter(f"CPU by process at saturation, way `{path}`", _CPU_TEXT, head, cells)


def _aftermath(book: Book) -> str:
    section = "aftermath"
    rows = book.rows(section)
    columns = ["sessions", "bills", "drained s", *_cpu_columns(book, section, rows, EDGE)]
    head = ["", *(column.removesuffix(" us") for column in columns)]
    cells = [[row[0], *(median(book, section, row, column) for column in columns)] for row in rows]
    return chapter("What a session costs in all", _AFTERMATH_TEXT, head, cells)


def _cpu_columns(book: Book, section: str, rows: list[Row], path: str) -> list[str]:
    """The columns of CPU in these rows: path and followers last, and the naive server only where it was asked."""
    found = dict.fromkeys(column for row in rows for column in book.columns(section, row) if column.endswith(" us"))
    sums = ("path us", "followers us")
    plain = [column for column in found if column not in sums and (path == NAIVE or NAIVE not in column)]
    return [*plain, *(column for column in sums if column in found)]


def _measured(book: Book) -> list[tuple[MessageClass, str]]:
    rows = book.rows(_TRAFFIC)
    ways = [(each, path) for each in CLASSES for path in (EDGE, ENVOY, NAIVE)]
    return [(each, path) for each, path in ways if (each.name, path, SATURATION) in rows]
