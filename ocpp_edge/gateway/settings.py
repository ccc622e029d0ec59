"""Where the gateway listens, and its bounds. Plain data."""

import ssl
from dataclasses import dataclass, field

from ocpp_edge.admission.peer import Proxies
from ocpp_edge.rpc.environment import Liveness


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Where to listen, and the bounds. Zero takes a free port; all times in seconds.

    `max_message_bytes` closes the socket with 1009; it lies above frames.MAX_FRAME_BYTES, which costs an error answer
    only. `open_timeout` is all that a handshake may take, TLS and headers that trickle included.
    `max_connections_per_address` counts those that wait to be let in as well.
    """

    host: str = "127.0.0.1"
    port: int = 0
    tls: ssl.SSLContext | None = None
    minimum_security_profile: int = 0
    proxies: Proxies = field(default_factory=Proxies)
    max_connections: int = 20_000
    max_connections_per_address: int = 20_000
    max_message_bytes: int = 1024 * 1024
    open_timeout: float = 10.0
    close_timeout: float = 5.0
    liveness: Liveness = field(default_factory=Liveness)
