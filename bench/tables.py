"""The report as Markdown: its head, what failed, the goals, and the chapters of every section. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from bench import connection_tables, goals, traffic_tables
from bench.against.plan import title
from bench.book import Book
from bench.markdown import chapter, median, spread
from bench.plan import CLASSES

_TITLES = {each.name: each.title for each in CLASSES}


def render(book: Book, about: Mapping[str, Any]) -> str:
    """The whole report."""
    parts = [_head(about), _failures(book), _goals(book), *_fleet(book), *traffic_tables.chapters(book)]
    parts += [*connection_tables.chapters(book, about["sizes"]), _reads(book), *_growth(book)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(about: Mapping[str, Any]) -> str:
    machine, versions, sizes = about["machine"], about["versions"], about["sizes"]
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    paragraphs = (
        "# Benchmark",
        f"{about['time']}, commit {about['commit']}, {sizes['rounds']} interleaved rounds of {sizes['seconds']:g} s by"
        f" {sizes['connections']} chargers. Figures are medians; `min..max` are the least and the most of all rounds.",
        f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memoryMiB']:,} MiB, {machine['system']}; the"
        f" load generator shares it. Load average before {about['loadBefore']} and after {machine['loadAverage']}.",
        f"Versions: {listed}.",
    )
    return "\n\n".join(paragraphs)


def _failures(book: Book) -> str:
    lines = [f"- {each.section} {' '.join(each.row)}: {each.reason}" for each in book.failures]
    return "\n".join(("## Failed", "", *lines)) if lines else ""


def _goals(book: Book) -> str:
    rows = [[each.title, each.limit_text, each.measured_text(book), each.verdict(book)] for each in goals.GOALS]
    return chapter("Goals", "", ["goal", "limit", "measured", ""], rows)


def _fleet(book: Book) -> Iterator[str]:
    section = "fleet"
    rows = book.rows(section)
    of_process = {row: [each for each in book.columns(section, row) if each.endswith(" us")] for row in rows}
    text = (
        "Through Envoy; `us` are CPU microseconds a message of all processes, from rest to rest; what an idle stack"
        " takes is in them where messages are offered at a rate. At rest they count by the second."
    )
    figures = [
        [title(row[0]), column, median(book, section, row, column), spread(book, section, row, column)]
        for row in rows
        for column in book.columns(section, row)
        if column not in of_process[row]
    ]
    yield chapter("A fleet, rest and starts", text, ["", "", "median", "min..max"], figures)
    names = list(dict.fromkeys(column for columns in of_process.values() for column in columns))
    cells = [[title(row[0]), *(median(book, section, row, name) for name in names)] for row in rows]
    head = ["", *(name.removesuffix(" us") for name in names)]
    yield chapter("A fleet, rest and starts: CPU by process", "", head, cells)


def _reads(book: Book) -> str:
    section, columns = "reads", ("rate", "p50", "p99", "bytes", "system us", "envoy us", "client us")
    head = ["path", "requests/s", "p50 ms", "p99 ms", "bytes", "us", "Envoy us", "client us"]
    rows = [[f"GET {row[0]}", *(median(book, section, row, each) for each in columns)] for row in book.rows(section)]
    return chapter("REST reads through Envoy", "`us` are CPU microseconds a request, all processes.", head, rows)


def _growth(book: Book) -> Iterator[str]:
    section = "growth"
    columns = ("rate", "p99", "path us", "edge us", "transaction us", "postgres charge_points us")
    head = ["class", "", "messages/s", "p99 ms", "us", "us min..max", "edge", "transaction", "PostgreSQL"]
    rows = []
    for row in sorted((row for row in book.rows(section) if row[0] != "rows"), key=lambda row: row[0]):
        figures = [median(book, section, row, column) for column in columns]
        rows.append([_TITLES[row[0]], row[1], *figures[:3], spread(book, section, row, "path us"), *figures[3:]])
    by_chargers = [row for row in rows if row[1].endswith("chargers")]
    yield chapter("Growth by chargers", "The same rate offered by more and more chargers.", head, by_chargers)
    full = ("rows", "old tables")
    millions, gib = median(book, section, full, "million rows"), median(book, section, full, "GiB")
    text = (
        f"At saturation. The old tables hold {millions} million rows of sessions, events, readings and journal"
        f" ({gib} GiB); half of them are of the last day."
    )
    yield chapter("Growth by rows", text, head, [row for row in rows if row not in by_chargers])
