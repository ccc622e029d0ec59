"""GetTransactionStatus (OCPP 2.0.1 use case E14): what its answer, whoever asked, says of a session."""

from datetime import datetime

from csms.transaction.v1.recording_service_pb2 import TransactionEvent
from ocpp_edge.backend.ports import Backend
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.exchange import Answers, Exchange
from ocpp_edge.rpc.frames import Payload
from services.rpc.protobuf import timestamp

ACTION = "GetTransactionStatus"
# As of a message that we have triggered (TriggerReasonEnumType).
_TRIGGER = "Trigger"


def to_event(asked: Payload, answer: Payload, context: ChargerContext, now: datetime) -> TransactionEvent | None:
    """That the session goes on, or that it is lost; None when it was not asked after one, or not answered.

    The end of one that does not go on may still wait in the queue of the station (`messagesInQueue`).
    """
    ocpp_transaction_id, goes_on = asked.get("transactionId"), answer.get("ongoingIndicator")
    if not ocpp_transaction_id or goes_on is None:
        return None
    return TransactionEvent(
        kind=TransactionEvent.UPDATED if goes_on else TransactionEvent.LOST,
        charge_point_id=context.charge_point_id,
        epoch=context.epoch,
        protocol=context.version.subprotocol,
        station_id=context.station_id,
        tenant_id=context.tenant_id,
        ocpp_transaction_id=ocpp_transaction_id,
        device_time=timestamp(now),
        received_time=timestamp(now),
        trigger_reason=_TRIGGER if goes_on else "",
    )


async def take_in(exchange: Exchange, backend: Backend) -> None:
    """Record what the answer says: it is told as well as if the station had said so by itself."""
    event = to_event(exchange.asked, exchange.answer, exchange.context, exchange.answer_time)
    if event is not None:
        await backend.record(event)


ANSWERS: Answers = {ACTION: take_in}
