"""The services of the platform as the directory lists them."""

from dataclasses import dataclass
from enum import StrEnum


class ServiceStatus(StrEnum):
    """Whether a service can do its work."""

    SERVING = "SERVING"
    NOT_SERVING = "NOT_SERVING"
    UNREACHABLE = "UNREACHABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePlace:
    """Where a service is: inside the platform and at the facade."""

    name: str
    address: str
    public_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceHealth:
    """What a service says of itself."""

    status: ServiceStatus
    message: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class ServiceInfo:
    """A service with its health."""

    place: ServicePlace
    health: ServiceHealth
