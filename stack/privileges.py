"""As whom PostgreSQL runs and which places that account can reach. No user is created, nobody's folders are opened up.

PostgreSQL refuses to run as root. A root user's stack runs it as the owner of its data, `nobody` at first; what lies
below a folder that only root may enter is then kept, or copied to, below /var/lib/csms.
"""

import hashlib
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

SHELTER = Path("/var/lib/csms")

_NOBODY = "nobody"


@dataclass(frozen=True)
class Account:
    """An account of this machine that a child runs as."""

    name: str
    uid: int
    gid: int


def account_for(directory: Path) -> Account | None:
    """The account to run as for data in `directory` (which need not exist); None: as we are."""
    if os.geteuid() != 0:
        return None
    if directory.exists() and directory.stat().st_uid != 0:
        owner = directory.stat()
        return Account(_name_of(owner.st_uid), owner.st_uid, owner.st_gid)
    entry = pwd.getpwnam(_NOBODY)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def can_write(account: Account | None, directory: Path) -> bool:
    """Whether the account reaches `directory` and may write there."""
    return _test(account, "-w", directory) and _test(account, "-x", directory)


def can_execute(account: Account | None, program: Path) -> bool:
    """Whether the account reaches `program` and may run it."""
    return _test(account, "-x", program)


def sheltered(place: Path) -> Path:
    """Where things that belong at `place` are kept when the account cannot get there; always the same for a place."""
    digest = hashlib.sha256(os.fsencode(place.resolve())).hexdigest()[:12]
    return SHELTER / digest


def _test(account: Account | None, what: str, path: Path) -> bool:
    # Asked of the system as that account: permission bits alone do not tell of access lists and mount options.
    finished = subprocess.run(
        ["test", what, str(path)],
        cwd="/",
        check=False,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    return finished.returncode == 0


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
