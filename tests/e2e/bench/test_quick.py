"""`csms bench --quick` measures one short round of everything: every row has figures, and nothing failed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.plan import CLASSES, EDGE, ENVOY, NAIVE, QUICK, SATURATION, STATED_RATE
from stack.config import python_path

# A minute on a machine that does nothing else.
_WITHIN_SECONDS = 900.0

Figures = dict[tuple[str, ...], dict[str, float]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a quick run has written its report."""
    made: Path = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "-m", "stack.cli", "bench", "--quick", "--report-dir", str(made)]
    environment = {**os.environ, "PYTHONPATH": python_path()}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=_WITHIN_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def figures(folder: Path) -> Figures:
    """Section and row to the medians of its columns."""
    document: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert document["failures"] == []
    return {
        (each["section"], *each["row"]): {name: figure["median"] for name, figure in each["figures"].items()}
        for each in document["rows"]
    }


def test_every_class_is_measured_by_every_way(figures: Figures) -> None:
    wanted = {
        ("traffic", each.name, path, load)
        for each in CLASSES
        for path in (EDGE, ENVOY)
        for load in (SATURATION, *(f"{percent} %" for percent in QUICK.loads_percent))
    }
    wanted |= {
        ("traffic", each.name, path, f"{STATED_RATE}/s")
        for each in CLASSES
        if each.stated_rate
        for path in (EDGE, ENVOY)
    }
    wanted |= {("traffic", each.name, NAIVE, SATURATION) for each in CLASSES if each.naive}
    measured = {row: columns for row, columns in figures.items() if row[0] == "traffic"}
    assert set(measured) == wanted
    for row, columns in measured.items():
        assert columns["messages"] > 0, row
        assert columns["errors"] == 0, row
        assert columns["p50"] <= columns["p99"], row


def test_connections_storms_reads_and_growth_have_their_rows(figures: Figures) -> None:
    for tls in ("plain", "TLS"):
        assert figures["connections", "handshake", tls]["rate"] > 0
        assert figures["connections", "idle", tls]["KiB"] > 0
        assert figures["connections", "charging", tls]["KiB"] > 0
        assert figures["connections", "pause", tls, "held"]["longest ms"] > 0
        storm = figures["storm", tls]
        assert (storm["back"], storm["statuses"]) == (QUICK.storm, 2 * QUICK.storm)
    assert figures["aftermath", "sessions"]["sessions"] > 0
    assert figures["aftermath", "sessions"]["bills"] > 0
    for path in ("/stations?pageSize=20", "/charging-sessions/{id}", "/transactions?pageSize=50"):
        assert figures["reads", path]["rate"] > 0
    for when in (*(f"{count} chargers" for count in QUICK.crowds), "empty tables", "old tables"):
        for name in ("metervalues", "starts"):
            assert figures["growth", name, when]["messages"] > 0
    assert figures["growth", "rows", "old tables"]["million rows"] > 0


def test_the_report_for_people_says_where_and_with_what(folder: Path) -> None:
    text = (folder / "report.md").read_text(encoding="utf-8")
    for part in ("Machine: ", "Versions: ", "## Goals", "## At saturation", "## Everybody comes back at once"):
        assert part in text
