"""Batches of the journal as frames, for transaction services of releases before 0.3.0, which do not know batches."""

from collections.abc import Iterable

from csms.transaction.v1.journal_service_pb2 import AppendMessagesRequest, JournalBatch, OcppMessage
from services.journal.batches import unpacked
from services.journal.records import decoded


def in_rows(batches: Iterable[JournalBatch]) -> AppendMessagesRequest:
    """The frames of batches, requests with their answers, under the ids that they have in batches."""
    request = AppendMessagesRequest()
    for batch in batches:
        for part, records in unpacked(batch.content):
            for exchange in decoded(records):
                message = request.messages.add(
                    id=exchange.id,
                    charge_point_id=part.charge_point_id,
                    epoch=exchange.epoch,
                    direction=OcppMessage.INBOUND if exchange.is_inbound else OcppMessage.OUTBOUND,
                    kind=OcppMessage.Kind.ValueType(exchange.kind),
                    message_id=exchange.message_id,
                    action=exchange.action,
                    frame=_text(exchange.frame),
                    error_code=exchange.error_code,
                    latency_us=exchange.latency_us,
                    protocol=exchange.protocol,
                    answer_kind=OcppMessage.Kind.ValueType(exchange.answer_kind),
                    answer_frame=_text(exchange.answer),
                    note=exchange.note,
                    tenant_id=batch.tenant_id,
                )
                message.time.FromMicroseconds(exchange.time_us)
    return request


def _text(frame: bytes) -> str:
    return frame.decode(errors="replace").replace("\0", "\ufffd")
