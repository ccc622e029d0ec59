"""Which processes are watched, and what they have spent."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.load import processes


def test_names_and_pids_are_read() -> None:
    assert processes.parse_pids("edge=12, postgres=7") == {"edge": 12, "postgres": 7}


@pytest.mark.parametrize("text", ["", "edge", "edge=", "=5", "edge=five", "edge=1,,pg=2"])
def test_what_is_not_written_so_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="name=pid"):
        processes.parse_pids(text)


def test_the_processes_of_a_stack_are_those_it_has_listed(tmp_path: Path) -> None:
    (tmp_path / "processes.json").write_text(json.dumps({"edge": 41, "postgres": 42}))
    assert processes.of_stack(tmp_path) == {"edge": 41, "postgres": 42}


def test_where_no_stack_runs_there_is_nothing_to_watch(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        processes.of_stack(tmp_path)


def test_cpu_time_and_memory_are_read_and_the_dead_left_out() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    pids = {"me": os.getpid(), "dead": child.pid}
    assert processes.cpu_seconds(pids).keys() == {"me"}
    assert processes.cpu_seconds(pids)["me"] > 0
    assert processes.resident_bytes(pids)["me"] > 1_000_000


def test_the_time_of_a_child_that_ended_is_kept_in_its_parents_books() -> None:
    pids = {"me": os.getpid()}
    before = processes.cpu_seconds(pids)["me"]
    subprocess.run([sys.executable, "-c", "sum(range(2_000_000))"], check=True)
    assert processes.cpu_seconds(pids)["me"] > before


def test_the_machine_and_the_versions_are_told() -> None:
    assert processes.machine()["cores"] == os.cpu_count()
    assert processes.versions()["python"].startswith("3.")
