"""PostgreSQL and NATS for the stack: started here, or elsewhere when DATABASE_URL or NATS_URL says so."""

import asyncio
from dataclasses import dataclass

from stack import nats, postgres
from stack.children import Program
from stack.processes import Layer
from stack.settings import StackSettings
from stack.state import State

# A server's connections are shared out among the replicas of five services: each has ten for the platform, ten for
# tenants and one for its relay; two of them have those of writers, four each, four those of reads, twice four each.
# Each consumer of events has one, and who bills twice four.
CONNECTIONS_PER_REPLICA = 175


@dataclass(frozen=True)
class Engines:
    """Where the engines are (the URLs carry secrets) and one line for people about them."""

    database_url: str
    nats_url: str
    summary: str


async def start(layer: Layer, settings: StackSettings, state: State) -> Engines:
    """Start the engines that are not elsewhere and return when they accept connections. Raises StackError."""
    ports = settings.ports()
    programs: list[Program] = []
    summary: list[str] = []
    database_url, nats_url = settings.database_url, settings.nats_url
    if nats_url is None:
        programs.append(nats.program(state.nats, ports["nats"]))
        nats_url = nats.url(state.nats, ports["nats"])
        summary.append("NATS")
    if database_url is None:
        home = await asyncio.to_thread(postgres.prepare, state.postgres)
        programs.append(postgres.program(home, ports["postgres"], _postgres_settings(settings)))
        database_url = postgres.url(home, ports["postgres"])
        summary.append("PostgreSQL" if home.data.is_relative_to(state.root) else f"PostgreSQL (data in {home.data})")
    await layer.start(*programs)
    return Engines(
        database_url, nats_url, f"{' and '.join(summary)} up" if summary else "PostgreSQL and NATS are elsewhere"
    )


def _postgres_settings(settings: StackSettings) -> dict[str, str]:
    connections = max(int(postgres.SETTINGS["max_connections"]), CONNECTIONS_PER_REPLICA * settings.replicas)
    return {"max_connections": str(connections)}
