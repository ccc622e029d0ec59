"""`csms bench --quick` measures one short round of everything: every row has figures, and nothing failed.

It takes a minute on a machine that does nothing else. The tests follow it section by section, each within its time.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.plan import (
    CLASSES,
    EDGE,
    ENVOY,
    FLEET,
    LOADS,
    NAIVE,
    QUICK,
    REST,
    SATURATION,
    SECTIONS,
    SESSION,
    START,
    STATED_RATE,
)
from stack.inherited import python_path
from tests.fixtures.system import until

_SECTION_SECONDS = 170.0
_STOP_SECONDS = 60.0

Figures = dict[tuple[str, ...], dict[str, float]]


@dataclass(frozen=True)
class Run:
    """A benchmark that runs or has run; it tells what it does, and where its report will lie."""

    process: "subprocess.Popen[bytes]"
    folder: Path

    @property
    def reported(self) -> str:
        return (self.folder / "told").read_text(encoding="utf-8")

    def rows(self, section: str) -> list[str]:
        """What has been told of a section so far."""
        return [line for line in self.reported.splitlines() if re.search(rf"\] {section}[ :]", line)]

    def is_past(self, section: str) -> bool:
        """Whether a later section has begun, or everything is over."""
        later = SECTIONS[SECTIONS.index(section) + 1 :]
        return self.process.poll() is not None or any(self.rows(each) for each in later)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A quick run, just started."""
    folder: Path = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "-m", "stack.cli", "bench", "--quick", "--report-dir", str(folder)]
    with (folder / "told").open("wb") as reported:
        process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": python_path()}, stderr=reported)
    try:
        yield Run(process, folder)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(_STOP_SECONDS)


@pytest.fixture(scope="module")
def figures(run: Run) -> Figures:
    """Section and row to the medians of its columns, when everything is over."""
    until(lambda: run.process.poll() is not None, within_seconds=_SECTION_SECONDS)
    assert run.process.returncode == 0, run.reported
    document: dict[str, Any] = json.loads((run.folder / "report.json").read_text(encoding="utf-8"))
    assert document["failures"] == []
    return {
        (each["section"], *each["row"]): {name: figure["median"] for name, figure in each["figures"].items()}
        for each in document["rows"]
    }


@pytest.mark.parametrize("section", ["fleet start", "fleet lone-metervalues", "fleet session", "traffic"])
def test_what_takes_long_begins(run: Run, section: str) -> None:
    until(lambda: run.rows(section) or run.process.poll() is not None, within_seconds=_SECTION_SECONDS)
    assert run.rows(section), run.reported


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_is_measured_without_a_failure(run: Run, section: str) -> None:
    until(lambda: run.is_past(section), within_seconds=_SECTION_SECONDS)
    assert run.rows(section), run.reported
    assert not [row for row in run.rows(section) if "FAILED" in row or "ERRORS" in row]


def test_every_class_is_measured_by_every_way(figures: Figures) -> None:
    loads = (SATURATION, *(f"{percent} %" for percent in QUICK.loads_percent))
    ways = (EDGE, ENVOY)
    expected = {("traffic", each.name, path, load) for each in CLASSES for path in ways for load in loads}
    expected |= {
        ("traffic", each.name, path, f"{STATED_RATE}/s") for each in CLASSES if each.stated_rate for path in ways
    }
    expected |= {("traffic", each.name, NAIVE, SATURATION) for each in CLASSES if each.naive}
    measured = {row: columns for row, columns in figures.items() if row[0] == "traffic"}
    assert set(measured) == expected
    for row, columns in measured.items():
        assert columns["messages"] > 0, row
        assert columns["errors"] == 0, row
        assert columns["p50"] <= columns["p99"], row


@pytest.mark.parametrize("tls", ["plain", "TLS"])
def test_connections_are_opened_held_and_come_back(figures: Figures, tls: str) -> None:
    assert figures["connections", "handshake", tls]["rate"] > 0
    assert figures["connections", "idle", tls]["connections"] == QUICK.idle
    assert figures["connections", "charging", tls]["KiB"] > 0
    assert figures["connections", "pause", tls, "held"]["longest ms"] > 0
    storm = figures["storm", tls]
    assert (storm["back"], storm["statuses"]) == (QUICK.storm, 2 * QUICK.storm)


def test_sessions_are_billed_and_read(figures: Figures) -> None:
    assert figures["aftermath", "sessions"]["sessions"] > 0
    assert figures["aftermath", "sessions"]["bills"] > 0
    for path in ("/stations?pageSize=20", "/charging-sessions/{id}", "/transactions?pageSize=50"):
        assert figures["reads", path]["rate"] > 0


def test_the_fleet_is_measured_by_every_row(figures: Figures) -> None:
    measured = {row[1]: columns for row, columns in figures.items() if row[0] == "fleet"}
    assert set(measured) == set(FLEET)
    for name in LOADS:
        assert 0 < measured[name]["p50 ms"] <= measured[name]["p99 ms"]
        assert measured[name]["WAL bytes"] > 0
    assert measured[SESSION]["us"] > 0
    assert measured[START]["ready s"] > 0
    assert 0 < measured[REST]["PSS MiB"] < measured[REST]["RSS MiB"]


@pytest.mark.parametrize("name", ["metervalues", "starts"])
def test_growth_is_measured_by_chargers_and_by_rows(figures: Figures, name: str) -> None:
    for when in (*(f"{count} chargers" for count in QUICK.crowds), "empty tables", "old tables"):
        assert figures["growth", name, when]["messages"] > 0
    assert figures["growth", "rows", "old tables"]["million rows"] > 0


def test_the_report_for_people_says_where_and_with_what(run: Run, figures: Figures) -> None:
    assert figures
    text = (run.folder / "report.md").read_text(encoding="utf-8")
    for part in (
        "Machine: ",
        "Versions: ",
        "## Goals",
        "## A fleet",
        "## At saturation",
        "## Everybody comes back at once",
    ):
        assert part in text
