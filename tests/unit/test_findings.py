"""The findings can be found and run: each script is executable, says what it shows, and is in the table."""

import os
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "findings"
SCRIPTS = sorted(FOLDER.glob("*.sh"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_finding_is_executable_and_says_what_was_seen_and_what_its_exit_code_means(script: Path) -> None:
    lines = script.read_text().splitlines()
    head = " ".join(line.removeprefix("#").strip() for line in lines[1 : lines.index("set -euo pipefail")])
    assert os.access(script, os.X_OK)
    assert lines[0] == "#!/usr/bin/env bash"
    assert re.search(r"Seen with .*\d+\.\d+", head), "which version?"
    assert "Exits 0 when" in head, "what does its exit code mean?"


def test_the_table_names_every_finding_and_no_other() -> None:
    named = re.findall(r"^\| `([\w-]+\.sh)` \|", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert sorted(named) == [script.name for script in SCRIPTS]
