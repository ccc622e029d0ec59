"""TransactionEvent of OCPP 2.1 (block E): as in 2.0.1, with more that a station may tell."""

from collections.abc import Iterator
from typing import Any

from ocpp_edge.backend.ports import Backend
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v2 import transaction_event

# What no field of the fact holds, some of it money: the costs that a station has calculated by a tariff of its own, the
# tariff and the limits of the transaction, how the vehicle is operated.
_OF_EVENT = ("costDetails", "preconditioningStatus", "evseSleep")
_OF_TRANSACTION = ("operationMode", "tariffId", "transactionLimit")


EFFECT = Effect(
    rows=("transactions.state", "transactions.id_tag", "transactions.energy_wh", "transaction_events.dropped_json"),
    events=("transaction_changed",),
    questions=("csms.driver.v1.AuthorizationService/AuthorizeTokens",),
)


async def handle(payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
    """As in 2.0.1; what the fact has no field for goes along with it as it came."""
    rest = dict(_without_field(payload))
    if rest:
        context.dropped = {**(context.dropped or {}), **rest}
    return await transaction_event.handle(payload, context, backend)


def _without_field(payload: Payload) -> Iterator[tuple[str, Any]]:
    """By their paths, the parts of an event that came with 2.1. A repaired payload may lack its transaction."""
    for name in _OF_EVENT:
        if name in payload:
            yield name, payload[name]
    session: Payload = payload.get("transactionInfo", {})
    for name in _OF_TRANSACTION:
        if name in session:
            yield f"transactionInfo.{name}", session[name]
