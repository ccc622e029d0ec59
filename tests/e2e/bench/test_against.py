"""`csms bench --against REF` starts an older build beside this one and tells what each costs.

Against the last commit, so that the packages of this checkout serve both and nothing is installed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.against.command import SLOWER
from bench.against.plan import HANDSHAKE
from bench.plan import REST, SESSION, START
from bench.reads import PATHS
from stack.inherited import python_path
from stack.releases import PROJECT

_WITHIN_SECONDS = 170.0
# Surely exceeded, so that the exit code is known.
_LIMIT = "0.01"

pytestmark = pytest.mark.skipif(not (PROJECT / ".git").exists(), reason="older builds are made from a git checkout")


def test_a_build_is_compared_with_an_older_one_which_is_kept_until_it_is_cleaned(tmp_path: Path) -> None:
    words = ["--against", "HEAD", "--limit", _LIMIT, "--rounds", "1", "--seconds", "0.3", "--connections", "20"]
    reported = _csms(tmp_path, "bench", *words, "--only", "starts,connections,reads", "--report-dir", str(tmp_path))
    assert reported.returncode == SLOWER, reported.stderr
    found = json.loads((tmp_path / "against.json").read_text(encoding="utf-8"))
    assert found["failures"] == []
    assert [each["row"] for each in found["rows"]] == ["starts", HANDSHAKE, *PATHS]
    for each in found["rows"]:
        # The same code on both sides, for a moment on a machine that does other things too.
        assert 0.05 < each["ratio"]["from"] <= each["ratio"]["median"] <= each["ratio"]["to"] < 20
        assert each["newUs"]["envoy"] > 0
        assert each["verdict"] == "ABOVE"
    assert f"# {found['new']} against HEAD" in reported.stdout

    (build,) = (each for each in (tmp_path / "state" / "builds").iterdir() if each.is_dir())
    assert (build / ".venv" / "bin" / "python").exists()
    assert str(build) in _worktrees()
    assert _csms(tmp_path, "clean", "--builds").returncode == 0
    assert not build.exists()
    assert str(build) not in _worktrees()


def test_loads_and_sessions_are_compared_with_their_latency_and_what_they_write(tmp_path: Path) -> None:
    figures = _figures(tmp_path, "lone,session,transaction21")
    assert list(figures) == ["lone-metervalues", "lone-starts", SESSION, "transaction21"]
    for row, found in figures.items():
        assert found["WAL bytes"]["new"] > 100
        if row.startswith("lone"):
            assert 0 < found["p50 ms"]["new"] <= found["p99 ms"]["new"]


def test_rest_and_starts_are_compared_with_their_memory_and_time(tmp_path: Path) -> None:
    figures = _figures(tmp_path, "start,rest")
    assert 0 < figures[START]["ready s"]["old"] < 90
    assert figures[REST]["PSS MiB"]["new"] < figures[REST]["RSS MiB"]["new"]
    assert figures[REST]["wake-ups a second"]["old"] > 1


def _figures(folder: Path, rows: str) -> dict[str, dict[str, dict[str, float]]]:
    """What is compared beside the CPU, of some rows, by row and name."""
    words = ["--against", "HEAD", "--quick", "--rounds", "1", "--only", rows, "--report-dir", str(folder)]
    reported = _csms(folder, "bench", *words)
    assert reported.returncode == 0, reported.stderr
    found = json.loads((folder / "against.json").read_text(encoding="utf-8"))
    assert _csms(folder, "clean", "--builds").returncode == 0
    return {each["row"]: {one["name"]: one for one in each["figures"]} for each in found["rows"]}


def _csms(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": python_path(), "CSMS_STATE_DIR": str(folder / "state")}
    command = [sys.executable, "-m", "stack.cli", *words]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=_WITHIN_SECONDS
    )


def _worktrees() -> str:
    return subprocess.run(["git", "worktree", "list"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
