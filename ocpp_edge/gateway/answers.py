"""What the gateway says by HTTP to those that get no WebSocket, and how it changes its mind about a version."""

from http import HTTPStatus

import orjson
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Response
from websockets.typing import Subprotocol

from ocpp_edge.handshake import Admission
from ocpp_edge.refusal import Refusal
from ocpp_edge.versions import Version

_PROTOCOL_HEADER = "Sec-WebSocket-Protocol"
_EXTENSIONS_HEADER = "Sec-WebSocket-Extensions"


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


def agree(socket: ServerConnection, response: Response, admission: Admission) -> None:
    """Make the 101 that was prepared for the preferred version say the one that was chosen."""
    protocol, headers = socket.protocol, response.headers
    protocol.subprotocol = Subprotocol(admission.subprotocol) if admission.subprotocol is not None else None
    if _PROTOCOL_HEADER in headers:
        del headers[_PROTOCOL_HEADER]
    if protocol.subprotocol is not None:
        headers[_PROTOCOL_HEADER] = protocol.subprotocol
    if admission.version is Version.V16 and _EXTENSIONS_HEADER in headers:
        del headers[_EXTENSIONS_HEADER]
        protocol.extensions = []
