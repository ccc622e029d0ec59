"""The file of releases says which commit is which version; what is wrong in it is told by its line."""

import subprocess
from datetime import date
from pathlib import Path

import pytest

from stack import releases
from stack.errors import StackError
from stack.releases import PROJECT, Release

_FIRST, _SECOND = "1" * 40, "2" * 40


def test_the_releases_of_this_product_are_read() -> None:
    first = releases.load()[0]
    assert first == Release("0.1.0", "817e2decb2bdcb5a70107e7200099ce2fd54d10b", date(2026, 11, 26))


def test_a_release_is_a_commit_before_this_one() -> None:
    for each in releases.load():
        command = ["git", "merge-base", "--is-ancestor", each.commit, "HEAD"]
        known = subprocess.run(["git", "cat-file", "-e", each.commit], cwd=PROJECT, capture_output=True, check=False)
        if known.returncode == 0:  # a shallow checkout has not got it
            assert subprocess.run(command, cwd=PROJECT, check=False).returncode == 0, each


def test_lines_are_read_in_their_order_without_remarks_and_empty_ones() -> None:
    text = f"# what this is\n\n0.1.0  {_FIRST}  2026-11-26\n  # indented\n0.2.0 {_SECOND} 2026-12-01\n"
    assert releases.parse(text) == [
        Release("0.1.0", _FIRST, date(2026, 11, 26)),
        Release("0.2.0", _SECOND, date(2026, 12, 1)),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("0.2.0", "version, commit and date are wanted"),
        (f"0.2.0 {_SECOND} 2026-12-01 late", "version, commit and date are wanted"),
        (f"v0.2 {_SECOND} 2026-12-01", "no version such as"),
        ("0.2.0 2222222 2026-12-01", "no full commit"),
        (f"0.2.0 {_SECOND} 1.12.2026", "no date such as"),
        (f"0.2.0 {_SECOND} 2026-02-30", "no date such as"),
        (f"0.1.0 {_SECOND} 2026-12-01", "is there twice"),
        (f"0.2.0 {_SECOND} 2026-11-25", "is older than 0.1.0"),
    ],
)
def test_a_line_that_says_something_else_is_named(line: str, reason: str) -> None:
    with pytest.raises(StackError, match=rf"RELEASES, line 2: .*{reason}"):
        releases.parse(f"0.1.0 {_FIRST} 2026-11-26\n{line}\n")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of two commits, the first of which is a release."""
    for words in (
        ["init", "--quiet"],
        *(["commit", "--quiet", "--allow-empty", "--message", str(each)] for each in "12"),
    ):
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True)
    (tmp_path / "RELEASES").write_text(f"0.1.0 {_commit(tmp_path, 'HEAD~1')} 2026-11-26\n0.2.0 {_SECOND} 2026-12-01\n")
    return tmp_path


def _commit(repository: Path, name: str) -> str:
    reported = subprocess.run(["git", "rev-parse", name], cwd=repository, capture_output=True, text=True, check=True)
    return reported.stdout.strip()


def test_a_build_is_named_by_its_version_or_as_git_names_commits(repository: Path) -> None:
    newest = _commit(repository, "HEAD")
    assert releases.commit_of("0.1.0", repository) == _commit(repository, "HEAD~1")
    assert [releases.commit_of(name, repository) for name in ("HEAD", newest, newest[:8])] == [newest] * 3


def test_what_names_no_commit_is_refused_with_the_reason(repository: Path) -> None:
    with pytest.raises(StackError, match=r"'0\.3\.0' is neither a release \(0\.1\.0, 0\.2\.0\) nor a commit"):
        releases.commit_of("0.3.0", repository)
    with pytest.raises(StackError, match=r"release 0\.2\.0 is commit 2+: it is not in this checkout"):
        releases.commit_of("0.2.0", repository)
    with pytest.raises(StackError, match=r"commit 1+: it is not in this checkout, which may be shallow"):
        releases.commit_of(_FIRST, repository)
    with pytest.raises(StackError, match="neither a release"):
        releases.commit_of("--all", repository)
