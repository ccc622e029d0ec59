"""Which older build is taken: the newest release, if its commit is to be had."""

from datetime import date

import pytest

from stack import releases
from stack.errors import StackError
from stack.releases import Release
from tests.contract.releases import older

_DAY = date(2026, 11, 30)


def test_the_newest_release_is_taken() -> None:
    try:
        commit = releases.commit_of("HEAD")
    except StackError as error:
        pytest.skip(f"history is needed: {error}")
    known = [Release("0.1.0", "1" * 40, _DAY), Release("0.2.0", commit, _DAY)]
    assert older.chosen(known) == older.Older("release 0.2.0", commit)


def test_a_commit_that_is_not_here_is_told_with_what_helps() -> None:
    with pytest.raises(StackError, match=r"commit 2{40}: .*may be shallow: git fetch --unshallow"):
        older.chosen([Release("0.2.0", "2" * 40, _DAY)])
