"""Holds proto/ against its rules: format, style, comments, and compatibility with what main has published.

Run as `python -m stack.contract_checks`; needs no network. The rules themselves are in proto/buf.yaml.
"""

import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from stack import protos

_RULES = "buf.yaml"


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


def check_compatibility(image: Path, published: Path, rules: Path) -> None:
    """A client of the `published` descriptor set can talk to a server of `image`. Raises CheckFailed when not."""
    if _buf("breaking", str(image), "--against", str(published), "--config", str(rules)) != 0:
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
            check_compatibility(image, published, rules)
            print(f"contracts: compatible with {revision[:12]}")


def main() -> int:
    """Command line: 0 when the contracts keep every rule, 1 with the findings and a reason on stderr."""
    try:
        run()
    except (CheckFailed, protos.GenerationError) as error:
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
