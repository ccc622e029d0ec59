"""Which older build is taken: a release as soon as one has promised to be accepted; until then a commit, and why."""

import re
import subprocess
from datetime import date

import pytest

from services.transaction import tables
from stack import releases
from stack.errors import StackError
from stack.releases import PROJECT, Release
from tests.contract.releases import older

_DAY = date(2026, 11, 30)


def _commit(name: str) -> str:
    try:
        return releases.commit_of(name)
    except StackError as error:
        pytest.skip(f"history is needed: {error}")


def test_0_1_0_cannot_run_on_the_newest_schema_and_a_commit_stands_in_for_it() -> None:
    first = _commit("0.1.0")
    show = ["git", "show", f"{first}:services/transaction/tables.py"]
    theirs = subprocess.run(show, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    asked = set(re.findall(r'Table\(\s*"(\w+)"', theirs))
    assert "running_sessions" in asked - {table.name for table in tables.METADATA.sorted_tables}

    instead = older.chosen([Release("0.1.0", first, _DAY)])
    assert instead.commit == older.INSTEAD
    assert older.WHY_NOT_0_1_0 in instead.reported()
    assert instead.name in instead.reported()


def test_a_release_from_0_2_0_on_is_taken() -> None:
    commit = _commit("HEAD")
    known = [Release("0.1.0", "1" * 40, _DAY), Release("0.2.0", commit, _DAY)]
    assert older.chosen(known) == older.Older("release 0.2.0", commit)
    assert older.chosen(known).reported() == "release 0.2.0"


def test_a_commit_that_is_not_here_is_told_with_what_helps() -> None:
    with pytest.raises(StackError, match=r"commit 2{40}: .*may be shallow: git fetch --unshallow"):
        older.chosen([Release("0.2.0", "2" * 40, _DAY)])
