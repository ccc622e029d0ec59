"""StartTransaction (OCPP 1.6 section 4.8): a session has begun, perhaps long ago; it gets its number here."""

from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge.backend.ports import Backend
from ocpp_edge.effects import Effect
from ocpp_edge.facts import tokens
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.payloads import integer_at, number_at
from ocpp_edge.facts.places import place_of_connector
from ocpp_edge.facts.transaction_facts import read, transaction_event
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v16.id_tags import id_tag_info, token_of_tag


def to_event(payload: Payload, context: ChargerContext) -> TransactionEvent:
    """The start, without the decision about its token."""
    moment = context.clock.moment(payload.get("timestamp", ""), context.received_time)
    return transaction_event(
        TransactionEvent.STARTED,
        context,
        moment,
        evse=place_of_connector(number_at(payload, "connectorId", context)),
        token=tokens.token_fields(token_of_tag(payload.get("idTag", ""), context.forgives)),
        offline=moment.was_late,
        meter_wh=integer_at(payload, "meterStart", context),
        reservation_id=integer_at(payload, "reservationId", context),
    )


EFFECT = Effect(
    rows=("transactions.state", "transactions.id_tag", "transactions.meter_start_wh", "transaction_events.kind"),
    events=("transaction_changed",),
    questions=("csms.driver.v1.AuthorizationService/AuthorizeTokens",),
)


async def handle(payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
    """A session gets a number whatever is decided about its token: it may be over by now."""
    event = read(to_event, payload, context)
    decision = await tokens.decide(tokens.token_in(event), payload.get("idTag", ""), context, backend, event)
    tokens.write_decision(decision, event)
    answer = await backend.record(event)
    if answer.authorization != event.authorization:
        tokens.note(answer.authorization_reason, context)
    return {
        "transactionId": int(answer.ocpp_transaction_id),
        "idTagInfo": id_tag_info(decision, answer.authorization),
    }
