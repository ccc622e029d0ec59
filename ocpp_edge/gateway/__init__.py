"""The sockets of charge points: HTTP upgrade, WebSocket framing, pings, drain. The only importer of websockets.

Decides nothing about OCPP: a socket is a Transport with a Connection behind it.
"""

from ocpp_edge.gateway.server import Gateway
from ocpp_edge.gateway.settings import GatewaySettings

__all__ = ["Gateway", "GatewaySettings"]
