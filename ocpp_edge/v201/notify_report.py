"""NotifyReport (OCPP 2.0.1 use cases B07, B08): a part of the device model; the journal keeps it."""

from ocpp_edge.backend.ports import Backend
from ocpp_edge.context import ChargerContext
from ocpp_edge.frames import Payload


async def handle(_payload: Payload, _context: ChargerContext, _backend: Backend) -> Payload:
    return {}
