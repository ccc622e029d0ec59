"""Where the figures of a run are written down: a number per section, row, column and run, and what failed.

Medians are made here; nothing is averaged and nothing is left out.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """The runs of one figure."""

    median: float
    least: float
    most: float
    runs: int


@dataclass(frozen=True)
class Failure:
    """A row that could not be measured, and why."""

    section: str
    row: Row
    reason: str


@dataclass
class Book:
    """Figures and failures, in the order in which they came."""

    failures: list[Failure] = field(default_factory=list)
    _figures: dict[str, dict[Row, dict[str, list[float]]]] = field(default_factory=dict)

    def add(self, section: str, row: Row, figures: Mapping[str, float | None]) -> None:
        """Write down one run of a row. A figure of None does not exist."""
        columns = self._figures.setdefault(section, {}).setdefault(row, {})
        for column, value in figures.items():
            if value is not None:
                columns.setdefault(column, []).append(float(value))

    def fail(self, section: str, row: Row, reason: str) -> None:
        """Write down that one run of a row failed."""
        self.failures.append(Failure(section, row, reason))

    def rows(self, section: str) -> list[Row]:
        """The rows of a section that have figures."""
        return list(self._figures.get(section, {}))

    def columns(self, section: str, row: Row) -> list[str]:
        """The columns of a row."""
        return list(self._figures.get(section, {}).get(row, {}))

    def summary(self, section: str, row: Row, column: str) -> Summary | None:
        """The runs of a figure; None when there is none."""
        values = self._figures.get(section, {}).get(row, {}).get(column)
        return summarize(values) if values else None

    def median(self, section: str, row: Row, column: str) -> float | None:
        """The median of a figure; None when there is none."""
        found = self.summary(section, row, column)
        return None if found is None else found.median

    def document(self) -> Iterator[dict[str, Any]]:
        """Everything as JSON objects, one per row."""
        for section, rows in self._figures.items():
            for row, columns in rows.items():
                figures = {
                    column: {
                        "median": statistics.median(values),
                        "min": min(values),
                        "max": max(values),
                        "runs": [_rounded(value) for value in values],
                    }
                    for column, values in columns.items()
                }
                yield {"section": section, "row": list(row), "figures": figures}


def summarize(values: Sequence[float]) -> Summary:
    """Median, least and most of at least one value."""
    return Summary(statistics.median(values), min(values), max(values), len(values))


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """How many times `theirs` goes into `ours`; None when one is missing or `theirs` is nothing."""
    return ours / theirs if ours is not None and theirs else None


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
