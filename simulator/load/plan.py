"""What a load run is to do: chargers, stretches of load, and how both are cut into processes. Pure data."""

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from urllib.parse import quote, urlsplit

from simulator.load.charger import MIXES, Kind


@dataclass(frozen=True)
class Target:
    """Where to connect. `ca` is a file of certificates to trust for wss://; a password goes with every connection."""

    url: str
    ca: str | None = None
    password: bytes | None = None

    @property
    def tls(self) -> ssl.SSLContext | None:
        """The TLS settings, None for ws://."""
        return ssl.create_default_context(cafile=self.ca) if self.url.startswith("wss://") else None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "localhost", parts.port or (443 if parts.scheme == "wss" else 80)

    def path(self, identity: str) -> str:
        """The request target of a charger."""
        return f"{urlsplit(self.url).path.rstrip('/')}/{quote(identity, safe='')}"

    def authorization(self, identity: str) -> str | None:
        """The Authorization header of a charger."""
        if self.password is None:
            return None
        return "Basic " + base64.b64encode(identity.encode() + b":" + self.password).decode()


@dataclass(frozen=True)
class Window:
    """A stretch of load: `seconds` are measured, after a warm-up. `rate` is messages a second, 0 for saturation."""

    mix: str
    rate: float
    warmup_seconds: float
    seconds: float

    def part(self, fraction: float) -> "Window":
        """What falls to a process that has this part of the chargers."""
        return replace(self, rate=self.rate * fraction)


@dataclass(frozen=True)
class Share:
    """The chargers of one process; `fraction` is its part of all. `greeting` is said once by each when it connects."""

    target: Target
    identities: list[str]
    tags: list[str]
    first_number: int
    fraction: float
    version: str
    mix: str
    greeting: tuple[Kind, ...]


@dataclass(frozen=True)
class LoadPlan:
    """What to do. `rate` is messages a second in all, 0 for saturation; `pids` are the processes to watch, by name.

    Tags are one for all, or each charger's own id.
    """

    target: Target
    connections: int
    seconds: float
    mix: str
    rate: float
    version: str
    id_prefix: str
    id_tag: str | None
    warmup_seconds: float
    processes: int
    pids: Mapping[str, int]

    @property
    def window(self) -> Window:
        """The stretch of load that is wanted."""
        return Window(self.mix, self.rate, self.warmup_seconds, self.seconds)

    @property
    def crowd(self) -> "Crowd":
        """The chargers that are wanted."""
        greeting = (Kind.BOOT, Kind.START) if Kind.METER_VALUES in MIXES[self.mix] else (Kind.BOOT,)
        return Crowd(self.target, self.identities, self.tags, self.version, self.mix, self.processes, greeting)

    @property
    def identities(self) -> list[str]:
        """PREFIX00001 and so on."""
        return [f"{self.id_prefix}{number:05}" for number in range(1, self.connections + 1)]

    @property
    def tags(self) -> list[str]:
        """The card of each charger."""
        return [self.id_tag or identity for identity in self.identities]


@dataclass(frozen=True)
class Crowd:
    """Chargers that connect together, and what each says first. `mix` is what they would say then."""

    target: Target
    identities: list[str]
    tags: list[str]
    version: str = "1.6"
    mix: str = "heartbeat"
    processes: int = 1
    greeting: tuple[Kind, ...] = (Kind.BOOT,)

    def shares(self) -> list[Share]:
        """The crowd cut into processes, as evenly as it goes."""
        total = len(self.identities)
        count = min(self.processes, total)
        cuts = [total * part // count for part in range(count + 1)]
        return [
            Share(
                target=self.target,
                identities=self.identities[begin:end],
                tags=self.tags[begin:end],
                first_number=begin,
                fraction=(end - begin) / total,
                version=self.version,
                mix=self.mix,
                greeting=self.greeting,
            )
            for begin, end in pairwise(cuts)
        ]
