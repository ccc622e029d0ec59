"""Exchanges of the journal as frames, and batches of them as the edge sends them."""

from datetime import timedelta
from operator import gt
from uuid import UUID

from csms.transaction.v1 import journal_service_pb2 as journal_pb
from services.journal.batches import contents_of, unpacked
from services.journal.records import Exchange, decoded
from services.kernel.clock import time_at
from services.kernel.errors import invalid
from services.kernel.ids import is_id
from services.kernel.tenancy import DEFAULT_TENANT
from services.transaction.domain.journal_batch import JournalBatch
from services.transaction.domain.message import Direction, OcppMessage
from services.transaction.mapping.messages import KINDS, storable

_OPPOSITE = {Direction.INBOUND: Direction.OUTBOUND, Direction.OUTBOUND: Direction.INBOUND}


def batch_of(message: journal_pb.JournalBatch) -> JournalBatch:
    """A batch. Raises: INVALID_FIELD for one that could not be read again."""
    if not is_id(message.id):
        raise invalid("batches.id", "is not an id")
    try:
        names, _, exchanges, frames, firsts, lasts, actions = contents_of(message.content)
        are_odd = (
            any("\0" in name for name in names)
            or min(exchanges) < 1
            or any(map(gt, exchanges, frames))
            or any(map(gt, firsts, lasts))
        )
        if are_odd or {type(count) for each in actions for count in each.values()} != {int}:
            raise ValueError("a part that cannot be")
        return JournalBatch(
            message.id,
            message.tenant_id or DEFAULT_TENANT,
            time_at(min(firsts)),
            time_at(max(lasts)),
            sum(exchanges),
            tuple(names),
            tuple(frames),
            message.content,
        )
    except (ValueError, OverflowError) as error:
        raise invalid("batches.content", f"is no batch: {error}") from error


def rows_of(batch: JournalBatch) -> list[OcppMessage]:
    """The frames of a batch, requests with their answers."""
    return [
        _row(part.charge_point_id, batch.tenant_id, exchange)
        for part, records in unpacked(batch.content)
        for exchange in decoded(records)
    ]


def request_in(charge_point_id: str, exchange: Exchange) -> OcppMessage:
    """The request of an exchange, or its only frame, as lists show it."""
    row = _row(charge_point_id, DEFAULT_TENANT, exchange)
    if row.answer_frame is None:
        return row
    return row._replace(error_code="", latency_us=0, answer_kind=None, answer_frame=None, note=None)


def answer_in(charge_point_id: str, exchange: Exchange) -> OcppMessage:
    """The answer of an exchange that has one, as lists show it."""
    row = _row(charge_point_id, DEFAULT_TENANT, exchange)
    return row._replace(
        id=answer_id(row.id),
        time=row.time + timedelta(microseconds=row.latency_us),
        direction=_OPPOSITE[row.direction],
        kind=row.answer_kind,
        frame=row.answer_frame or "",
        answer_kind=None,
        answer_frame=None,
    )


def answer_id(request_id: str) -> str:
    """The id of the answer to a request."""
    return str(UUID(int=UUID(request_id).int ^ 1))


def _row(charge_point_id: str, tenant_id: str, exchange: Exchange) -> OcppMessage:
    return OcppMessage(
        charge_point_id,
        time_at(exchange.time_us),
        exchange.id,
        exchange.epoch,
        Direction.INBOUND if exchange.is_inbound else Direction.OUTBOUND,
        KINDS.get(exchange.kind),
        storable(exchange.message_id),
        storable(exchange.action),
        _text(exchange.frame),
        storable(exchange.error_code),
        exchange.latency_us,
        exchange.protocol,
        KINDS.get(exchange.answer_kind),
        _text(exchange.answer) if exchange.answer else None,
        storable(exchange.note) or None,
        tenant_id,
    )


def _text(frame: bytes) -> str:
    return storable(frame.decode(errors="replace"))
