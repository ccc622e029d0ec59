"""Lets the work that PostgreSQL does for those who go last go last as well: it has a process for every connection.

Decides nobody's priority. Linux only; elsewhere, and where the system refuses, everything stays as it is.
"""

import asyncio
import os
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

# Connections live long, and one that is new may go first for as long as this.
_LOOK_SECONDS = 1.0


async def keep_last(server: Callable[[], int | None], databases: Collection[str], niceness: int) -> None:
    """For ever give the backends of `databases` a niceness that is higher than the server's by `niceness`.

    `server` tells the pid of the server, which may be another one after a restart, or None while there is none.
    """
    while True:
        pid = server()
        if pid is not None:
            lower(pid, databases, niceness)
        await asyncio.sleep(_LOOK_SECONDS)


def lower(server: int, databases: Collection[str], niceness: int) -> None:
    """The same once, for the backends that `server` has now."""
    with suppress(OSError):
        wanted = os.getpriority(os.PRIO_PROCESS, server) + niceness
        for backend in map(int, Path(f"/proc/{server}/task/{server}/children").read_text().split()):
            with suppress(OSError):
                if _database(backend) in databases and os.getpriority(os.PRIO_PROCESS, backend) < wanted:
                    os.setpriority(os.PRIO_PROCESS, backend, wanted)


def _database(backend: int) -> str | None:
    """Whose work a process of the server does, by its title: `postgres: csms csms_billing 127.0.0.1(50630) idle`."""
    words = Path(f"/proc/{backend}/cmdline").read_text(errors="replace").split(" ")
    return words[2] if len(words) > 2 else None
