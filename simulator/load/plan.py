"""What a load run is to do, and how it is cut into processes."""

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import quote, urlsplit


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
class Share:
    """What one process does. `rate` is this process's messages a second, 0 for as many as are answered."""

    target: Target
    identities: list[str]
    tags: list[str]
    first_number: int
    version: str
    mix: str
    rate: float
    warmup_seconds: float
    seconds: float


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
    def identities(self) -> list[str]:
        """PREFIX00001 and so on."""
        return [f"{self.id_prefix}{number:05}" for number in range(1, self.connections + 1)]

    @property
    def tags(self) -> list[str]:
        """The card of each charger."""
        return [self.id_tag or identity for identity in self.identities]

    def shares(self) -> list[Share]:
        """The plan cut into processes, as evenly as it goes."""
        identities, tags = self.identities, self.tags
        count = min(self.processes, self.connections)
        cuts = [self.connections * part // count for part in range(count + 1)]
        return [
            Share(
                target=self.target,
                identities=identities[begin:end],
                tags=tags[begin:end],
                first_number=begin,
                version=self.version,
                mix=self.mix,
                rate=self.rate * (end - begin) / self.connections,
                warmup_seconds=self.warmup_seconds,
                seconds=self.seconds,
            )
            for begin, end in pairwise(cuts)
        ]
