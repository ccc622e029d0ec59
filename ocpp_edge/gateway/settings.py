"""Where the gateway listens, and its bounds. Plain data."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

from ocpp_edge.environment import Liveness
from ocpp_edge.peer import Network


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Where to listen, and the bounds. Zero takes a free port; all times in seconds.

    `max_message_bytes` closes the socket with 1009; it lies above frames.MAX_FRAME_BYTES, which costs an error answer
    only. `trusted_proxies` are the networks whose forwarding headers are believed.
    """

    host: str = "127.0.0.1"
    port: int = 0
    tls: ssl.SSLContext | None = None
    minimum_security_profile: int = 0
    trusted_proxies: Sequence[Network] = ()
    max_connections: int = 20_000
    max_message_bytes: int = 1024 * 1024
    open_timeout: float = 10.0
    close_timeout: float = 5.0
    liveness: Liveness = field(default_factory=Liveness)
