"""TransactionEvent (OCPP 2.0.1 use cases E01 to E15): everything a station tells of a session."""

from csms.driver.v1.driver_pb2 import TokenDecision
from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge.backend.ports import Backend
from ocpp_edge.effects import Effect
from ocpp_edge.facts import tokens
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.payloads import integer_at, number_at
from ocpp_edge.facts.places import place
from ocpp_edge.facts.transaction_facts import read, transaction_event
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.v2.costs import cost_to_show
from ocpp_edge.v2.id_tokens import id_token_info, is_token_reported, reported_token
from ocpp_edge.v2.samples import meter_values
from services.kernel.quirks.transactions import EVENT_TYPE_CONCLUDED, NO_TRANSACTION_ID

_KINDS = {
    "Started": TransactionEvent.STARTED,
    "Updated": TransactionEvent.UPDATED,
    "Ended": TransactionEvent.ENDED,
}
# What an end without a reason says (OCPP 2.0.1 part 2, TransactionType.stoppedReason).
_USUAL_REASON = "Local"
# What else tells what an event is: readings are taken for a start and an end, and nothing but an end has a reason.
_ENDS, _BEGINS = "Transaction.End", "Transaction.Begin"


def to_event(payload: Payload, context: ChargerContext) -> TransactionEvent:
    """The event, without a decision about the token that it carries, if any.

    Sequence numbers are handed on as they come: there are stations that count nothing.
    """
    kind = _KINDS.get(payload.get("eventType", ""))
    if kind is None:
        context.forgives(EVENT_TYPE_CONCLUDED)
        kind = kind_of(payload)
    moment = context.clock.moment(payload.get("timestamp", ""), context.received_time)
    session: Payload = payload.get("transactionInfo", {})
    evse: Payload = payload.get("evse", {})
    token, _ = reported_token(payload)
    is_end = kind == TransactionEvent.ENDED
    readings, doubts = meter_values(payload.get("meterValue", ()), moment, context.forgives)
    ocpp_transaction_id = session.get("transactionId", "")
    if not ocpp_transaction_id:
        # Where it belongs is found out by place and time. What an event without a session has no room for is kept.
        rest = {name: value for name, value in payload.items() if name != "meterValue"}
        context.pass_over("transactionInfo.transactionId", rest, NO_TRANSACTION_ID)
    return transaction_event(
        kind,
        context,
        moment,
        doubts,
        ocpp_transaction_id=ocpp_transaction_id,
        evse=place(number_at(evse, "id", context, "evse."), number_at(evse, "connectorId", context, "evse.")),
        token=tokens.token_fields(token),
        seq_no=integer_at(payload, "seqNo", context),
        offline=payload.get("offline", False),
        trigger_reason=payload.get("triggerReason", ""),
        charging_state=session.get("chargingState", ""),
        stop_reason=session.get("stoppedReason", _USUAL_REASON) if is_end else "",
        remote_start_id=integer_at(session, "remoteStartId", context, "transactionInfo."),
        reservation_id=integer_at(payload, "reservationId", context),
        meter_values=readings,
    )


def kind_of(payload: Payload) -> TransactionEvent.Kind.ValueType:
    """What the event tells; concluded from the rest of it when its type is not told, or a word that is not known."""
    kind = _KINDS.get(payload.get("eventType", ""))
    if kind is not None:
        return kind
    entries = payload.get("meterValue", ())
    contexts = {sampled.get("context") for entry in entries for sampled in entry["sampledValue"]}
    if "stoppedReason" in payload.get("transactionInfo", ()) or _ENDS in contexts:
        return TransactionEvent.ENDED
    # Events are counted from 0. Stations that count none send it always: a second start changes nothing.
    if _BEGINS in contexts or payload.get("seqNo") == 0:
        return TransactionEvent.STARTED
    return TransactionEvent.UPDATED


EFFECT = Effect(
    rows=("transactions.state", "transactions.id_tag", "transactions.energy_wh", "transaction_events.trigger_reason"),
    events=("transaction_changed",),
    questions=("csms.driver.v1.AuthorizationService/AuthorizeTokens",),
)


async def handle(payload: Payload, context: ChargerContext, backend: Backend) -> Payload:
    event = read(to_event, payload, context)
    has_token, is_end = is_token_reported(payload, context), event.kind == TransactionEvent.ENDED
    decision: TokenDecision | None = None
    if has_token:
        decide = tokens.decide_at_end if is_end else tokens.decide
        written = payload.get("idToken", {}).get("idToken", "")
        decision = await decide(tokens.token_in(event), written, context, backend, event)
    if decision is not None:
        tokens.write_decision(decision, event)
    answer = await backend.record(event)
    reply = await cost_to_show(event, answer.transaction_id, context, backend) if context.cost_currency else {}
    if not has_token:
        return reply
    # That a token is in use elsewhere matters to one that begins, not to one that ends.
    if is_end or answer.authorization == event.authorization:
        return {**reply, "idTokenInfo": id_token_info(decision, context.version, event.authorization)}
    tokens.note(answer.authorization_reason, context)
    return {**reply, "idTokenInfo": id_token_info(decision, context.version, answer.authorization)}
