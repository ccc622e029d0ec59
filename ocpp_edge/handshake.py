"""An HTTP upgrade request to an admission, or the HTTP status that refuses it.

Pure: judges the form of identity, subprotocol and credentials; whether they are right is asked of others.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote, unquote_to_bytes

from ocpp_edge.peer import HeaderValues, Peer
from ocpp_edge.versions import PREFERENCE, Version

MAX_IDENTITY = 48
# OCPP 2.x identifierString; 1.6 says nothing, and stations use spaces, slashes and letters of all alphabets.
_IDENTITY_2X = re.compile(r"[A-Za-z0-9*\-_=:+|@.]+")
_FORBIDDEN_16 = frozenset('%\\?#"<>')
_ENDPOINT = "ocpp"
_IDENTITY_PARAMETER = "chargepointid"
_VERSION_PARAMETER = "version"
_VERSION_NAMES = {name: version for version in Version for name in (version.value, version.subprotocol)} | {
    "1.6j": Version.V16
}


class HandshakeRefused(Exception):
    """The upgrade is refused with an HTTP status. `challenge` asks for Basic authentication."""

    def __init__(self, status: HTTPStatus, reason: str, *, challenge: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.challenge = challenge


@dataclass(frozen=True, slots=True)
class Admission:
    """A well-formed wish to connect.

    `subprotocol` is the offered name to be echoed, None when the version came from the URL. `password` is what Basic
    authentication carried: raw bytes in whatever form the station sends them, None without the header.
    """

    charge_point_id: str
    version: Version
    subprotocol: str | None
    password: bytes | None
    peer: Peer

    @property
    def security_profile(self) -> int:
        """OCPP security profile of the socket: 0 plain, 1 Basic, 2 TLS with Basic, 3 TLS with client certificate."""
        if self.peer.certificate_names:
            return 3
        if self.password is None:
            return 0
        return 2 if self.peer.tls else 1


def read_handshake(
    target: str, headers: HeaderValues, peer: Peer, served: Sequence[Version], minimum_profile: int = 0
) -> Admission:
    """Judge an upgrade request by its target (path and query) and headers.

    Raises HandshakeRefused: 404 without a proper identity, 400 without a common version, 401 for missing or malformed
    credentials, 403 below the lowest security profile.
    """
    path, _, query = target.partition("?")
    parameters = _parameters(query)
    identity = _identity(path, parameters)
    version, subprotocol = _version(headers("Sec-WebSocket-Protocol"), parameters, served)
    if not _is_identity(identity, version):
        raise _not_found()
    password = _password(headers("Authorization"), identity)
    admission = Admission(identity, version, subprotocol, password, peer)
    _check_profile(admission, minimum_profile)
    return admission


def _identity(path: str, parameters: dict[str, str]) -> str:
    """`/ocpp/ID`, `/any/prefix/ocpp/ID/`, `/ocpp?chargePointId=ID`, and `/ocppID?chargePointId=ID` of clients that
    glue the identity to a configured URL."""
    segments = [segment for segment in path.split("/") if segment]
    if any(_decoded(segment) in (".", "..") for segment in segments):
        raise _not_found()
    if len(segments) >= 2 and segments[-2] == _ENDPOINT:
        return _decoded(segments[-1])
    parameter = parameters.get(_IDENTITY_PARAMETER)
    if parameter is None or not segments:
        raise _not_found()
    identity = _decoded(parameter.rstrip("/"))
    if _decoded(segments[-1]) not in (_ENDPOINT, _ENDPOINT + identity):
        raise _not_found()
    return identity


def _parameters(query: str) -> dict[str, str]:
    """Parameters by lower-case name, values still encoded; the first of a name counts."""
    parameters: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        parameters.setdefault(unquote(name).lower(), value)
    return parameters


def _decoded(text: str) -> str:
    """Percent-decoded exactly once."""
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise _not_found() from None


def _is_identity(identity: str, version: Version) -> bool:
    if not 0 < len(identity) <= MAX_IDENTITY:
        return False
    if version is not Version.V16:
        return _IDENTITY_2X.fullmatch(identity) is not None
    if not identity.isprintable() or identity != identity.strip() or not _FORBIDDEN_16.isdisjoint(identity):
        return False
    return not any(part in ("", ".", "..") for part in identity.split("/"))


def _version(
    offers: Sequence[str], parameters: dict[str, str], served: Sequence[Version]
) -> tuple[Version, str | None]:
    """Our preference among what is offered; the URL is asked only when nothing is."""
    offered = {name.strip().lower(): name.strip() for value in offers for name in value.split(",") if name.strip()}
    for version in PREFERENCE:
        if version in served and version.subprotocol in offered:
            return version, offered[version.subprotocol]
    if not offered:
        named = _VERSION_NAMES.get(_decoded(parameters.get(_VERSION_PARAMETER, "")).partition("/")[0].lower())
        if named is not None and named in served:
            return named, None
    names = ", ".join(version.subprotocol for version in PREFERENCE if version in served)
    raise HandshakeRefused(HTTPStatus.BAD_REQUEST, f"Sec-WebSocket-Protocol must offer one of: {names}")


def _password(values: Sequence[str], identity: str) -> bytes | None:
    """The password of Basic authentication. The user is the identity, colons and all, so it marks the boundary."""
    if not values:
        return None
    scheme, _, token = values[0].strip().partition(" ")
    if len(values) > 1 or scheme.lower() != "basic":
        raise _unauthorized("only Basic authentication is accepted")
    token = token.strip()
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _unauthorized("malformed credentials") from None
    user = identity.encode() + b":"
    if not decoded.startswith(user):
        raise _unauthorized("the user must be the identity of the charge point")
    return decoded[len(user) :]


def _check_profile(admission: Admission, minimum: int) -> None:
    if admission.security_profile >= minimum:
        return
    if admission.password is None and minimum < 3:
        raise _unauthorized("credentials are required")
    raise HandshakeRefused(HTTPStatus.FORBIDDEN, f"security profile {minimum} or higher is required")


def _not_found() -> HandshakeRefused:
    return HandshakeRefused(HTTPStatus.NOT_FOUND, "no such charge point")


def _unauthorized(reason: str) -> HandshakeRefused:
    return HandshakeRefused(HTTPStatus.UNAUTHORIZED, reason, challenge=True)
