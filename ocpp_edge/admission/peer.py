"""Who is at the other end of a socket: address, TLS and certificate, directly or through a proxy of ours.

Pure. Anybody can write forwarding headers, so they are believed only from a proxy that proves to be ours (ADR 36).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

# All values of one header, in order.
HeaderValues = Callable[[str], Sequence[str]]
Network = IPv4Network | IPv6Network

SECRET_HEADER = "X-CSMS-Proxy-Secret"
# Envoy's X-Forwarded-Client-Cert: `Hash=..;Subject="CN=CP1,O=Org";DNS=CP1`, one element for each hop, nearest last.
_XFCC_PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^;,"]*)([;,]|$)')
# In a subject after RFC 2253 an escaped comma is text: `O=x\,CN=CP2` names no CP2.
_COMMON_NAME = re.compile(r"(?:^|(?<!\\),)\s*CN=((?:[^,+\\]|\\.)+)")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Peer:
    """The far end. `certificate_names` are the common name and the DNS names of a verified client certificate."""

    address: str
    tls: bool = False
    certificate_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies that are ours: they connect from these networks and show this secret. Without either, none is."""

    networks: Sequence[Network] = ()
    secret: str = ""

    def __contains__(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self.networks)

    def proven(self, address: str, shown: Sequence[str]) -> bool:
        """Whether who connects from `address` and shows these secrets is a proxy of ours."""
        if not self.secret or len(shown) != 1 or address not in self:
            return False
        return compare_digest(shown[0].encode(), self.secret.encode())


def direct_peer(address: str, certificate: Mapping[str, Any] | None, tls: bool) -> Peer:
    """The peer of a socket that ends here; `certificate` is what `SSLSocket.getpeercert` says."""
    if not certificate:
        return Peer(address, tls)
    subject = certificate.get("subject", ())
    common = [value for part in subject for name, value in part if name == "commonName"]
    alternative = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
    return Peer(address, tls, tuple(dict.fromkeys(common + alternative)))


def peer_behind(peer: Peer, headers: HeaderValues, proxies: Proxies) -> Peer:
    """The charge point behind `peer` when `peer` is a proxy of ours, else `peer` itself."""
    if not proxies.networks or not proxies.proven(peer.address, headers(SECRET_HEADER)):
        return peer
    forwarded = [part.strip() for value in headers("X-Forwarded-For") for part in value.split(",") if part.strip()]
    scheme = [value.strip().lower() for value in headers("X-Forwarded-Proto")]
    certificate = headers("X-Forwarded-Client-Cert")
    if not (forwarded or scheme or certificate):
        return peer  # it speaks for itself
    return Peer(
        forwarded[-1] if forwarded else peer.address,
        scheme[-1:] == ["https"],
        _forwarded_names(certificate[-1]) if certificate else (),
    )


def _forwarded_names(value: str) -> tuple[str, ...]:
    """The names in the last element of the header."""
    names: list[str] = []
    for key, quoted, separator in _XFCC_PAIR.findall(value):
        text = quoted[1:-1].replace('\\"', '"') if quoted.startswith('"') else quoted
        if key.lower() == "subject":
            names += [_ESCAPED.sub(r"\1", name) for name in _COMMON_NAME.findall(text)]
        elif key.lower() == "dns" and text:
            names.append(text)
        if separator == ",":
            names.clear()
    return tuple(dict.fromkeys(names))
