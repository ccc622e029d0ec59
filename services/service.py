"""What makes a service: its settings, its database and its stream, and what it makes of them. And a process of one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.messaging.event_bus import EventBus
from services.postgres.database import Database
from services.process.settings import ServiceSettings, database_url, load
from services.rpc import server
from services.rpc.known_tenants import asked_of_identity

_Settings = TypeVar("_Settings", bound=ServiceSettings)


@dataclass(frozen=True, slots=True)
class Service(Generic[_Settings]):
    """A service by its name. `wire` puts it together on its engines, which are closed when all that it made is."""

    name: str
    settings_type: type[_Settings]
    database_name: str
    wire: Callable[[_Settings, Database, EventBus], server.Wiring]

    def run(self) -> None:
        """Be its process, until SIGTERM or SIGINT. One that cannot start says why in one log line; the exit code is 1
        then."""
        server.run(self.name, self.serve())

    async def serve(self, own: Mapping[str, str] | None = None, stop: server.Stop | None = None) -> None:
        """Serve until it is time to stop, with the variables of the environment and its `own`."""
        settings = load(self.settings_type, own)
        database = Database(database_url(settings, self.database_name))
        bus = EventBus(settings.nats_url, self.name)
        wiring = self.wire(settings, database, bus)
        tenants = wiring.tenants or asked_of_identity(self.name, settings)
        await server.serve(
            self.name,
            settings,
            register=wiring.register,
            tasks=wiring.tasks,
            ready=database.ping,
            drain=wiring.drain,
            on_stop=[*wiring.on_stop, tenants.close, bus.close, database.close],
            tenants=tenants,
            stop=stop,
        )
