"""Listens, takes each upgrade through judgement and admission, and empties the house at the end.

Who may come in is decided elsewhere; this module turns the answers into HTTP.
"""

import asyncio
import logging
import random
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Generic, TypeVar, cast

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.typing import Subprotocol

from ocpp_edge.admission.admission_control import Accepted, AdmissionControl, Disconnect
from ocpp_edge.admission.crowd import Crowd
from ocpp_edge.admission.handshake import ConnectionRequest, HandshakeRefused, read_handshake
from ocpp_edge.admission.peer import Peer, direct_peer, peer_behind
from ocpp_edge.admission.refusal import Refusal, note_of_welcome
from ocpp_edge.admission.registry import Registry
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.gateway.answers import agree, health, note_of, refuse, worded
from ocpp_edge.gateway.settings import GatewaySettings
from ocpp_edge.gateway.socket import ChargerSocket
from ocpp_edge.quirks import Forgiving
from ocpp_edge.rpc.connection import Connection
from ocpp_edge.rpc.environment import Environment
from ocpp_edge.rpc.router import RouteTable
from ocpp_edge.rpc.sweeper import Sweeper
from ocpp_edge.versions import Version

logger = logging.getLogger(__name__)

B = TypeVar("B")

# OCPP 2.x asks for compression; windows of 1 KiB keep a connection at some 10 KiB instead of 45.
_DEFLATE = ServerPerMessageDeflateFactory(
    server_max_window_bits=10, client_max_window_bits=10, compress_settings={"memLevel": 3}
)
_HEALTH_PATH = "/health"
# What an open socket keeps of its handshake: nothing, least of all credentials.
_FORGOTTEN = Request("", Headers())


class Gateway(Generic[B]):
    """The WebSocket server of one edge process. `registry` is where its connections are found."""

    def __init__(
        self,
        settings: GatewaySettings,
        routes: Mapping[Version, RouteTable[B]],
        admission_control: AdmissionControl,
        registry: Registry[Connection[B]],
        sweeper: Sweeper,
        environment: Environment[B],
    ) -> None:
        self._settings = settings
        self._routes = routes
        self._admission_control = admission_control
        self._registry = registry
        self._sweeper = sweeper
        self._environment = environment
        self._served = tuple(routes)
        self._crowd = Crowd(settings.max_connections_per_address)
        self._server: Server | None = None
        self._port = 0
        self._listening = asyncio.Event()
        self._emptied = asyncio.Event()

    @property
    def port(self) -> int:
        """The port it listens on; zero before `start`."""
        return self._port

    async def listening(self) -> None:
        """Return when it has been started."""
        await self._listening.wait()

    async def start(self) -> None:
        """Listen. Raises OSError when the address is taken."""
        settings = self._settings
        # One line for every socket that comes and goes would be most of the log.
        socket_logger = logging.getLogger(f"{__name__}.sockets")
        socket_logger.setLevel(logging.WARNING)
        self._server = await serve(
            self._run,
            settings.host,
            settings.port,
            ssl=settings.tls,
            create_connection=ChargerSocket,
            process_request=self._judge,
            process_response=self._admit,
            select_subprotocol=self._subprotocol,
            compression=None,  # set for each socket by its version
            server_header=None,
            ping_interval=None,  # the sweeper's work
            max_size=settings.max_message_bytes,
            write_limit=64 * 1024,
            open_timeout=settings.open_timeout,
            close_timeout=settings.close_timeout,
            backlog=1024,
            logger=socket_logger,
        )
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        self._listening.set()

    async def drain(self, spread_seconds: float, grace_seconds: float) -> None:
        """Stop accepting, close every connection with 1001 once it is idle, one after the other over `spread_seconds`.

        Whoever is not gone `grace_seconds` after that is cut off. Returns when every disconnect has been reported.
        """
        server = self._server
        if server is None:
            return
        server.close(close_connections=False)
        connections = list(self._registry)
        random.shuffle(connections)
        started = time.monotonic()
        for index, connection in enumerate(connections):
            due = started + spread_seconds * index / len(connections)
            if due > time.monotonic():
                await asyncio.sleep(due - time.monotonic())
            connection.retire()
        try:
            async with asyncio.timeout(grace_seconds):
                while len(self._registry):
                    self._emptied.clear()
                    await self._emptied.wait()
                await server.wait_closed()
        except TimeoutError:
            await self._cut_off(server)
        await self._admission_control.settle()

    async def _cut_off(self, server: Server) -> None:
        for connection in self._registry:
            connection.cut()
        # Workers that hang in the platform; websockets keeps them here.
        for worker in tuple(server.handler_tasks):
            worker.cancel()
        await server.wait_closed()

    # The handshake, in the order websockets asks

    def _judge(self, socket: ServerConnection, request: Request) -> Response | None:
        if request.path == _HEALTH_PATH and "Upgrade" not in request.headers:
            return health(socket)
        headers = request.headers.get_all
        peer = peer_behind(_peer(socket), headers, self._settings.proxies)
        try:
            connection_request = read_handshake(
                request.path, headers, peer, self._served, self._settings.minimum_security_profile
            )
        except HandshakeRefused as refused:
            return self._refuse(socket, request, refused.refusal, refused.presented_identity, peer)
        cast(ChargerSocket, socket).connection_request = connection_request
        if connection_request.version is not Version.V16:
            socket.protocol.available_extensions = [_DEFLATE]
        return None

    @staticmethod
    def _subprotocol(socket: ServerConnection, _offered: Sequence[Subprotocol]) -> Subprotocol | None:
        connection_request = cast(ChargerSocket, socket).connection_request
        return (
            Subprotocol(connection_request.subprotocol)
            if connection_request and connection_request.subprotocol
            else None
        )

    async def _admit(self, socket: ServerConnection, request: Request, response: Response) -> Response | None:
        """The last step before the answer: only proper upgrades get an epoch."""
        charger = cast(ChargerSocket, socket)
        connection_request = charger.connection_request
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS or connection_request is None:
            return None
        address = connection_request.peer.address
        if len(self._registry) >= self._settings.max_connections:
            refusal: Refusal | None = self._admission_control.overloaded("too many connections")
        elif not self._crowd.enter(address):
            refusal = self._admission_control.crowded()
        else:
            refusal = await self._ask(charger, connection_request, response)
        if refusal is None:
            return None
        return self._refuse(socket, request, refusal, connection_request.charge_point_id, connection_request.peer)

    async def _ask(
        self, charger: ChargerSocket, connection_request: ConnectionRequest, response: Response
    ) -> Refusal | None:
        """Ask whether it may come in; None when it is in. Whoever is not leaves the crowd."""
        is_in = False
        try:
            answer = await self._admission_control.ask(connection_request)
            if isinstance(answer, Refusal):
                return answer
            chosen = connection_request.speaking(answer.version)
            if chosen is not connection_request:
                agree(charger, response, chosen)
            refusal = self._open(charger, chosen, answer)
            is_in = refusal is None
            return refusal
        finally:
            if not is_in:
                self._crowd.leave(connection_request.peer.address)

    def _open(self, socket: ChargerSocket, connection_request: ConnectionRequest, accepted: Accepted) -> Refusal | None:
        """Put a connection behind the socket; None when all is well. Nothing waits between this and the 101."""
        identity, epoch = connection_request.charge_point_id, accepted.epoch
        context = ChargerContext(
            identity,
            connection_request.version,
            epoch,
            state=accepted.state,
            heartbeat_interval_seconds=accepted.heartbeat_interval_seconds,
            station_id=accepted.station_id,
            tenant_id=accepted.tenant_id,
            cost_currency=accepted.cost_currency,
            remote_address=connection_request.peer.address,
            offers=tuple(version.subprotocol for version in connection_request.offers),
            forgives=Forgiving(accepted.profile),
        )
        for quirk in connection_request.quirks:
            context.forgives(quirk)
        routes = self._routes[connection_request.version]
        connection = Connection(context, routes, socket, self._environment, self._settings.liveness)
        gone = socket.state is not State.CONNECTING
        if gone or not self._registry.claim(identity, epoch, connection):
            # The client left, or two sockets raced through admission and this one's epoch lost.
            self._admission_control.report(
                Disconnect(identity, epoch, "left before it was let in" if gone else "superseded")
            )
            return self._admission_control.overloaded("superseded by a newer connection")
        socket.connection = connection
        socket.on_lost = self._closed
        self._sweeper.add(connection)
        note = note_of_welcome(context)
        if note is not None:
            self._environment.refused(note)
        return None

    def _refuse(
        self, socket: ServerConnection, request: Request, refusal: Refusal, identity: str, peer: Peer
    ) -> Response:
        refusal = worded(request, refusal, peer)
        note = note_of(request, refusal, identity, peer)
        self._environment.refused(note)
        about = {"charge_point_id": identity, "address": peer.address, "rule": refusal.rule}
        logger.info("handshake refused: %s", refusal.reason, extra={**about, "offers": ", ".join(note.offers)})
        return refuse(socket, refusal)

    async def _run(self, socket: ServerConnection) -> None:
        charger = cast(ChargerSocket, socket)
        charger.connection_request = None
        charger.request, charger.response = _FORGOTTEN, None
        if charger.connection is not None:
            await charger.connection.run()

    def _closed(self, connection: Connection[B]) -> None:
        context = connection.context
        self._sweeper.remove(connection)
        self._crowd.leave(context.remote_address)
        self._registry.release(context.charge_point_id, context.epoch)
        reason = connection.ended.name.lower() if connection.ended is not None else ""
        self._admission_control.report(Disconnect(context.charge_point_id, context.epoch, reason))
        if not len(self._registry):
            self._emptied.set()


def _peer(socket: ServerConnection) -> Peer:
    address = socket.remote_address
    certificate = socket.transport.get_extra_info("peercert")
    tls = socket.transport.get_extra_info("sslcontext") is not None
    return direct_peer(address[0] if isinstance(address, tuple) else "", certificate, tls)
