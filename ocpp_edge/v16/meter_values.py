"""MeterValues (OCPP 1.6 section 4.7): readings of a session, or of a meter while nobody charges."""

from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge.backend.ports import Backend
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.payloads import entries_at, number_at, stamps_of
from ocpp_edge.facts.places import place_of_connector
from ocpp_edge.facts.transaction_facts import read, transaction_event
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v16.samples import meter_values
from services.kernel.quirks.transactions import NO_TRANSACTION_NUMBER

# What charge points send that do not know the number of their transaction.
_NO_NUMBER = frozenset({0, -1})


def to_event(payload: Payload, context: ChargerContext) -> TransactionEvent | None:
    """The readings, in the moment of the last that can be dated; None without any, not even some nobody can read.

    Raises CallRefused for a message that has none at all.
    """
    entries = entries_at(payload, "meterValue", context)
    moment = context.clock.last_moment(stamps_of(entries, "meterValue", context), context.received_time)
    number = payload.get("transactionId")
    if number in _NO_NUMBER:
        context.forgives(NO_TRANSACTION_NUMBER)
        number = None
    ocpp_transaction_id = "" if number is None else str(number)
    connector_id = number_at(payload, "connectorId", context)
    readings, doubts = meter_values(entries, moment, context.forgives)
    if not readings and not context.has_dropped("meterValue"):
        return None
    return transaction_event(
        TransactionEvent.UPDATED,
        context,
        moment,
        doubts,
        ocpp_transaction_id=ocpp_transaction_id,
        evse=place_of_connector(connector_id),
        meter_values=readings,
    )


EFFECT = Effect(rows=("meter_values.energy_wh",))


async def handle(payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
    event = read(to_event, payload, context)
    if event is not None:
        await backend.record(event)
    return {}
