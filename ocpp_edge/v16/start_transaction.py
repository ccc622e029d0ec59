"""StartTransaction (OCPP 1.6 section 4.8): a session has begun, perhaps long ago; it gets its number here."""

from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge.backend.ports import Backend
from ocpp_edge.facts import tokens
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.payloads import integer_at, number_at
from ocpp_edge.facts.transaction_facts import read, transaction_event
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v16.id_tags import id_tag_info, token_of_tag
from services.kernel.tokens import Token


def to_event(payload: Payload, context: ChargerContext) -> TransactionEvent:
    """The start, without the decision about its token. Connectors of OCPP 1.6 are EVSEs of their own."""
    moment = context.clock.moment(payload.get("timestamp", ""), context.received_time)
    connector_id = number_at(payload, "connectorId", context)
    token = token_of_tag(payload.get("idTag", ""), context.forgives)
    return transaction_event(
        TransactionEvent.STARTED,
        context,
        moment,
        evse_id=connector_id,
        connector_id=connector_id,
        id_tag=token.value,
        token_type=token.type,
        offline=moment.was_late,
        meter_wh=integer_at(payload, "meterStart", context),
        reservation_id=integer_at(payload, "reservationId", context),
    )


async def handle(payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
    """A session gets a number whatever is decided about its token: it may be over by now."""
    event = read(to_event, payload, context)
    token = Token(event.id_tag, event.token_type)
    decision = await tokens.decide(token, payload.get("idTag", ""), context, backend, event)
    tokens.write_decision(decision, event)
    answer = await backend.record(event)
    if answer.authorization != event.authorization:
        tokens.note(answer.authorization_reason, context)
    return {
        "transactionId": int(answer.ocpp_transaction_id),
        "idTagInfo": id_tag_info(decision, answer.authorization),
    }
