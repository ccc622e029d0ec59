"""The file `RELEASES`: which commit is which version, and what a person means by the name of a build. Reads only."""

import re
import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from stack.errors import StackError

PROJECT = Path(__file__).resolve().parents[1]
RELEASES = PROJECT / "RELEASES"

_VERSION = re.compile(r"\d+\.\d+\.\d+")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHALLOW = "it is not in this checkout, which may be shallow: git fetch --unshallow"


@dataclass(frozen=True)
class Release:
    """A version that was given to others. `date` is that of its commit."""

    version: str
    commit: str
    date: date


def load(file: Path = RELEASES) -> list[Release]:
    """The releases, oldest first. Raises StackError that names the line when the file is not as it should be."""
    try:
        return parse(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise StackError(f"the releases cannot be read: {error}") from error


def parse(text: str) -> list[Release]:
    """The releases that a text in the format of the file names, oldest first. Raises StackError that names the line."""
    found: list[Release] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        release = _release(line, f"RELEASES, line {number}")
        if any(release.version == known.version for known in found):
            raise StackError(f"RELEASES, line {number}: {release.version} is there twice")
        if found and release.date < found[-1].date:
            raise StackError(f"RELEASES, line {number}: {release.version} is older than {found[-1].version} before it")
        found.append(release)
    return found


def commit_of(name: str, project: Path = PROJECT) -> str:
    """The full commit that is meant by a version, or by whatever else git takes for a commit.

    A version comes first: a branch of that name does not count. Raises StackError when there is no such commit here.
    """
    releases = load(project / RELEASES.name)
    release = next((each for each in releases if each.version == name), None)
    asked = release.commit if release else name
    command = ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{asked}^{{commit}}"]
    try:
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    except OSError as error:
        raise StackError(f"git is needed to find {name!r}: {error}") from error
    if done.returncode == 0:
        return done.stdout.strip()
    if release:
        raise StackError(f"release {name} is commit {release.commit}: {_SHALLOW}")
    if _COMMIT.fullmatch(name):
        raise StackError(f"commit {name}: {_SHALLOW}")
    known = ", ".join(each.version for each in releases) or "none yet"
    raise StackError(f"{name!r} is neither a release ({known}) nor a commit of this checkout")


def _release(line: str, place: str) -> Release:
    words = line.split()
    if len(words) != 3:
        raise StackError(f"{place}: version, commit and date are wanted, not {line.strip()!r}")
    version, commit, day = words
    if not _VERSION.fullmatch(version):
        raise StackError(f"{place}: {version!r} is no version such as 0.1.0")
    if not _COMMIT.fullmatch(commit):
        raise StackError(f"{place}: {commit!r} is no full commit (40 hexadecimal digits)")
    try:
        return Release(version, commit, date.fromisoformat(day))
    except ValueError as error:
        raise StackError(f"{place}: {day!r} is no date such as 2026-11-26") from error
