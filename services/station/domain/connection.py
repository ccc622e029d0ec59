"""Connections: who is online, on which edge node, with which epoch."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionAttempt:
    """What the edge knows of a charge point at its handshake."""

    charge_point_id: str
    protocol: str
    node: str
    node_address: str
    remote_address: str
    password: bytes | None
    certificate_common_name: str
    security_profile: int


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
