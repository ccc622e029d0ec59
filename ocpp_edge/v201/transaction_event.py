"""TransactionEvent (OCPP 2.0.1 use cases E01 to E15): everything a station tells of a session."""

from csms.driver.v1.driver_pb2 import TokenDecision
from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge import tokens
from ocpp_edge.backend.ports import Backend
from ocpp_edge.context import ChargerContext
from ocpp_edge.facts import transaction_event
from ocpp_edge.frames import Payload
from ocpp_edge.payloads import integer_at, number_at
from ocpp_edge.v201.id_tokens import id_tag_of, id_token_info
from ocpp_edge.v201.samples import meter_values

_KINDS = {
    "Started": TransactionEvent.STARTED,
    "Updated": TransactionEvent.UPDATED,
    "Ended": TransactionEvent.ENDED,
}
# What an end without a reason says (OCPP 2.0.1 part 2, TransactionType.stoppedReason).
_USUAL_REASON = "Local"


def to_event(payload: Payload, context: ChargerContext, decision: TokenDecision | None) -> TransactionEvent:
    """The event. `decision` is about the token it carries, if any.

    Sequence numbers are handed on as they come: there are stations that count nothing.
    """
    kind = _KINDS[payload["eventType"]]
    moment = context.clock.moment(payload.get("timestamp", ""), context.received_time)
    session: Payload = payload["transactionInfo"]
    evse: Payload = payload.get("evse", {})
    is_end = kind == TransactionEvent.ENDED
    readings, doubts = meter_values(payload.get("meterValue", []), moment)
    return transaction_event(
        kind,
        context,
        moment,
        doubts,
        transaction_id=session["transactionId"],
        evse_id=number_at(evse, "id"),
        connector_id=number_at(evse, "connectorId"),
        id_tag=id_tag_of(payload),
        authorization=tokens.authorization_of(decision),
        driver_id=decision.driver_id if decision is not None else "",
        seq_no=integer_at(payload, "seqNo"),
        offline=payload.get("offline", False),
        trigger_reason=payload.get("triggerReason", ""),
        charging_state=session.get("chargingState", ""),
        stop_reason=session.get("stoppedReason", _USUAL_REASON) if is_end else "",
        remote_start_id=integer_at(session, "remoteStartId"),
        reservation_id=integer_at(payload, "reservationId"),
        meter_values=readings,
    )


async def handle(payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
    id_tag = id_tag_of(payload)
    decision: TokenDecision | None = None
    if id_tag:
        is_end = payload["eventType"] == "Ended"
        decide = tokens.decide_at_end if is_end else tokens.decide
        decision = await decide(id_tag, context, backend)
    event = to_event(payload, context, decision)
    answer = await backend.record(event)
    if decision is None:
        return {}
    # That a token is in use elsewhere matters to one that begins, not to one that ends.
    authorization = event.authorization if event.kind == TransactionEvent.ENDED else answer.authorization
    return {"idTokenInfo": id_token_info(decision, authorization)}
