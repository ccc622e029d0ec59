"""What the gateway says by HTTP to those that get no WebSocket, what is told of them, and how it changes its mind about
a version."""

from dataclasses import replace
from http import HTTPStatus

import orjson
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from ocpp_edge.admission.handshake import ConnectionRequest, is_usual, offered_names, where_to_connect
from ocpp_edge.admission.peer import Peer
from ocpp_edge.admission.refusal import Refusal, RefusalNote
from ocpp_edge.versions import Version
from services.kernel.refusal import Rule

_PROTOCOL_HEADER = "Sec-WebSocket-Protocol"
_EXTENSIONS_HEADER = "Sec-WebSocket-Extensions"
# What is kept of a refused request: anybody may write anything.
_MOST_OFFERS, _LONGEST_OFFER, _LONGEST_PATH = 10, 40, 200


def health(socket: ServerConnection) -> Response:
    """That the port is there."""
    body = orjson.dumps({"service": "ocpp_edge", "message": "OCPP edge accepts charge points"}).decode()
    response = socket.respond(HTTPStatus.OK, body)
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response


def refuse(socket: ServerConnection, refusal: Refusal) -> Response:
    """A refusal in words, under the name of its rule."""
    response = socket.respond(refusal.status, f"{refusal.reason}\n")
    response.headers["X-Refusal-Rule"] = refusal.rule
    if refusal.status is HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Basic realm="ocpp", charset="UTF-8"'
    if refusal.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(refusal.retry_after_seconds)
    return response


def worded(request: Request, refusal: Refusal, peer: Peer) -> Refusal:
    """`refusal` with where to connect, if what the URL names may be no identity at all."""
    if refusal.rule is not Rule.UNKNOWN_IDENTITY or is_usual(request.path):
        return refusal
    where = where_to_connect(request.headers.get_all, peer)
    return replace(refusal, reason=f"{refusal.reason}; {where}")


def note_of(request: Request, refusal: Refusal, identity: str, peer: Peer) -> RefusalNote:
    """What the platform is told of a refusal."""
    offers = offered_names(request.headers.get_all(_PROTOCOL_HEADER))
    return RefusalNote(
        identity,
        refusal.rule,
        refusal.reason,
        peer.address,
        tuple(name[:_LONGEST_OFFER] for name in offers[:_MOST_OFFERS]),
        request.path.partition("?")[0][:_LONGEST_PATH],
        guess=refusal.guess,
    )


def agree(socket: ServerConnection, response: Response, connection_request: ConnectionRequest) -> None:
    """Make the 101 that was prepared for the preferred version say the one that was chosen."""
    protocol, headers = socket.protocol, response.headers
    protocol.subprotocol = (
        Subprotocol(connection_request.subprotocol) if connection_request.subprotocol is not None else None
    )
    if _PROTOCOL_HEADER in headers:
        del headers[_PROTOCOL_HEADER]
    if protocol.subprotocol is not None:
        headers[_PROTOCOL_HEADER] = protocol.subprotocol
    if connection_request.version is Version.V16 and _EXTENSIONS_HEADER in headers:
        del headers[_EXTENSIONS_HEADER]
        protocol.extensions = []
