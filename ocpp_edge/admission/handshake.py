"""An HTTP upgrade request to a connection request, or the refusal that answers it.

Pure: judges the form of identity, subprotocol and credentials; whether they are right is asked of others.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import unquote, unquote_to_bytes

from ocpp_edge.admission.peer import HeaderValues, Peer
from ocpp_edge.admission.refusal import Refusal
from ocpp_edge.versions import PREFERENCE, Version
from services.kernel.identity import LONGEST_IDENTITY, InvalidIdentity, identity_of
from services.kernel.quirks import Quirk, handshakes
from services.kernel.refusal import Rule

_ENDPOINT = "ocpp"
# What stands right after the host and is never taken for an identity: the paths of REST, now or soon, and what
# browsers and scanners look for. A charge point that is called so connects to /ocpp/<identity>, as all should.
RESERVED_SEGMENTS = frozenset(
    """
    accounts admin alerts analytics api auth charge-points charging-sessions command-campaigns commands
    configuration-templates connections connectors console dashboard docs drivers favicon.ico file-jobs file-links
    files firmware-campaigns health index.html invoices invoicing livez metrics openapi.json payment-methods
    payments pricing readyz real-time rfid-cards robots.txt services session-decisions stations status tenants
    transactions security-events unknown-charge-points websocket ws
    """.split()
)
_RESERVED_BEGINNINGS = (_ENDPOINT, ".", "csms.", "grpc.")
_IDENTITY_PARAMETER = "chargepointid"
_VERSION_PARAMETER = "version"
_VERSION_NAMES = {name: version for version in Version for name in (version.value, version.subprotocol)} | {
    "1.6j": Version.V16
}
_HOST = re.compile(r"[A-Za-z0-9._\-\[\]:]{1,255}").fullmatch


class HandshakeRefused(Exception):
    """The upgrade is refused; `told_identity` is what the charge point calls itself, as far as that was understood."""

    def __init__(self, status: HTTPStatus, rule: Rule, reason: str) -> None:
        super().__init__(reason)
        self.refusal = Refusal(status, rule, reason)
        self.presented_identity = ""


@dataclass(frozen=True, slots=True)
class ConnectionRequest:
    """A well-formed wish to connect.

    `offers` are the versions that both sides speak, the preferred one first, each with the name that was offered and is
    echoed, or None when the version came from the URL; `version` is one of them. `password` is what Basic
    authentication carried: raw bytes in whatever form the station sends them, None without the header. `quirks`
    are those that showed themselves.
    """

    charge_point_id: str
    version: Version
    offers: Mapping[Version, str | None]
    password: bytes | None
    peer: Peer
    quirks: Sequence[Quirk] = ()

    @property
    def subprotocol(self) -> str | None:
        """The offered name to be echoed."""
        return self.offers[self.version]

    @property
    def security_profile(self) -> int:
        """OCPP security profile of the socket: 0 plain, 1 Basic, 2 TLS with Basic, 3 TLS with client certificate."""
        if self.peer.certificate_names:
            return 3
        if self.password is None:
            return 0
        return 2 if self.peer.tls else 1

    def speaking(self, version: Version | None) -> "ConnectionRequest":
        """The same with another of the versions offered; itself for none of them."""
        if version is None or version is self.version or version not in self.offers:
            return self
        return replace(self, version=version)


def read_handshake(
    target: str, headers: HeaderValues, peer: Peer, served: Sequence[Version], minimum_profile: int = 0
) -> ConnectionRequest:
    """Judge an upgrade request by its target (path and query) and headers.

    Raises HandshakeRefused: 404 without a proper identity, 400 without a common version, 401 for missing or malformed
    credentials, 403 below the lowest security profile.
    """
    path, _, query = target.partition("?")
    parameters = _parameters(query)
    quirks: list[Quirk] = []
    presented = _presented_identity(path, parameters, quirks)
    if presented is None:
        raise _nameless(headers, peer)
    try:
        sent = _decoded(presented)
        identity = identity_of(sent)
    except ValueError as error:
        raise _named(presented, _invalid_identity(error, headers, peer)) from None
    try:
        offers = _offers(headers("Sec-WebSocket-Protocol"), parameters, served, quirks)
        password = _password(headers("Authorization"), (identity, sent), quirks)
        connection_request = ConnectionRequest(identity, next(iter(offers)), offers, password, peer, quirks)
        _check_profile(connection_request, minimum_profile)
    except HandshakeRefused as refused:
        raise _named(identity, refused) from None
    return connection_request


def offered_names(offers: Sequence[str]) -> list[str]:
    """The subprotocols in the values of Sec-WebSocket-Protocol."""
    return [name.strip() for value in offers for name in value.split(",") if name.strip()]


def _presented_identity(path: str, parameters: dict[str, str], quirks: list[Quirk]) -> str | None:
    """The identity that a URL names, still encoded: `/ocpp/ID`, `/any/prefix/ocpp/ID/`, `/ocpp?chargePointId=ID`,
    `/ocppID?chargePointId=ID` of clients that glue the identity to a configured URL, and `/ID` of those that were
    configured without a path."""
    segments = [segment for segment in path.split("/") if segment]
    # With escapes of its own kind, "." and ".." are still what they are.
    if any(unquote(segment) in (".", "..") for segment in segments):
        return None
    if len(segments) >= 2 and segments[-2].lower() == _ENDPOINT:
        if len(segments) > 2 or segments[0] != _ENDPOINT:
            quirks.append(handshakes.OTHER_PATH)
        return segments[-1]
    last = unquote(segments[-1]) if segments else ""
    parameter = parameters.get(_IDENTITY_PARAMETER, "").rstrip("/")
    if parameter:
        identity = unquote(parameter)
        quirks.append(handshakes.GLUED_PATH if last == _ENDPOINT + identity else handshakes.IDENTITY_IN_QUERY)
        is_ours = last in ("", _ENDPOINT, _ENDPOINT + identity) or (len(segments) == 1 and last == identity)
        return parameter if is_ours else None
    if len(segments) == 1 and not _is_reserved(last.lower()):
        quirks.append(handshakes.BARE_IDENTITY)
        return segments[0]
    return None


def _is_reserved(segment: str) -> bool:
    return segment in RESERVED_SEGMENTS or segment.startswith(_RESERVED_BEGINNINGS)


def _parameters(query: str) -> dict[str, str]:
    """Parameters by lower-case name, values still encoded; the first of a name counts."""
    parameters: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        parameters.setdefault(unquote(name).lower(), value)
    return parameters


def _decoded(text: str) -> str:
    """Percent-decoded exactly once. Raises ValueError for what is not UTF-8."""
    return unquote_to_bytes(text).decode() if "%" in text else text


def _offers(
    values: Sequence[str], parameters: dict[str, str], served: Sequence[Version], quirks: list[Quirk]
) -> Mapping[Version, str | None]:
    """The versions on offer that are served, in our order of preference; the URL is asked only when nothing is."""
    offered = {name.lower(): name for name in offered_names(values)}
    common: dict[Version, str | None] = {
        version: offered[version.subprotocol]
        for version in PREFERENCE
        if version in served and version.subprotocol in offered
    }
    if not offered:
        named = _VERSION_NAMES.get(unquote(parameters.get(_VERSION_PARAMETER, "")).partition("/")[0].lower())
        if named is not None and named in served:
            quirks.append(handshakes.VERSION_IN_QUERY)
            return {named: None}
    if not common:
        names = ", ".join(version.subprotocol for version in PREFERENCE if version in served)
        reason = f"Sec-WebSocket-Protocol must offer one of: {names}"
        raise HandshakeRefused(HTTPStatus.BAD_REQUEST, Rule.NO_COMMON_SUBPROTOCOL, reason)
    return common


def _password(values: Sequence[str], users: tuple[str, str], quirks: list[Quirk]) -> bytes | None:
    """The password of Basic authentication. The user is the identity, colons and all, so it marks the boundary."""
    if not values:
        return None
    scheme, _, token = values[0].strip().partition(" ")
    if len(values) > 1 or scheme.lower() != "basic":
        raise _unauthorized(Rule.CREDENTIALS_MALFORMED, "only Basic authentication is accepted")
    token = token.strip()
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _unauthorized(Rule.CREDENTIALS_MALFORMED, "malformed credentials") from None
    if len(token) % 4:
        quirks.append(handshakes.UNPADDED_CREDENTIALS)
    for user in users:
        prefix = user.encode() + b":"
        if decoded.startswith(prefix):
            if user != users[0]:
                quirks.append(handshakes.USER_AS_WRITTEN)
            return decoded[len(prefix) :]
    raise _unauthorized(Rule.WRONG_USER, "the user must be the identity of the charge point")


def _check_profile(connection_request: ConnectionRequest, minimum: int) -> None:
    if connection_request.security_profile >= minimum:
        return
    if connection_request.password is None and minimum < 3:
        raise _unauthorized(Rule.CREDENTIALS_MISSING, "no credentials were sent")
    reason = f"security profile {minimum} or higher is required"
    raise HandshakeRefused(HTTPStatus.FORBIDDEN, Rule.SECURITY_PROFILE_TOO_LOW, reason)


def _nameless(headers: HeaderValues, peer: Peer) -> HandshakeRefused:
    reason = f"the URL names no charge point; {where_to_connect(headers, peer)}"
    return HandshakeRefused(HTTPStatus.NOT_FOUND, Rule.IDENTITY_MISSING, reason)


def _invalid_identity(error: ValueError, headers: HeaderValues, peer: Peer) -> HandshakeRefused:
    demand = error if isinstance(error, InvalidIdentity) else "must be UTF-8, percent-encoded (identity_encoding)"
    reason = f"the identity {demand}; {where_to_connect(headers, peer)}"
    return HandshakeRefused(HTTPStatus.NOT_FOUND, Rule.IDENTITY_INVALID, reason)


def _named(identity: str, refused: HandshakeRefused) -> HandshakeRefused:
    """`refused`, with what the charge point calls itself; of what is no identity, the beginning."""
    refused.presented_identity = identity[: 2 * LONGEST_IDENTITY]
    return refused


def is_usual(target: str) -> bool:
    """Whether a request target is of the form that charge points are told to use."""
    return target.partition("?")[0].lower().startswith(f"/{_ENDPOINT}/")


def where_to_connect(headers: HeaderValues, peer: Peer) -> str:
    """Where charge points connect, as the one that asks has reached us."""
    host = next((value.strip() for value in headers("Host") if _HOST(value.strip())), "HOST")
    return f"connect to {'wss' if peer.tls else 'ws'}://{host}/{_ENDPOINT}/<identity>"


def _unauthorized(rule: Rule, reason: str) -> HandshakeRefused:
    return HandshakeRefused(HTTPStatus.UNAUTHORIZED, rule, reason)
