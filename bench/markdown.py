"""Markdown tables of figures. Pure: figures in, text out."""

from collections.abc import Sequence

from bench.book import Book, Row

NOTHING = "-"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; what stands in the columns after the first is set to the right."""
    aligned = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, aligned, *rows))


def chapter(title: str, text: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with its headline and what the reader must know; nothing without rows."""
    if not rows:
        return ""
    return "\n\n".join(part for part in (f"## {title}", text, table(head, rows)) if part)


def number(value: float | None) -> str:
    """A figure with about three digits, thousands apart."""
    if value is None:
        return NOTHING
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}".rstrip("0").rstrip(".")


def median(book: Book, section: str, row: Row, column: str) -> str:
    """The median of a figure."""
    return number(book.median(section, row, column))


def spread(book: Book, section: str, row: Row, column: str) -> str:
    """The least and the most of a figure."""
    found = book.summary(section, row, column)
    return NOTHING if found is None else f"{number(found.least)}..{number(found.most)}"
