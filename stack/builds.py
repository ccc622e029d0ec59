"""Builds of the product that can be started beside each other: this checkout, and older ones with what they need.

An older build is a git worktree of its commit with an environment of its own, kept under its commit, so that only its
first use takes a minute. What may be asked of every build: `csms up --no-demo` with CSMS_PORT_OFFSET and
CSMS_STATE_DIR, `csms token`, `csms load --register`, and what a stack writes into its state directory (`running.json`,
`processes.json`).
"""

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from stack.errors import StackError
from stack.releases import PROJECT

_LOCK_FILE = "requirements.lock"
_ENVIRONMENT = ".venv"
_OUR_COMMAND = "csms"
_NAME_LENGTH = 12
# Of a make that runs us: it speaks to its own children by them. Of our environment: it would lead theirs astray.
_NOT_THEIRS = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Build:
    """A checkout with its environment. `root` is the checkout; `python` runs it."""

    root: Path
    python: Path

    def command(self, *words: str) -> list[str]:
        """The `csms` command of this build."""
        return [str(self.python), "-m", "stack.cli", *words]

    def environment(self, settings: Mapping[str, str], without: Collection[str] = ()) -> dict[str, str]:
        """Ours with `settings`, for a process of this build wherever it runs: all that it imports is the build's."""
        left_out = {*_NOT_THEIRS, *without}
        inherited = {name: value for name, value in os.environ.items() if name not in left_out}
        path = os.pathsep.join((str(self.root), str(self.root / "proto")))
        return {**inherited, **settings, "PYTHONPATH": path}


def ours() -> Build:
    """This checkout as it is, with what was changed and not committed."""
    return Build(PROJECT, Path(sys.executable))


def described(build: Build) -> str:
    """What git calls the commit of a build; `-dirty` says that it is not quite that."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        found = subprocess.run(command, cwd=build.root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def of_commit(commit: str, folder: Path) -> Build:
    """The build of a commit, kept in `folder`: made when it is not there, which takes a minute and the network.

    One that needs no package that we have not, in the same version, borrows ours and takes seconds. Raises StackError.
    """
    root = folder.absolute() / commit[:_NAME_LENGTH]
    build = Build(root, root / _ENVIRONMENT / "bin" / "python")
    with _held(folder):
        if not (root / ".git").exists():
            _check_out(commit, root)
        if not build.python.exists() and _needs_what_we_have(root):
            _borrow(root / _ENVIRONMENT, root)
        # Does nothing when everything is there already.
        python = str(Path(sys.executable).resolve())
        _run(["make", "install", "protos", f"PYTHON={python}"], root, "its environment could not be made")
    return build


def remove(folder: Path) -> None:
    """Delete all builds that are kept in `folder`, and what git knows of them."""
    if folder.exists():
        shutil.rmtree(folder)
        # Without git nothing was made by it.
        with suppress(StackError):
            _run(["git", "worktree", "prune"], PROJECT, "")


def _check_out(commit: str, root: Path) -> None:
    # What is left of one that was interrupted or deleted by hand is in the way.
    shutil.rmtree(root, ignore_errors=True)
    _run(["git", "worktree", "prune"], PROJECT, "the worktrees of this checkout cannot be told")
    _run(["git", "worktree", "add", "--quiet", "--detach", str(root), commit], PROJECT, f"no worktree of {commit}")


def _needs_what_we_have(root: Path) -> bool:
    is_installed = (PROJECT / _ENVIRONMENT / ".installed").exists() and Path(sys.prefix) == PROJECT / _ENVIRONMENT
    return is_installed and locked_packages(_lock_of(root)) <= locked_packages(_lock_of(PROJECT))


def locked_packages(lock: str) -> frozenset[str]:
    """The packages in the text of a lock, each as `name==version` and the platforms it is for."""
    lines = (line.removesuffix("\\").strip() for line in lock.splitlines())
    return frozenset(line for line in lines if "==" in line.partition(";")[0])


def _lock_of(root: Path) -> str:
    return (root / _LOCK_FILE).read_text(encoding="utf-8")


def _borrow(environment: Path, checkout: Path) -> None:
    """Make an environment that finds the packages of ours, and nothing of our checkout."""
    venv.create(environment, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    # Of the folder only what is in it counts, not the .pth files there, one of which leads to our checkout.
    lines = (str(checkout), str(checkout / "proto"), sysconfig.get_path("purelib"))
    (packages / "borrowed.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for tool in (PROJECT / _ENVIRONMENT / "bin").iterdir():
        place = environment / "bin" / tool.name
        if tool.name != _OUR_COMMAND and not place.exists():
            place.symlink_to(tool)
    # What `make install` leaves where it is done: the place, and a stamp.
    (environment / ".checkout").write_text(f"{checkout}\n", encoding="utf-8")
    (environment / ".installed").touch()


def _run(command: Sequence[str], directory: Path, failure: str) -> None:
    inherited = {name: value for name, value in os.environ.items() if name not in _NOT_THEIRS}
    try:
        done = subprocess.run(command, cwd=directory, env=inherited, capture_output=True, text=True, check=False)
    except OSError as error:
        raise StackError(f"{failure}: {error}") from error
    if done.returncode != 0:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()] or ["it said nothing"]
        raise StackError(f"{failure}: {' '.join(command[:3])} in {directory} said: {lines[-1].strip()}")


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """One at a time makes builds in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "making.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
