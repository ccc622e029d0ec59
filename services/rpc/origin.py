"""Where a call comes from: the address of its caller as Envoy tells it, who proves to be Envoy; else of who connects.

Envoy writes both headers over whatever callers send. Decides nothing by the address.
"""

import hmac
from typing import Any
from urllib.parse import unquote

import grpc.aio

ADDRESS_KEY = "x-csms-caller-address"
PROOF_KEY = "x-csms-proxy-secret"


class TrustedProxy:
    """The Envoy that knows `secret`. Without a secret there is none, and nobody's word is taken."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def caller_address(self, context: grpc.aio.ServicerContext[Any, Any]) -> str:
        """The address of the caller without its port."""
        metadata = {key: str(value) for key, value in context.invocation_metadata() or ()}
        proof, address = metadata.get(PROOF_KEY, "").encode(), metadata.get(ADDRESS_KEY, "")
        if self._secret and address and hmac.compare_digest(proof, self._secret):
            return address
        return _without_port(context.peer())


def _without_port(peer: str) -> str:
    """`ipv4:127.0.0.1:5` and `ipv6:%5B::1%5D:5` as addresses; anything else as it is."""
    kind, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else peer
