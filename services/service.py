"""How a service becomes a process: its settings, its database and its stream, and what it makes of them."""

from collections.abc import Callable
from typing import TypeVar

from services.messaging.event_bus import EventBus
from services.postgres.database import Database
from services.process.settings import ServiceSettings, database_url, load
from services.rpc import server
from services.rpc.known_tenants import asked_of_identity

_Settings = TypeVar("_Settings", bound=ServiceSettings)


def run_service(
    name: str,
    settings_type: type[_Settings],
    database_name: str,
    wire: Callable[[_Settings, Database, EventBus], server.Wiring],
) -> None:
    """Run the service until SIGTERM or SIGINT. One that cannot start says why in one log line; the exit code is 1 then.

    `wire` puts the service together on its engines; they are closed when all that it made is closed.
    """
    server.run(_serve(name, settings_type, database_name, wire))


async def _serve(
    name: str,
    settings_type: type[_Settings],
    database_name: str,
    wire: Callable[[_Settings, Database, EventBus], server.Wiring],
) -> None:
    settings = load(settings_type)
    database = Database(database_url(settings, database_name))
    bus = EventBus(settings.nats_url, name)
    wiring = wire(settings, database, bus)
    tenants = wiring.tenants or asked_of_identity(name, settings)
    await server.serve(
        name,
        settings,
        register=wiring.register,
        tasks=wiring.tasks,
        ready=database.ping,
        drain=wiring.drain,
        on_stop=[*wiring.on_stop, tenants.close, bus.close, database.close],
        tenants=tenants,
    )
