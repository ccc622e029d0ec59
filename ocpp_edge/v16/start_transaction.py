"""StartTransaction (OCPP 1.6 section 4.8): a session has begun, perhaps long ago; it gets its number here."""

from csms.driver.v1.driver_pb2 import TokenDecision
from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge import tokens
from ocpp_edge.backend.ports import Backend
from ocpp_edge.context import ChargerContext
from ocpp_edge.facts import read, transaction_event
from ocpp_edge.frames import Payload
from ocpp_edge.payloads import integer_at, number_at
from ocpp_edge.v16.id_tags import id_tag_info


def to_event(payload: Payload, context: ChargerContext, decision: TokenDecision) -> TransactionEvent:
    """The start. Connectors of OCPP 1.6 are EVSEs of their own."""
    moment = context.clock.moment(payload.get("timestamp", ""), context.received_time)
    connector_id = number_at(payload, "connectorId", context)
    return transaction_event(
        TransactionEvent.STARTED,
        context,
        moment,
        evse_id=connector_id,
        connector_id=connector_id,
        id_tag=tokens.normal(payload.get("idTag", "")),
        authorization=tokens.authorization_of(decision),
        driver_id=decision.driver_id,
        group_id=tokens.normal(decision.group_id),
        offline=moment.was_late,
        meter_wh=integer_at(payload, "meterStart", context),
        reservation_id=integer_at(payload, "reservationId", context),
    )


async def handle(payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
    """A session gets a number whatever is decided about its token: it may be over by now."""
    decision = await tokens.decide(tokens.normal(payload.get("idTag", "")), context, backend)
    event = read(to_event, payload, context, decision)
    answer = await backend.record(event)
    if event.HasField("meter_wh"):
        context.registers.started(answer.transaction_id, event.meter_wh)
    return {
        "transactionId": int(answer.transaction_id),
        "idTagInfo": id_tag_info(decision, answer.authorization),
    }
