"""What a station shows of the cost of a transaction (OCPP 2.0.1 use cases I02 while it runs, I03 at its end)."""

import logging
from decimal import Decimal

from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge.backend.ports import Backend
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.rpc.frames import Payload
from services.kernel.errors import DomainError

logger = logging.getLogger(__name__)

# ISO 4217: of no currency; the station does not say in which it shows costs.
_ANY_CURRENCY = "XXX"
_NANO = -9


async def cost_to_show(
    event: TransactionEvent, transaction_id: str, context: ChargerContext, backend: Backend
) -> Payload:
    """The part of an answer that tells what the transaction costs so far, or in the end, tax included; nothing where
    that is not known in time, or in another currency. What was kept back while offline is shown to nobody."""
    if event.kind == TransactionEvent.STARTED or event.offline or not transaction_id:
        return {}
    try:
        cost = await backend.cost(transaction_id)
    except DomainError as error:
        logger.info("the cost of transaction %s is not known: %s", transaction_id, error.message)
        return {}
    if cost is None or context.cost_currency not in (_ANY_CURRENCY, cost.currency_code):
        return {}
    return {"totalCost": float(Decimal(cost.units) + Decimal(cost.nanos).scaleb(_NANO))}
