"""What must hold before anything is started: every port is free and the contracts are compiled. Starts nothing."""

import time
from collections.abc import Sequence

from stack import ports as tcp
from stack.errors import StackError
from stack.protos import UNCOMMENTED_SET
from stack.settings import StackSettings
from stack.topology import PORTS, PUBLIC_PORTS

# The children of a stack that was killed a moment ago are still closing their ports.
_PATIENCE_SECONDS = 1.0


def check(settings: StackSettings, patience_seconds: float = _PATIENCE_SECONDS) -> None:
    """Raise StackError when the stack could not come up; a taken port has that long to become free."""
    if not UNCOMMENTED_SET.exists():
        raise StackError(f"the contracts are not compiled: {UNCOMMENTED_SET.name} is missing; `make protos` makes it")
    needed = _needed(settings)
    _check_distinct(needed)
    give_up_at = time.monotonic() + patience_seconds
    while taken := [(name, number) for name, number in needed if _is_taken(name, number, settings.public_host)]:
        if time.monotonic() > give_up_at:
            raise StackError(_complaint(taken) + _warning(settings.port_offset))
        time.sleep(0.1)


def _needed(settings: StackSettings) -> list[tuple[str, int]]:
    outside = {"postgres": settings.database_url, "nats": settings.nats_url}
    return [(name, number) for name, number in settings.ports().everyone() if not outside.get(name)]


def _check_distinct(needed: Sequence[tuple[str, int]]) -> None:
    owners: dict[int, str] = {}
    for name, number in needed:
        if number in owners:
            raise StackError(f"port {number} is meant for both {owners[number]} and {name}; one must be set otherwise")
        owners[number] = name


def _is_taken(name: str, number: int, public_host: str) -> bool:
    try:
        return tcp.is_taken(number, public_host if name in PUBLIC_PORTS else tcp.LOOPBACK)
    except (OSError, OverflowError) as error:
        raise StackError(f"port {number} ({name}) cannot be used: {error}; {_remedy([name])}") from error


def _complaint(taken: Sequence[tuple[str, int]]) -> str:
    name, number = taken[0]
    others = f" and {len(taken) - 1} more are" if len(taken) > 1 else " is"
    return f"port {number} ({name}){others} in use; {_remedy([name for name, _ in taken])}"


def _warning(offset: int) -> str:
    """That a stack is moved to where outgoing connections take its ports now and then, if it is."""
    first = tcp.first_outgoing()
    greatest = first - 1 - max(PORTS.values())
    if offset <= greatest:
        return ""
    return f" (connections of this machine are given ports from {first}: an offset up to {greatest} stays below)"


def _remedy(names: Sequence[str]) -> str:
    if len(names) == 1 and names[0] in PUBLIC_PORTS:
        return f"{PUBLIC_PORTS[names[0]]} moves it alone, CSMS_PORT_OFFSET all ports of a stack"
    return "CSMS_PORT_OFFSET moves all ports of a stack"
