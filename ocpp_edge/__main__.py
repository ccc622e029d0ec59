"""Runs an OCPP edge node: `python -m ocpp_edge`."""

from collections.abc import Mapping

from ocpp_edge.settings import EdgeSettings
from ocpp_edge.wiring import wire
from services.process.settings import load
from services.rpc import server
from services.rpc.known_tenants import asked_of_identity


async def serve(own: Mapping[str, str] | None = None, stop: server.Stop | None = None) -> None:
    """Serve until it is time to stop, with the variables of the environment and its `own`."""
    settings = load(EdgeSettings, own)
    edge = wire(settings)
    tenants = asked_of_identity("edge", settings)

    await server.serve(
        "edge",
        settings,
        register=edge.wiring.register,
        tasks=edge.wiring.tasks,
        ready=edge.gateway.listening,
        drain=edge.drain,
        on_stop=[*edge.on_stop, tenants.close],
        tenants=tenants,
        stop=stop,
    )


if __name__ == "__main__":
    server.run("edge", serve())
