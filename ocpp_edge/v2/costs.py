"""What a station shows of the cost of a transaction (OCPP 2.0.1 use cases I02 while it runs, I03 at its end).

The answers to its events tell it. Where these come seldom, CostUpdated does so in between.
"""

import logging
from decimal import Decimal

from google.type.money_pb2 import Money

from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge.backend.ports import Backend
from ocpp_edge.facts.context import ChargerContext, ShownCost
from ocpp_edge.rpc.frames import Payload
from services.kernel.errors import DomainError
from services.kernel.money import NO_CURRENCY

logger = logging.getLogger(__name__)

_NANO = -9


async def cost_to_show(
    event: TransactionEvent, transaction_id: str, context: ChargerContext, backend: Backend
) -> Payload:
    """The part of an answer that tells what the transaction costs so far, or in the end, tax included; nothing where
    that is not known in time, or in another currency. What was kept back while offline is shown to nobody."""
    is_end = event.kind == TransactionEvent.ENDED
    before = context.shown_costs.pop(transaction_id, None)
    if event.offline or not transaction_id:
        return {}
    cost = None
    if event.kind != TransactionEvent.STARTED:
        cost = await known_cost(transaction_id, context, backend)
    if not is_end:
        cost = _not_less(cost, before)
        context.shown_costs[transaction_id] = ShownCost(event.ocpp_transaction_id, backend.clock.now(), cost)
    return {} if cost is None else {"totalCost": cost}


async def known_cost(transaction_id: str, context: ChargerContext, backend: Backend) -> float | None:
    """What a transaction costs by now in the currency that the station shows; None where that is not known."""
    try:
        cost = await backend.cost(transaction_id)
    except DomainError as error:
        logger.info("the cost of transaction %s is not known: %s", transaction_id, error.message)
        return None
    # A station that does not say in which it shows costs is told them in whichever they are.
    if cost is None or context.cost_currency not in (NO_CURRENCY, cost.currency_code):
        return None
    return amount_of(cost)


def _not_less(cost: float | None, before: ShownCost | None) -> float | None:
    """`cost` unless the display showed more already: a register that cannot be true makes the energy unknown for a
    while, and no driver believes a cost that falls. The end tells what it is."""
    shown = None if before is None else before.cost
    return cost if cost is None or shown is None or cost >= shown else shown


def cost_updated(ocpp_transaction_id: str, cost: float) -> tuple[str, Payload]:
    """The request that tells a station what a transaction costs, in the currency that it shows."""
    return "CostUpdated", {"totalCost": cost, "transactionId": ocpp_transaction_id}


def amount_of(cost: Money) -> float:
    """An amount as OCPP has it: a number of the major unit. Whatever it is: the event that is answered is recorded."""
    return float(Decimal(cost.units) + Decimal(cost.nanos).scaleb(_NANO))
