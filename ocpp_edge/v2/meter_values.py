"""MeterValues (OCPP 2.0.1 use case J01): readings of an EVSE outside of transaction events."""

from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge.backend.ports import Backend
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.payloads import entries_at, number_at, stamps_of
from ocpp_edge.facts.places import place
from ocpp_edge.facts.transaction_facts import read, transaction_event
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v2.samples import meter_values


def to_event(payload: Payload, context: ChargerContext) -> TransactionEvent | None:
    """The readings, in the moment of the last that can be dated; None without any, not even some nobody can read.

    They name no session: whether one ran there at the time is found out by whoever keeps the sessions.
    """
    entries = entries_at(payload, "meterValue", context)
    moment = context.clock.last_moment(stamps_of(entries, "meterValue", context), context.received_time)
    evse = place(number_at(payload, "evseId", context), 0)
    readings, doubts = meter_values(entries, moment, context.forgives)
    if not readings and not context.has_dropped("meterValue"):
        return None
    return transaction_event(TransactionEvent.UPDATED, context, moment, doubts, evse=evse, meter_values=readings)


EFFECT = Effect(rows=("meter_values.energy_wh",))


async def handle(payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
    event = read(to_event, payload, context)
    if event is not None:
        await backend.record(event)
    return {}
