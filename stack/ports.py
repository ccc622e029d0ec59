"""TCP ports of this machine: which are free, taken, or listening. Opens nothing for longer than a look."""

import errno
import random
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
# Linux tells, and any other system keeps to the range that IANA says (RFC 6335, section 6).
_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
_HIGHEST = 65_535
_OUTGOING_ELSEWHERE = (49_152, _HIGHEST)
# How often a free port is looked for before it is left to the system.
_LOOKS = 100


def free_port() -> int:
    """A loopback port that nobody listens on right now.

    Above those of outgoing connections where there is room: one of these may be gone before its server is up. Which one
    is left to luck, since others may look at the same time.
    """
    above = range(_outgoing()[1] + 1, _HIGHEST + 1)
    for port in random.sample(above, min(len(above), _LOOKS)):
        if not is_taken(port):
            return port
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def first_outgoing() -> int:
    """The lowest port that this machine gives to connections it makes itself; such a port comes and goes."""
    return _outgoing()[0]


def _outgoing() -> tuple[int, int]:
    try:
        first, last = map(int, _OUTGOING.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return _OUTGOING_ELSEWHERE
    return first, last


def is_taken(port: int, host: str = LOOPBACK) -> bool:
    """Whether somebody listens on `host:port` already. Raises OSError when the port may not be used at all."""
    with socket.socket() as probe:
        # Connections of a stopped server that linger in TIME_WAIT do not make its port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise
    return False


def is_listening(port: int, host: str = LOOPBACK) -> bool:
    """Whether a connection to `host:port` is accepted."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0
