"""Room for one more stack on this machine: an offset of its ports that nobody else is given while it is used.

For whatever starts stacks beside others: tests, the benchmark, chaos. `csms up` takes the ports it is told.
"""

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from stack.errors import StackError
from stack.ports import LOOPBACK, is_taken
from stack.topology import PORTS, Ports

# Two of them have no port in common, with up to two replicas. All ports lie below those of outgoing connections.
OFFSETS = range(2_030, 17_000, 290)
# Moved by the offset like the others: whoever has bound this one has the offset. On no port of any of these stacks.
CLAIM = 12_000


@contextmanager
def claimed_offset(replicas: int = 1) -> Iterator[int]:
    """An offset for a stack, for the length of the block. Raises StackError when there is no room."""
    for offset in random.sample(OFFSETS, len(OFFSETS)):
        with socket.socket() as claim:
            try:
                claim.bind((LOOPBACK, CLAIM + offset))
            except OSError:
                continue
            if not any(is_taken(number) for _, number in moved(offset, replicas).everyone()):
                yield offset
                return
    raise StackError("there is no room for another stack on this machine")


def moved(offset: int, replicas: int = 1) -> Ports:
    """The ports of a stack at this offset."""
    return Ports({name: number + offset for name, number in PORTS.items()}, replicas)
