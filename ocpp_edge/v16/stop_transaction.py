"""StopTransaction (OCPP 1.6 section 4.10): a session is over, perhaps one that we never heard of."""

from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge.backend.ports import Backend
from ocpp_edge.effects import Effect
from ocpp_edge.facts import tokens
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.payloads import integer_at
from ocpp_edge.facts.transaction_facts import read, transaction_event
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v16.id_tags import id_tag_info
from ocpp_edge.v16.samples import meter_values
from services.kernel.tokens import Token, token_value

# What a stop without a reason says (OCPP 1.6 section 6.51).
_USUAL_REASON = "Local"


def to_event(payload: Payload, context: ChargerContext) -> TransactionEvent:
    """The end, with the readings that came with it; without a decision about the token that stopped the session."""
    moment = context.clock.moment(payload.get("timestamp", ""), context.received_time)
    ocpp_transaction_id = str(payload.get("transactionId", ""))
    readings, doubts = meter_values(payload.get("transactionData", ()), moment, context.forgives)
    return transaction_event(
        TransactionEvent.ENDED,
        context,
        moment,
        doubts,
        ocpp_transaction_id=ocpp_transaction_id,
        token=tokens.token_fields(Token(token_value(payload.get("idTag", "")))),
        offline=moment.was_late,
        stop_reason=payload.get("reason", _USUAL_REASON),
        meter_wh=integer_at(payload, "meterStop", context),
        meter_values=readings,
    )


EFFECT = Effect(
    rows=("transactions.state", "transactions.energy_wh", "transactions.stop_reason", "transaction_events.kind"),
    events=("transaction_changed",),
)


async def handle(payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
    event = read(to_event, payload, context)
    decision = None
    if event.HasField("token"):
        written = payload.get("idTag", "")
        decision = await tokens.decide_at_end(tokens.token_in(event), written, context, backend, event)
    if decision is not None:
        tokens.write_decision(decision, event)
    await backend.record(event)
    return {} if decision is None else {"idTagInfo": id_tag_info(decision)}
