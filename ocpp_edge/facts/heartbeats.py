"""Heartbeats, the same in all versions: answered here; that the charge point lives is reported by liveness."""

from ocpp_edge.backend.ports import Backend
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_clock import iso_text
from ocpp_edge.rpc.frames import Payload

EFFECT = Effect(rows=("connections.last_seen_time",))


async def handle(_payload: Payload, _context: ChargerContext, backend: Backend) -> Payload:
    return {"currentTime": iso_text(backend.clock.now())}
