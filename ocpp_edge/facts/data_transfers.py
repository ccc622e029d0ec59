"""DataTransfer from a charge point, the same in all versions: no vendor's private messages are known here."""

from ocpp_edge.backend.ports import Backend
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.rpc.frames import Payload

EFFECT = Effect(rows=("journal_batches.content",))


async def handle(_payload: Payload, _context: ChargerContext, _backend: Backend) -> Payload:
    return {"status": "UnknownVendorId"}
