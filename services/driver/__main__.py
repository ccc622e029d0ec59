"""Runs the driver service: `python -m services.driver`."""

import grpc.aio

from csms.driver.v1.authorization_service_pb2_grpc import add_AuthorizationServiceServicer_to_server
from csms.driver.v1.driver_service_pb2_grpc import add_DriverServiceServicer_to_server
from csms.driver.v1.rfid_card_service_pb2_grpc import add_RfidCardServiceServicer_to_server
from csms.identity.v1.identity_service_pb2_grpc import add_IdentityServiceServicer_to_server
from csms.identity.v1.tenant_service_pb2_grpc import add_TenantServiceServicer_to_server
from services.driver.adapters.credentials import Argon2Hasher, JwtSigner
from services.driver.application.authorization import Authorization
from services.driver.application.drivers import Drivers
from services.driver.application.identity.accounts import Accounts
from services.driver.application.identity.sign_ins import SignIns
from services.driver.application.identity.tenants import Tenants
from services.driver.application.reconciliation import Reconciliation
from services.driver.application.rfid_cards import RfidCards
from services.driver.application.usage import Usage
from services.driver.clients import GrpcOwners, GrpcPlaces, GrpcRemoteStarts
from services.driver.consumers import UsageConsumer
from services.driver.migrations import DATABASE
from services.driver.servicer.drivers import AuthorizationServicer, DriverServicer, RfidCardServicer
from services.driver.servicer.identity import IdentityServicer, TenantServicer
from services.driver.settings import DriverSettings
from services.driver.sql.reads import SqlHeldCards
from services.driver.sql.unit_of_work import SqlUnitsOfWork
from services.driver.tasks import TrySweeper
from services.kernel.clock import SystemClock
from services.messaging.event_bus import EventBus
from services.messaging.outbox import OutboxRelay
from services.postgres.database import Database
from services.postgres.readers import Readers
from services.process.reconciler import Reconciler
from services.rpc import channels, server
from services.rpc.known_tenants import KnownTenants
from services.rpc.origin import TrustedProxy
from services.rpc.service_identity import ServiceIdentity
from services.service import Service


def wire(settings: DriverSettings, database: Database, bus: EventBus) -> server.Wiring:
    """The driver service on the given engines."""
    clock = SystemClock()
    relay = OutboxRelay(database, bus)
    units_of_work, readers = SqlUnitsOfWork(database, relay, clock), Readers(database)
    signer = JwtSigner(settings.jwt_private_key_file, settings.jwt_jwks_file)
    drivers = DriverServicer(Drivers(units_of_work, clock), Usage(units_of_work, clock))
    hasher = Argon2Hasher()
    sign_ins = SignIns(units_of_work, clock, hasher, signer)
    secret = settings.api_proxy_secret
    tenants = Tenants(units_of_work, clock)
    proxy = TrustedProxy(secret.get_secret_value() if secret else "")
    identity = IdentityServicer(Accounts(units_of_work, clock, hasher), sign_ins, signer, proxy)
    own = ServiceIdentity("driver", settings)
    transactions = channels.channel(settings.transaction_service_url, "transaction", own)
    billing = channels.channel(settings.billing_service_url, "billing", own)
    stations = channels.channel(settings.station_service_url, "station", own)
    cards = RfidCards(units_of_work, SqlHeldCards(readers), clock)
    authorization = Authorization(cards, GrpcPlaces(stations), GrpcRemoteStarts(transactions))
    consumer = UsageConsumer(bus, database, clock)
    reconciler = Reconciler(
        "sessions and costs with the usage of drivers",
        Reconciliation(units_of_work, clock, GrpcOwners(transactions, billing)).run_once,
    )

    def register(grpc_server: grpc.aio.Server) -> None:
        add_DriverServiceServicer_to_server(drivers, grpc_server)
        add_RfidCardServiceServicer_to_server(RfidCardServicer(cards, authorization, clock), grpc_server)
        add_AuthorizationServiceServicer_to_server(AuthorizationServicer(authorization, clock), grpc_server)
        add_IdentityServiceServicer_to_server(identity, grpc_server)
        add_TenantServiceServicer_to_server(TenantServicer(tenants), grpc_server)

    tasks = (
        server.Task("relay", relay.run, 30),
        server.Task("usage", consumer.run, 30),
        server.Task("reconciliation", reconciler.run, 900),
        server.Task("tries to sign in", TrySweeper(sign_ins).run, 7200),
    )
    return server.Wiring(
        register,
        tasks,
        on_stop=[each.close for each in (transactions, billing, stations, readers)],
        tenants=KnownTenants(tenants.state),
    )


SERVICE = Service("driver", DriverSettings, DATABASE, wire)

if __name__ == "__main__":
    SERVICE.run()
