"""The services of the platform as the directory lists them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ServiceStatus(StrEnum):
    """Whether a service can do its work."""

    SERVING = "SERVING"
    NOT_SERVING = "NOT_SERVING"
    UNREACHABLE = "UNREACHABLE"


class TaskState(StrEnum):
    """How a background task does."""

    WORKING = "WORKING"
    FAILING = "FAILING"
    STUCK = "STUCK"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundTask:
    """What a replica of a service does besides answering; see csms.health.v1.BackgroundTask."""

    name: str
    state: TaskState
    replica: str
    failures: int = 0
    error: str = ""
    progress_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePlace:
    """Where a service is: inside the platform and at the facade. Of several replicas the addresses, with commas."""

    name: str
    address: str
    public_port: int

    @property
    def replicas(self) -> Sequence[str]:
        """The address of each replica. A name that stands for several counts as one."""
        return self.address.split(",")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceHealth:
    """What a service says of itself, by the replica that does best; with the background tasks of all."""

    status: ServiceStatus
    message: str
    version: str = ""
    tasks: Sequence[BackgroundTask] = ()


@dataclass(frozen=True, slots=True)
class ServiceInfo:
    """A service with its health."""

    place: ServicePlace
    health: ServiceHealth
