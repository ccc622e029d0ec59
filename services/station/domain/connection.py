"""Connections: who is online, on which edge node, with which epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from services.kernel.errors import invalid

USUAL_LEASE = timedelta(seconds=30)
_SHORTEST_LEASE = timedelta(seconds=5)
_LONGEST_LEASE = timedelta(seconds=300)


class ConnectionAttempt(NamedTuple):
    """What the edge knows of a charge point at its handshake; `protocol` is the preferred one of its `offers`."""

    charge_point_id: str
    protocol: str
    node: str
    node_address: str
    remote_address: str
    password: bytes | None
    certificate_common_name: str
    security_profile: int
    offers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """An open connection; `epoch` orders those of one charge point."""

    charge_point_id: str
    epoch: int
    protocol: str
    node: str
    node_address: str
    remote_address: str
    connected_time: datetime
    last_seen_time: datetime


class Newest(NamedTuple):
    """The newest connection of a charge point: its epoch, and whether it is open still."""

    epoch: int
    is_open: bool


class Opened(NamedTuple):
    """A connection that was let in, with the epoch that it got."""

    attempt: ConnectionAttempt
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedConnection:
    """A connection that ended, and why."""

    charge_point_id: str
    epoch: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """When something was last heard on a connection."""

    charge_point_id: str
    epoch: int
    last_seen_time: datetime


def holds(newest: Newest | None, epoch: int) -> bool:
    """Whether `epoch` is that of the open connection: only what comes with that one may change anything."""
    return newest is not None and newest.is_open and newest.epoch == epoch


def numbered(attempts: Sequence[ConnectionAttempt], newest: Mapping[str, Newest]) -> list[Opened]:
    """The connections that these attempts make, one after the other, each the newest of its charge point."""
    opened = []
    epochs = {charge_point_id: connection.epoch for charge_point_id, connection in newest.items()}
    for attempt in attempts:
        epoch = epochs[attempt.charge_point_id] = epochs.get(attempt.charge_point_id, 0) + 1
        opened.append(Opened(attempt, epoch))
    return opened


def lease_of(length: timedelta | None) -> timedelta:
    """How long the lease of an edge node lasts; None stands for the usual time. Raises: INVALID_FIELD."""
    lease = USUAL_LEASE if length is None else length
    if not _SHORTEST_LEASE <= lease <= _LONGEST_LEASE:
        raise invalid("lease", "must be between 5 and 300 seconds")
    return lease
