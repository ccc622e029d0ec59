"""How an edge node is put together from its settings. The only place that knows all its parts."""

import logging
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import grpc.aio

from csms.edge.v1.edge_service_pb2_grpc import add_EdgeServiceServicer_to_server
from ocpp_edge.admission.admission_control import AdmissionControl
from ocpp_edge.admission.password_guard import Guard, WrongTries
from ocpp_edge.admission.peer import Proxies
from ocpp_edge.admission.registry import Registry
from ocpp_edge.backend.clients import GrpcBackend, Journals, Stations
from ocpp_edge.backend.connectivity import Connectivity
from ocpp_edge.backend.decisions import TokenChanges
from ocpp_edge.backend.device_events import DeviceEvents
from ocpp_edge.backend.liveness import LivenessReporter
from ocpp_edge.backend.ports import Backend
from ocpp_edge.backend.refusals import RefusalReporter
from ocpp_edge.backend.shipping import Shipper
from ocpp_edge.backend.statuses import Statuses
from ocpp_edge.backend.tries import SharedTries
from ocpp_edge.commands.cost_updates import CostUpdates
from ocpp_edge.commands.late_answers import LateAnswers
from ocpp_edge.commands.nodes import Nodes
from ocpp_edge.commands.servicer import EdgeServicer
from ocpp_edge.counters import Counters
from ocpp_edge.gateway import Gateway, GatewaySettings
from ocpp_edge.gateway.tls import KeyPair, server_context
from ocpp_edge.journal import Journal
from ocpp_edge.overload import Overload
from ocpp_edge.rpc.connection import Connection
from ocpp_edge.rpc.environment import Environment, LateAnswerSink, Liveness
from ocpp_edge.rpc.sweeper import Sweeper
from ocpp_edge.served import SERVED
from ocpp_edge.settings import EdgeSettings
from services.kernel.clock import SystemClock
from services.messaging.event_bus import EventBus
from services.process import metrics
from services.rpc import channels, server
from services.rpc.service_identity import ServiceIdentity

logger = logging.getLogger(__name__)

_ADMISSION_SECONDS = 10.0
# A few charge points need no spreading.
_DRAIN_SECONDS_EACH = 0.01
_LEAVING_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge node that was put together: what a server registers and runs, and how it is emptied and closed."""

    gateway: Gateway[Backend]
    wiring: server.Wiring
    drain: Callable[[], Awaitable[None]]
    on_stop: tuple[Callable[[], Awaitable[object]], ...]


def wire(settings: EdgeSettings) -> Edge:
    """The edge node of these settings. Called inside the running event loop."""
    identity, clock, node = ServiceIdentity("edge", settings), SystemClock(), settings.node()
    station_channel = channels.channel(settings.station_service_url, "station", identity)
    driver_channel = channels.channel(settings.driver_service_url, "driver", identity)
    transaction_channel = channels.channel(settings.transaction_service_url, "transaction", identity)
    billing_channel = channels.channel(settings.billing_service_url, "billing", identity)
    registry: Registry[Connection[Backend]] = Registry()
    overload = Overload(settings.ocpp_patience_seconds)
    stations = Stations(station_channel, node, registry.revoke)
    statuses = Statuses(stations.statuses.submit, overload)
    bus = EventBus(settings.nats_url, "edge")
    token_changes = TokenChanges(bus, time.monotonic, clock)
    device_events = DeviceEvents(stations.device_events.submit, overload)
    backend = GrpcBackend(
        stations,
        statuses,
        device_events,
        token_changes.decisions,
        driver_channel,
        transaction_channel,
        billing_channel,
        clock,
    )
    tries = WrongTries(time.monotonic)
    shared = SharedTries(bus, node.name, tries)
    connectivity = Connectivity(stations, node)
    guard = Guard(connectivity.admit, tries, shared.tell, identity.secret_for("guesses"))
    admission_control = _admission_control(settings, guard, connectivity, overload)
    refusals = RefusalReporter(stations.report_refusals, clock)
    journal, sweeper = Journal(settings.ocpp_journal_max_frames), Sweeper(time.monotonic)
    shipper = Shipper(journal, Journals(transaction_channel).append, overload)
    late = LateAnswers(backend, backend.record_late_answer)
    environment = _environment(backend, shipper, sweeper, refusals, late.take)
    routes = {version: served.routes() for version, served in SERVED.items()}
    gateway = Gateway(_gateway_settings(settings), routes, admission_control, registry, sweeper, environment)
    _show(registry)
    nodes = Nodes(node, stations, identity)
    lease = timedelta(seconds=settings.ocpp_node_lease_seconds)
    liveness = LivenessReporter(stations.live, registry, clock, time.monotonic, lease)
    costs = CostUpdates(registry, clock, timedelta(seconds=settings.ocpp_cost_update_seconds))
    judge = partial(overload.run, backend.waiting_seconds)

    async def accept() -> None:
        await gateway.start()
        logger.info("charge points connect to %s:%d", settings.ocpp_listen_host, gateway.port)

    async def drain() -> None:
        spread = min(settings.ocpp_drain_seconds, len(registry) * _DRAIN_SECONDS_EACH)
        await gateway.drain(spread, _LEAVING_SECONDS)

    def register(grpc_server: grpc.aio.Server) -> None:
        add_EdgeServiceServicer_to_server(EdgeServicer(registry, stations, nodes), grpc_server)

    closing = (station_channel.close, driver_channel.close, transaction_channel.close, billing_channel.close)
    return Edge(
        gateway,
        server.Wiring(
            register,
            (
                server.Task("gateway", accept),
                server.Task("timeouts", sweeper.run, 30),
                server.Task("journal", shipper.run, 60),
                server.Task("liveness", liveness.run, 30 + lease.total_seconds()),
                server.Task("statuses", statuses.run, 60),
                server.Task("token changes", token_changes.run),
                server.Task("refusals", refusals.run, 60),
                server.Task("tries told", shared.run_telling),
                server.Task("tries heard", shared.run_listening),
                server.Task("overload", judge, 30),
                server.Task("costs", costs.run, 300),
            ),
        ),
        drain,
        (
            statuses.hand_in,
            late.close,
            backend.close,
            stations.close,
            refusals.flush,
            shipper.flush,
            nodes.close,
            *closing,
            bus.close,
        ),
    )


def _environment(
    backend: GrpcBackend, shipper: Shipper, sweeper: Sweeper, refusals: RefusalReporter, late_answer: LateAnswerSink
) -> Environment[Backend]:
    return Environment(
        backend=backend,
        clock=backend.clock,
        monotonic=time.monotonic,
        journal=shipper.take_in,
        counters=Counters(),
        watch=sweeper.watch,
        late_answer=late_answer,
        refused=refusals.note,
    )


def _gateway_settings(settings: EdgeSettings) -> GatewaySettings:
    return GatewaySettings(
        host=settings.ocpp_listen_host,
        port=settings.ocpp_listen_port,
        tls=_tls(settings),
        minimum_security_profile=settings.ocpp_security_profile_min,
        proxies=Proxies(settings.ocpp_trusted_proxies, settings.ocpp_proxy_secret.get_secret_value()),
        max_connections=settings.ocpp_max_connections,
        max_connections_per_address=settings.ocpp_max_connections_per_address,
        open_timeout=settings.ocpp_handshake_seconds,
        liveness=Liveness(settings.ocpp_ping_seconds, settings.ocpp_dead_seconds, settings.ocpp_speechless_seconds),
    )


def _tls(settings: EdgeSettings) -> ssl.SSLContext | None:
    """None where no TLS ends here."""
    files = (
        (settings.ocpp_tls_certificate_file, settings.ocpp_tls_key_file),
        (settings.ocpp_tls_second_certificate_file, settings.ocpp_tls_second_key_file),
    )
    key_pairs = [KeyPair(certificate, key) for certificate, key in files if certificate is not None]
    if not key_pairs:
        return None
    return server_context(
        *key_pairs,
        client_authority=settings.ocpp_tls_client_ca_file,
        rsa_key_exchange=settings.ocpp_tls_rsa_key_exchange,
    )


def _admission_control(
    settings: EdgeSettings, guard: Guard, connectivity: Connectivity, overload: Overload
) -> AdmissionControl:
    return AdmissionControl(
        guard.admit,
        connectivity.report_disconnect,
        max_pending=settings.ocpp_max_pending_handshakes,
        timeout_seconds=_ADMISSION_SECONDS,
        closed=lambda: overload.sheds_statuses,
    )


def _show(registry: Registry[Connection[Backend]]) -> None:
    metrics.gauge("ocpp_connections", "Charge points connected to this node.").read_from(registry.__len__)
    metrics.gauge("ocpp_connections_paused", "Charge points that are made to wait at the moment.").read_from(
        lambda: sum(connection.paused for connection in registry)
    )
