"""Files that only their owner may read: secrets and whatever contains them. Written whole or not at all."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write(file: Path, text: str, mode: int = 0o600) -> None:
    """Write `file`, replacing an older one in one step; at no moment may others read it, unless `mode` says so."""
    descriptor, scratch = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    with open(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)
        os.fchmod(handle.fileno(), mode)
    os.replace(scratch, file)


def secret(file: Path, make: Callable[[], str]) -> str:
    """The secret kept in `file`, made at first use."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        write(file, make())
    return file.read_text(encoding="utf-8")
