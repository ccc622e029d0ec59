"""The report as Markdown. Pure: figures in, text out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.book import Book, Row, ratio
from bench.plan import CLASSES, EDGE, ENVOY, NAIVE, SATURATION, STATED_RATE, MessageClass

_TRAFFIC = "traffic"
_NOTHING = "-"


def render(book: Book, about: Mapping[str, Any]) -> str:
    """The whole report."""
    parts = [_head(about), *_failures(book)]
    if book.rows(_TRAFFIC):
        parts += [
            saturation_table(book),
            latency_table(book),
            *(cpu_table(book, path) for path in (EDGE, ENVOY, NAIVE)),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def saturation_table(book: Book) -> str:
    """Messages a second and CPU per message at saturation, with the ratio to the naive server."""
    head = ["class", "way", "messages/s", "(min..max)", "p99 ms", "us a message", "(min..max)"]
    head += ["Envoy us", "generator us", "x naive rate", "x naive CPU"]
    rows = []
    for each, path in _measured(book):
        row = (each.name, path, SATURATION)
        naive = (each.name, NAIVE, SATURATION)
        cells = [each.title, path, number(book.median(_TRAFFIC, row, "rate")), spread(book, row, "rate")]
        cells += [number(book.median(_TRAFFIC, row, "p99")), number(book.median(_TRAFFIC, row, "path us"))]
        cells += [spread(book, row, "path us"), number(book.median(_TRAFFIC, row, "envoy us"))]
        cells += [number(book.median(_TRAFFIC, row, "generator 1 us"))]
        if path == NAIVE:
            cells += ["1", "1"]
        else:
            cells.append(number(ratio(book.median(_TRAFFIC, row, "rate"), book.median(_TRAFFIC, naive, "rate"))))
            cells.append(number(ratio(book.median(_TRAFFIC, naive, "path us"), book.median(_TRAFFIC, row, "path us"))))
        rows.append(cells)
    return "## At saturation\n\n" + table(head, rows)


def latency_table(book: Book) -> str:
    """Latency and CPU below saturation."""
    head = ["class", "way", "load", "offered/s", "answered/s", "p50 ms", "p95 ms", "p99 ms"]
    head += ["p99 (min..max)", "us a message"]
    rows = []
    for each, path in _measured(book):
        for row in book.rows(_TRAFFIC):
            load = row[2]
            if row[:2] == (each.name, path) and (load.endswith("%") or load == f"{STATED_RATE}/s"):
                columns = ("offered", "rate", "p50", "p95", "p99")
                figures = [number(book.median(_TRAFFIC, row, column)) for column in columns]
                rest = [spread(book, row, "p99"), number(book.median(_TRAFFIC, row, "path us"))]
                rows.append([each.title, path, load, *figures, *rest])
    return "## Below saturation\n\n" + table(head, rows) if rows else ""


def cpu_table(book: Book, path: str) -> str:
    """CPU microseconds per message at saturation by process, by one way."""
    rows = [(each, (each.name, path, SATURATION)) for each, way in _measured(book) if way == path]
    names = list(dict.fromkeys(name for _, row in rows for name in book.columns(_TRAFFIC, row) if name.endswith(" us")))
    names = [name for name in names if name not in ("path us", "followers us")]
    if not rows:
        return ""
    head = ["class", *(name.removesuffix(" us") for name in names), "path", "followers"]
    cells = [
        [each.title, *(number(book.median(_TRAFFIC, row, name)) for name in (*names, "path us", "followers us"))]
        for each, row in rows
    ]
    return f"## CPU by process at saturation, way `{path}` (us a message)\n\n" + table(head, cells)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; columns after the first two are numbers."""
    aligned = ["---" if place < 1 else "---:" for place in range(len(head))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, aligned, *rows))


def number(value: float | None) -> str:
    """A figure with three significant digits at least, thousands apart."""
    if value is None:
        return _NOTHING
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}".rstrip("0").rstrip(".")


def spread(book: Book, row: Row, column: str, section: str = _TRAFFIC) -> str:
    """The least and the most of a figure."""
    found = book.summary(section, row, column)
    return _NOTHING if found is None else f"{number(found.least)}..{number(found.most)}"


def _measured(book: Book) -> list[tuple[MessageClass, str]]:
    rows = book.rows(_TRAFFIC)
    has: Callable[[MessageClass, str], bool] = lambda each, path: (each.name, path, SATURATION) in rows  # noqa: E731
    return [(each, path) for each in CLASSES for path in (EDGE, ENVOY, NAIVE) if has(each, path)]


def _failures(book: Book) -> list[str]:
    if not book.failures:
        return []
    lines = [f"- {each.section} {' '.join(each.row)}: {each.reason}" for each in book.failures]
    return ["## Failed\n\n" + "\n".join(lines)]


def _head(about: Mapping[str, Any]) -> str:
    machine, versions, sizes = about["machine"], about["versions"], about["sizes"]
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    return "\n".join(
        (
            "# Benchmark",
            "",
            f"{about['time']}, commit {about['commit']}, {sizes['rounds']} rounds, {sizes['connections']} connections."
            " Medians; least and most in brackets.",
            f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memoryMiB']} MiB, {machine['system']}; the"
            f" load generator runs on it too. Load average at the end {machine['loadAverage']}.",
            f"Versions: {told}.",
        )
    )
