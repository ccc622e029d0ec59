"""What is measured, and how much of it: the classes of messages, the ways to the server, the sizes. Pure data."""

from collections.abc import Mapping
from dataclasses import dataclass, field

EDGE, ENVOY, NAIVE = "edge", "envoy", "naive"
"""The ways of a message: straight to the edge's own port, through Envoy's, or to the naive server."""

SECTIONS = ("fleet", "traffic", "connections", "storm", "reads", "growth")
SATURATION = "saturation"
# Messages a second that are offered where a goal is stated for them.
STATED_RATE = 2_000

# Whose database is whose.
DATABASE_OF: Mapping[str, str] = {
    "station": "stations",
    "driver": "drivers",
    "billing": "billing",
    "monitoring": "monitoring",
    "transaction": "charge_points",
}


@dataclass(frozen=True)
class MessageClass:
    """A class of messages. `service` commits or decides what it says; empty when the edge answers by itself.

    `says` is the mix of the generator when that has another name.
    """

    name: str
    title: str
    version: str
    service: str = ""
    naive: bool = True
    stated_rate: bool = False
    says: str = ""

    @property
    def mix(self) -> str:
        """What the generator's chargers say."""
        return self.says or self.name


_EVENTS = "TransactionEvent (started, 8 updated, ended)"
CLASSES = (
    MessageClass("heartbeat", "Heartbeat", "1.6"),
    MessageClass("status", "StatusNotification", "1.6", "station"),
    MessageClass("metervalues", "MeterValues", "1.6", "transaction", stated_rate=True),
    MessageClass("starts", "StartTransaction, StopTransaction", "1.6", "transaction", stated_rate=True),
    MessageClass("authorize", "Authorize", "1.6", "driver"),
    MessageClass("boot", "BootNotification", "1.6", "station"),
    MessageClass("transaction", _EVENTS, "2.0.1", "transaction", naive=False),
    MessageClass("transaction21", f"OCPP 2.1 {_EVENTS}", "2.1", "transaction", naive=False, says="transaction"),
)
CLASS_OF: Mapping[str, MessageClass] = {each.name: each for each in CLASSES}


@dataclass(frozen=True)
class Load:
    """A crowd that says a class of messages: so many a second in all, or (0) each as soon as the last was answered."""

    message: MessageClass
    chargers: int
    rate: float

    @property
    def title(self) -> str:
        """As it is told."""
        offered = f"{self.rate:g}/s" if self.rate else "saturation"
        return f"{self.message.title}: {offered} by {self.chargers} chargers"


_FEW, _MANY = 50, 400
LOADS: Mapping[str, Load] = {
    "lone-metervalues": Load(CLASS_OF["metervalues"], _FEW, 200),
    "lone-starts": Load(CLASS_OF["starts"], _FEW, 80),
    "dense-metervalues": Load(CLASS_OF["metervalues"], _MANY, STATED_RATE),
    "dense-starts": Load(CLASS_OF["starts"], _MANY, STATED_RATE),
    "few-metervalues": Load(CLASS_OF["metervalues"], _FEW, 0),
    "few-starts": Load(CLASS_OF["starts"], _FEW, 0),
    "many-metervalues": Load(CLASS_OF["metervalues"], _MANY, 0),
    "many-starts": Load(CLASS_OF["starts"], _MANY, 0),
}
SESSION, START, REST = "session", "start", "rest"
FRESH = (REST, START)
"""The rows for each of which a stack is started."""
FLEET = (*FRESH, *LOADS, SESSION)
"""The rows of section `fleet`."""


@dataclass(frozen=True)
class Sizes:
    """How much of everything. Times in seconds; `drains` says whether to wait for the end of backlogs in between."""

    rounds: int = 5
    connections: int = 400
    warmup: float = 0.5
    seconds: float = 2.0
    loads_percent: tuple[int, ...] = (25, 50, 75)
    drains: bool = True
    idle: int = 15_000
    charging: int = 2_000
    handshakes: int = 2_000
    storm: int = 10_000
    storms: int = 3
    longest_pause: float = 5.0
    probe_seconds: float = 10.0
    probers: int = 100
    readers: int = 32
    crowds: tuple[int, ...] = (1_000, 5_000, 15_000)
    fill_minutes: float = 10.0
    sections: tuple[str, ...] = SECTIONS
    classes: tuple[str, ...] = field(default=tuple(each.name for each in CLASSES))
    fleet: tuple[str, ...] = FLEET

    def registered(self, version: str) -> int:
        """How many charge points of a version of OCPP must be known."""
        needed = [self.connections if any(each.version == version for each in planned_classes(self)) else 0]
        if version == "1.6":
            needed.append(self.connections)
            if "growth" in self.sections:
                needed += self.crowds
            if "connections" in self.sections:
                needed += [self.idle, self.charging, self.handshakes]
            if "storm" in self.sections:
                needed.append(self.storm)
        if version == "2.0.1" and "connections" in self.sections:
            needed.append(self.probers)
        return max(needed)


QUICK = Sizes(
    rounds=1,
    connections=20,
    warmup=0.05,
    seconds=0.15,
    loads_percent=(50,),
    drains=False,
    idle=200,
    charging=50,
    handshakes=50,
    storm=100,
    storms=1,
    longest_pause=1.0,
    probe_seconds=0.5,
    probers=10,
    readers=4,
    crowds=(20, 100),
    fill_minutes=0.02,
)


def planned_classes(sizes: Sizes) -> list[MessageClass]:
    """The classes that are to be measured."""
    return [each for each in CLASSES if each.name in sizes.classes]


def path_us(cpu_us: Mapping[str, float], service: str) -> float:
    """Edge, service and PostgreSQL together: what a message costs until its answer. Envoy and those who follow are not
    in it; what PostgreSQL's own processes write for all is."""
    return sum(cpu_us.get(name, 0.0) for name in _on_path(service))


def followers_us(cpu_us: Mapping[str, float], service: str) -> float:
    """Everybody else but Envoy and the generator: those who follow by events, and their part of PostgreSQL."""
    path = _on_path(service)
    return sum(cpu for name, cpu in cpu_us.items() if name not in path and not _is_apart(name))


def _on_path(service: str) -> tuple[str, ...]:
    if service == NAIVE:
        return ("naive edge", "naive service", "postgres", "postgres naive")
    if not service:
        return (EDGE,)
    return (EDGE, service, "postgres", f"postgres {DATABASE_OF[service]}")


def _is_apart(name: str) -> bool:
    return name == ENVOY or name.startswith("generator") or NAIVE in name
