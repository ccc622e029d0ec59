"""TCP ports of this machine: which are free, taken, or listening. Opens nothing for longer than a look."""

import errno
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
# Linux tells, and any other system keeps to the range that IANA says (RFC 6335, section 6).
_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
_OUTGOING_ELSEWHERE = 49_152


def free_port() -> int:
    """A loopback port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def first_outgoing() -> int:
    """The lowest port that this machine gives to connections it makes itself; such a port comes and goes."""
    try:
        return int(_OUTGOING.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return _OUTGOING_ELSEWHERE


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
