"""How much waits while somebody stands still, as seen from outside: a fault that lets nothing gather proves nothing."""

import re
import urllib.error
import urllib.request
from collections.abc import Sequence

import psycopg

from chaos.stored import DATABASES
from chaos.system import System
from stack.ports import LOOPBACK
from stack.topology import EDGE

_LENGTH = re.compile(r'^batch_queue_length\{batcher="record transaction events"\} (\S+)$', re.MULTILINE)
_PATIENCE_SECONDS = 1.0


def waiting(system: System, stopped: Sequence[str]) -> int:
    """What waits for these processes just now: events in the outboxes for NATS, else messages of charge points at the
    edges. Who cannot be asked, because that one is just broken as well, has nothing."""
    if "nats" in stopped:
        return sum(_unpublished(system.database_url(name)) for name in DATABASES.values())
    return sum(_queued(system.ports.metrics(EDGE, replica)) for replica in range(system.ports.replicas))


def queue_length(page: str) -> int:
    """What a page of metrics says of the messages that wait to be recorded."""
    return sum(int(float(length)) for length in _LENGTH.findall(page))


def _queued(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=_PATIENCE_SECONDS) as answer:
            return queue_length(answer.read().decode())
    except (OSError, urllib.error.URLError):
        return 0


def _unpublished(url: str) -> int:
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=2) as connection:
            row = connection.execute(b"SELECT count(*) FROM outbox WHERE publish_time IS NULL").fetchone()
            return row[0] if row else 0
    except psycopg.Error:
        return 0
