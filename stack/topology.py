"""Who is in the stack and on which port: the services, their replicas, the engines and the public entrances.

Pure data and arithmetic.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

SERVICES = ("station", "driver", "billing", "monitoring", "transaction")
EDGE = "edge"

# Who only follows what the others did, by events: they go last when there is not enough of the processor (ADR 30).
FOLLOWERS = frozenset({"billing", "monitoring"})
FOLLOWERS_NICENESS = 10

Sharing = Literal["one", "two", "each"]
# Who shares a process (ADR 79): all, or those that charge points wait for beside those who follow, or nobody.
SHARING: Mapping[Sharing, Sequence[tuple[str, ...]]] = {
    "one": ((EDGE, *SERVICES),),
    "two": (
        (EDGE, *(name for name in SERVICES if name not in FOLLOWERS)),
        tuple(name for name in SERVICES if name in FOLLOWERS),
    ),
    "each": tuple((name,) for name in (*SERVICES, EDGE)),
}
# Between the names of those that share a process, in the name of that.
TOGETHER = "+"

# The public entrances and the variable that moves each alone; the offset moves all.
PUBLIC_PORTS: Mapping[str, str] = {
    "gateway": "GATEWAY_PORT",
    "station": "STATION_PORT",
    "driver": "DRIVER_PORT",
    "billing": "BILLING_PORT",
    "monitoring": "MONITORING_PORT",
    "transaction": "TRANSACTION_PORT",
    "ocpp": "OCPP_WEBSOCKET_PORT",
}

PORTS: Mapping[str, int] = {
    "gateway": 3000,
    "station": 3001,
    "driver": 3002,
    "billing": 3003,
    "monitoring": 3004,
    "transaction": 4001,
    "ocpp": 4000,
    "envoy admin": 9901,
    "station process": 13001,
    "driver process": 13002,
    "billing process": 13003,
    "monitoring process": 13004,
    "transaction process": 14001,
    "edge process": 14000,
    "edge websocket": 14100,
    "station files": 13101,
    "station metrics": 13201,
    "driver metrics": 13202,
    "billing metrics": 13203,
    "monitoring metrics": 13204,
    "transaction metrics": 13205,
    "edge metrics": 13206,
    "nats": 14222,
    "postgres": 15432,
}

# Far enough apart that ten replicas of one process never meet another's ports.
REPLICA_STEP = 10


def who_runs_in(process: str) -> list[str]:
    """The services and the edge that run in a process of this name: one in `billing-2`, two in `billing+monitoring`."""
    return process.partition("-")[0].split(TOGETHER)


@dataclass(frozen=True)
class Ports:
    """The ports of one stack: by name for the first replica, by arithmetic for the others. Replicas count from 0."""

    numbers: Mapping[str, int]
    replicas: int = 1

    def __getitem__(self, name: str) -> int:
        return self.numbers[name]

    def process(self, name: str, replica: int = 0) -> int:
        """The internal gRPC port of a service or the edge."""
        return self[f"{name} process"] + replica * REPLICA_STEP

    def websocket(self, replica: int = 0) -> int:
        """The internal WebSocket port of an edge."""
        return self["edge websocket"] + replica * REPLICA_STEP

    def metrics(self, name: str, replica: int = 0) -> int:
        """Where a service or the edge tells its numbers."""
        return self[f"{name} metrics"] + replica * REPLICA_STEP

    def files(self, replica: int = 0) -> int:
        """Where a station service serves files to Envoy."""
        return self["station files"] + replica * REPLICA_STEP

    def processes(self, name: str) -> list[int]:
        """The internal gRPC ports of all replicas of a service or the edge."""
        return [self.process(name, replica) for replica in range(self.replicas)]

    def websockets(self) -> list[int]:
        """The internal WebSocket ports of all edges."""
        return [self.websocket(replica) for replica in range(self.replicas)]

    def everyone(self) -> Iterator[tuple[str, int]]:
        """Every port with its name, those of the replicas included."""
        for name, number in self.numbers.items():
            replicated = name.endswith((" process", " metrics")) or name in ("edge websocket", "station files")
            for replica in range(self.replicas if replicated else 1):
                yield name, number + replica * REPLICA_STEP
