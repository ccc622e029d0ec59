"""Holds proto/ against its rules: format, style, comments, and compatibility with what clients rely on.

Numbers and types on the wire stay what main has. Names in JSON stay what the newest release of our minor version has: a
new minor version may change them, and CHANGELOG.md says each. `python -m stack.contract_checks` needs no network.
"""

import io
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

from stack import protos, releases
from stack.errors import StackError

_RULES = "buf.yaml"
# Of the rules of buf, that clients of gRPC, and that those of REST can go on.
_WIRE, _NAMES = (
    '{"version": "v2", "breaking": {"use": ["WIRE"]}}',
    '{"version": "v2", "breaking": {"use": ["WIRE_JSON"]}}',
)


class CheckFailed(Exception):
    """The contracts break a rule; the findings are already on stdout or stderr."""


def check_format(root: Path) -> None:
    """Every proto is formatted as `buf format` would. Prints the difference and raises CheckFailed when not."""
    if _buf("format", str(root), "--diff", "--exit-code") != 0:
        raise CheckFailed("format differs: run `make format`")


def check_style(image: Path, rules: Path) -> None:
    """The descriptor set keeps the lint rules. Prints each finding and raises CheckFailed when not."""
    if _buf("lint", str(image), "--config", str(rules)) != 0:
        raise CheckFailed("style rules are broken (see above)")


def check_compatibility(image: Path, published: Path, rules: str) -> None:
    """A client of the `published` descriptor set can talk to a server of `image`. Raises CheckFailed when not."""
    if _buf("breaking", str(image), "--against", str(published), "--config", rules) != 0:
        raise CheckFailed("published contracts would break (see above)")


def published_revision(checkout: Path) -> str | None:
    """The commit whose contracts clients already rely on, or None when the checkout has no such history.

    That is where this branch left main; on main itself, with nothing changed yet, the commit before.
    """
    for main in ("origin/main", "main"):
        base = _git(checkout, "merge-base", "HEAD", main)
        if base is None:
            continue
        revision = base.decode().strip()
        if _git(checkout, "diff", "--quiet", revision, "--", "proto") is not None:
            previous = _git(checkout, "rev-parse", "--verify", "--quiet", f"{revision}^1")
            return previous.decode().strip() if previous else None
        return revision
    return None


def released_revision(checkout: Path) -> str | None:
    """The commit of the newest release of the minor version that this checkout becomes; None when there is none yet.

    Raises StackError when RELEASES cannot be read.
    """
    project, file = checkout / "pyproject.toml", checkout / releases.RELEASES.name
    if not project.exists() or not file.exists():
        return None
    ours = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"].split(".")[:2]
    newest = releases.load(file)[-1:]
    return newest[0].commit if newest and newest[0].version.split(".")[:2] == ours else None


def extract_protos(checkout: Path, revision: str, target: Path) -> bool:
    """Write proto/ as it was at `revision` below `target`. Returns False when there was none."""
    archive = _git(checkout, "archive", "--format=tar", revision, "proto")
    if archive is None:
        return False
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(target, filter="data")
    return any(target.rglob("*.proto"))


def run(root: Path = protos.PROTO_ROOT) -> None:
    """All checks in order. Raises CheckFailed or protos.GenerationError at the first that fails."""
    rules = root / _RULES
    check_format(root)
    with tempfile.TemporaryDirectory() as scratch:
        image, published = Path(scratch, "now.binpb"), Path(scratch, "published.binpb")
        protos.compile_descriptor_set(root, image, strict=True)
        check_style(image, rules)
        revision = published_revision(root.parent)
        if revision is None:
            print("contracts: compatibility not checked: this checkout has no earlier commit of main")
        elif not extract_protos(root.parent, revision, Path(scratch)):
            print(f"contracts: compatibility not checked: main had no protos at {revision[:12]}")
        else:
            protos.compile_descriptor_set(Path(scratch, "proto"), published)
            check_compatibility(image, published, _WIRE)
            print(f"contracts: compatible with {revision[:12]}")
        released = released_revision(root.parent)
        if released is not None and extract_protos(root.parent, released, Path(scratch, "released")):
            protos.compile_descriptor_set(Path(scratch, "released", "proto"), published)
            check_compatibility(image, published, _NAMES)
            print(f"contracts: the same names as in {released[:12]}")


def main() -> int:
    """Command line: 0 when the contracts keep every rule, 1 with the findings and a reason on stderr."""
    try:
        run()
    except (CheckFailed, StackError, protos.GenerationError) as error:
        print(f"contracts: {error}", file=sys.stderr)
        return 1
    return 0


def _buf(*arguments: str) -> int:
    return subprocess.run([protos.tool("buf"), *arguments], check=False).returncode


def _git(checkout: Path, *arguments: str) -> bytes | None:
    """Output of a git command run in the checkout; None when git is missing or the command fails."""
    try:
        result = subprocess.run(["git", "-C", str(checkout), *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return result.stdout if result.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main())
